"""`python -m benchmarks.peers.alone ENGINE EVENTS FOLDER`: one engine in a process of its own, its figures as JSON."""

import json
import sys
from pathlib import Path

from benchmarks.peers import work

if __name__ == "__main__":
    engine, events, folder = sys.argv[1:]
    found = work.main(engine, Path(events), Path(folder))
    Path(folder, "figures.json").write_text(json.dumps(found))
