"""Each source's manifest: what was loaded from which file, kept beside the raw data and outside any database.

A Parquet file that no manifest line names does not exist for readers: loading writes data first,
then the manifest by one rename, so a load is there whole or not at all.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from warehouse import atomic
from warehouse.contracts import Frozen


class Line(Frozen):
    """One delivered file. Times are ISO 8601, UTC, without offset; `parquet` is relative to the source's folder.

    A `superseded` line was loaded, until the batch `superseded_by` brought a file of the same name with other content:
    none of its rows counts any more. `withheld` is Parquet that names rows (file, position, batch) of `parquet` which
    do not count, as their key came before. `key_id` names the key of the pseudonyms of its rows, those that dbt makes
    of them included; None where it was loaded before keys had names. `rows_expired` of its rows are no longer there,
    since retention removed them as `expired_by`, a batch without a file; the other counts say what was loaded.
    """

    file: str
    sha256: str
    bytes: int
    status: Literal["loaded", "quarantined", "superseded"]
    reason: str | None = None
    run_id: str
    batch: int
    key_id: str | None = None
    superseded_by: int | None = None
    expired_by: int | None = None
    rows_expired: int = 0
    rows_in: int = 0
    rows_loaded: int = 0
    rows_rejected: int = 0
    rows_duplicate: int = 0
    rows_suppressed: int = 0
    arrived_at: str | None = None
    first_event_at: str | None = None
    last_event_at: str | None = None
    parquet: tuple[str, ...] = ()
    withheld: str | None = None
    rejects: str | None = None

    @property
    def last_batch(self) -> int:
        """The batch that last changed what the line stands for."""
        return max(self.batch, self.superseded_by or 0, self.expired_by or 0)

    @property
    def names(self) -> tuple[str, ...]:
        """All Parquet files of the line."""
        return (*self.parquet, *(name for name in (self.withheld, self.rejects) if name))


def read(folder: Path) -> list[Line]:
    """The lines of a source's manifest, oldest first; none where nothing was loaded yet."""
    path = folder / "manifest.jsonl"
    if not path.exists():
        return []
    return [Line.model_validate_json(line) for line in path.read_text().splitlines()]


def live(lines: Iterable[Line]) -> list[Line]:
    """Those whose rows count: neither quarantined nor superseded."""
    return [line for line in lines if line.status == "loaded"]


def write(folder: Path, lines: list[Line]) -> None:
    """Replace the manifest by these lines, atomically and durably."""
    temporary = folder / "manifest.jsonl.tmp"
    with temporary.open("w") as file:
        file.writelines(json.dumps(line.model_dump()) + "\n" for line in lines)
    atomic.sync(temporary)
    temporary.replace(folder / "manifest.jsonl")
    atomic.sync(folder)


def next_batch(raw: Path) -> int:
    """One more than the highest batch number of any source."""
    return 1 + max((line.last_batch for path in raw.glob("*/manifest.jsonl") for line in read(path.parent)), default=0)
