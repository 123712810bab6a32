"""One scan: count and checksum of all 11 columns. What everything else is a multiple of."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from benchmarks import events
from benchmarks.peers.work import Work
from warehouse.sql import literal


@contextmanager
def ready(path: Path, folder: Path) -> Iterator[Work]:
    """One statement, no answer."""
    sums = ", ".join(f"bit_xor(hash({column}))" for column in events.COLUMNS)
    with duckdb.connect(folder / "scan.duckdb", config={"threads": 2}) as db:

        def scan() -> None:
            db.execute(f"select count(*), {sums} from {literal(path)}").fetchall()

        yield Work({"duckdb": duckdb.__version__}, {"scan": scan}, lambda _: None)
