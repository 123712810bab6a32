"""What each model and test of a dbt process takes: dbt runs one node after the other, so the process tells."""

import json
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

FILE = "costs.jsonl"


def recorder(path: Path) -> Callable[[Any], None]:
    """A callback of dbt's events that writes a line a node: seconds, CPU-seconds, the process's peak memory (MiB).

    What dbt does between two nodes counts for the one that follows.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    last = [time.monotonic(), _cpu_seconds()]

    def record(event: Any) -> None:
        if event.info.name != "NodeFinished":
            return
        now, cpu = time.monotonic(), _cpu_seconds()
        cost = {
            "node": event.data.node_info.node_name,
            "seconds": round(now - last[0], 3),
            "cpu_seconds": round(cpu - last[1], 3),
            "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        }
        last[:] = [now, cpu]
        with path.open("a") as file:
            file.write(json.dumps(cost) + "\n")

    return record


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The lines that the last dbt process wrote, in its order; none where it came to no node."""
    if path.exists():
        yield from map(json.loads, path.read_text().splitlines())


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
