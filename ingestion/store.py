"""The source's folder in raw: prepared, written aside, put in place, and rid of what a killed load left."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ingestion.delivery import Delivery, stamp
from ingestion.ready import SIDECAR, sidecar
from ingestion.sql import quoted
from warehouse import atomic, manifest
from warehouse.contracts import Contract
from warehouse.settings import Settings
from warehouse.sql import literal

_LONGEST = 50  # characters of a name that more is put to; a name has 255 bytes at most


@dataclass(frozen=True)
class Finished:
    """A delivered file whose place is decided: `loaded` files and their repeats, or `quarantined` ones."""

    delivery: Delivery
    is_quarantined: bool


@contextmanager
def workspace(folder: Path) -> Iterator[Path]:
    """A private folder within the source's; it goes at the end, after a kill with the next load."""
    path = Path(tempfile.mkdtemp(prefix=".tmp-", dir=folder))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def prepare(folder: Path, contract: Contract) -> None:
    """Make the folder, remove what no manifest line names, write contract and the zero-row Parquet.

    Readers take `empty.parquet` with whatever the manifest names, and so always have the schema.
    """
    folder.mkdir(parents=True, exist_ok=True)
    named = {name for line in manifest.read(folder) for name in line.names}
    for orphan in folder.glob("*/*.parquet"):
        if orphan.relative_to(folder).as_posix() not in named:
            orphan.unlink()
    for left in folder.glob(".tmp-*"):
        shutil.rmtree(left)
    for part in folder.glob("*.tmp"):  # over a file that is there DuckDB would write under yet another name
        part.unlink()
    contract.write(folder)
    columns = ", ".join(f"null::{kind} as {quoted(name)}" for name, kind in contract.raw_columns().items())
    temporary = folder / "empty.parquet.tmp"
    with duckdb.connect() as connection:
        connection.execute(f"copy (select {columns} limit 0) to {literal(str(temporary))} (format parquet)")
    temporary.replace(folder / "empty.parquet")


def copy(connection: duckdb.DuckDBPyConnection, query: str, target: Path) -> None:
    """Write the query's rows as zstd Parquet."""
    target.parent.mkdir(parents=True, exist_ok=True)
    connection.execute(f"copy ({query}) to {literal(str(target))} (format parquet, compression zstd)")


def put_in_place(work: Path, folder: Path, names: Sequence[str]) -> None:
    """Move written Parquet files from the work folder to their names, durably; readers see none of them yet.

    The source's own folder may be new, so may raw and the vault beside it: their names are waited for, too.
    """
    for name in names:
        target = folder / name
        target.parent.mkdir(exist_ok=True)
        atomic.sync(work / name)
        (work / name).replace(target)
    for parent in {(folder / name).parent for name in names} | {folder, *folder.parents[:2]}:
        atomic.sync(parent)


def clear_drop(settings: Settings, source: str, finished: Sequence[Finished]) -> list[str]:
    """Move finished files of the drop folder to `done/<source>` or `quarantine/<source>`, owner only.

    What could not be moved is told, a line each; the next load finds it known, and moves it.
    """
    problems = []
    for one in finished:
        try:
            _move(settings.drop / ("quarantine" if one.is_quarantined else "done") / source, one.delivery)
        except OSError as error:
            where = f"{source}, {one.delivery.file}"
            problems.append(f"file not moved out of drop: {error.strerror} · {where} · the next load moves it")
    return problems


def _move(target: Path, delivery: Delivery) -> None:
    """A file of the same name but other content that is already there stays; the newcomer then carries its digest.

    A file that was replaced meanwhile stays where it is, for the next load.
    """
    if stamp(delivery.path) != delivery.stamp:
        return
    for private in (target.parent, target):
        private.mkdir(mode=0o700, exist_ok=True)
    place = target / delivery.path.name
    if place.exists():
        place = target / f"{delivery.sha256[:12]}_{place.name[:_LONGEST]}"
    # the sidecar first: without its file nothing would ever move it
    if beside := sidecar(delivery.path):
        beside.replace(place.with_name(place.name + SIDECAR))
    delivery.path.replace(place)
