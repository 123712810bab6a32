"""Files that were loaded, found again: what loading did not take of them can be taken later."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from ingestion.delivery import Delivery, stamp
from warehouse.contracts import Contract
from warehouse.manifest import Line


def kept(lines: Sequence[Line], folders: Iterable[Path]) -> dict[str, Path]:
    """By digest, the files in these folders that lines came from; only those of their sizes are read."""
    wanted = {line.sha256: line.bytes for line in lines}
    found: dict[str, Path] = {}
    for path in sorted(path for folder in folders for path in folder.rglob("*") if path.is_file()):
        if path.stat().st_size in wanted.values():
            with path.open("rb") as file:
                found[hashlib.file_digest(file, "sha256").hexdigest()] = path
    return found


def delivery(line: Line, path: Path, contract: Contract) -> Delivery:
    """The file as it was delivered, wherever and under whatever name it is kept."""
    named = contract.arrival == "file_name" and line.arrived_at
    arrived_at = datetime.fromisoformat(line.arrived_at) if named and line.arrived_at else None
    return Delivery(path, line.file, arrived_at, line.sha256, stamp(path), path)
