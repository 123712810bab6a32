"""Ours beside the references, by their protocols: one table, each line with an interval and a verdict.

A part is a function from the folder of data to its lines; it says "not measured" and why where its data is not there.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from benchmarks import cdnow_lifetime, cdnow_purchases, lines, reference_clusters, reference_recommend
from benchmarks.lines import Line
from warehouse.settings import CHECKOUT

DATA = CHECKOUT.parent / "shared" / "data"
PARTS: list[Callable[[Path], list[Line]]] = [
    cdnow_purchases.measure,
    cdnow_lifetime.measure,
    reference_clusters.measure,
    reference_recommend.measure,
]


def main() -> None:
    """Measure every part and print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.reference", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with one folder a data set")
    parser.add_argument("--json", action="store_true", help="the lines as JSON")
    asked = parser.parse_args()
    found = [line for part in PARTS for line in part(asked.data)]
    print(json.dumps([line.to_dict() for line in found], indent=1) if asked.json else lines.table(found))


if __name__ == "__main__":
    main()
