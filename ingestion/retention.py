"""Rows past their source's retention removed: from raw, from the files they came in, and from the vault.

A row is kept for so many days from its arrival, which for a back-fill is its event. The manifest is replaced once all
is written aside, so a removal is there whole or not at all, and keeps the digests: a file that comes again is known.
The next run builds everything again from what is left.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from ingestion import horizon, source, store, vault
from ingestion.ready import is_sidecar, sidecar
from ingestion.source import UnknownSourceError
from ingestion.sql import quoted
from warehouse import contracts, keys, manifest
from warehouse.contracts import Contract
from warehouse.manifest import Line
from warehouse.settings import Settings
from warehouse.sql import literal


@dataclass(frozen=True)
class Removal:
    """What of a source is, or would be, removed: rows of raw, rejected rows, delivered files; bytes of all of it.

    `until` is the arrival up to which, inclusive, rows go.
    """

    source: str
    until: datetime
    rows: int = 0
    rejects: int = 0
    files: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class Outcome:
    """Removals of the sources that have any, and the values of the vault that no row refers to."""

    removals: tuple[Removal, ...]
    vault_values: int
    is_done: bool


@dataclass(frozen=True)
class _Part:
    """A Parquet file with rows to remove: how many of each line, by file and batch, and how many it has."""

    name: str
    expired: dict[tuple[str, int], int]
    rows: int

    @property
    def gone(self) -> int:
        """Rows to remove."""
        return sum(self.expired.values())


def remove(settings: Settings, as_of: datetime, *, dry_run: bool) -> Outcome:
    """Remove what is past its retention at `as_of` (UTC, naive); on a dry run only count. The caller holds the slot.

    Repeating it removes nothing more.

    Raises:
        SmaltiError: the pseudonyms stand under another key.
    """
    keys.hold(settings)
    batch = manifest.next_batch(settings.raw)
    folders = sorted(path.parent for path in settings.raw.glob("*/manifest.jsonl"))
    with duckdb.connect() as connection:
        connection.execute(f"set threads = {settings.threads}")
        connection.execute(f"set memory_limit = {literal(settings.memory_limit)}")
        connection.execute(f"set temp_directory = {literal(settings.home / 'spill')}")
        found = [_source(connection, settings, folder, as_of, batch, dry_run=dry_run) for folder in folders]
        _refer(connection, folders, as_of)
        values = vault.unreferenced(connection, settings)
        if values and not dry_run:
            vault.keep_referenced(connection, settings)
    removals = tuple(one for one in found if one.rows or one.rejects or one.files)
    return Outcome(removals, values, is_done=not dry_run)


def _until(contract: Contract, as_of: datetime) -> datetime:
    return as_of - timedelta(days=contract.retention_days)


def _source(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    folder: Path,
    as_of: datetime,
    batch: int,
    *,
    dry_run: bool,
) -> Removal:
    contract, lines = contracts.read(folder), manifest.read(folder)
    until = _until(contract, as_of)
    parts = [part for name in _old(lines, until) if (part := _part(connection, folder, name, until)).gone]
    rejected = [line for line in lines if line.rejects and _is_past(line, until)]
    files = _delivered(settings, folder.name, lines, until)
    removal = Removal(
        source=folder.name,
        until=until,
        rows=sum(part.gone for part in parts),
        rejects=sum(line.rows_rejected for line in rejected),
        files=len(files),
        bytes=sum(_bytes(folder, part) for part in parts) + sum(path.stat().st_size for path in files),
    )
    if not dry_run:
        if parts or rejected:
            _rewrite(connection, folder, lines, parts, rejected, until, batch)
        store.prepare(folder, contract)  # removes what no line names, also of a removal that was killed
        for path in files:
            path.unlink(missing_ok=True)
    return removal


def _old(lines: Sequence[Line], until: datetime) -> list[str]:
    """The Parquet files that may have rows to remove: those of arrival days up to that moment."""
    named = {name for line in lines for name in line.parquet}
    return sorted(name for name in named if name.split("/")[0] <= f"{until:%Y-%m-%d}")


def _part(connection: duckdb.DuckDBPyConnection, folder: Path, name: str, until: datetime) -> _Part:
    past = f"_arrived_at <= timestamp '{until}'"
    found = connection.execute(
        f"select _file, _batch, count(*) filter ({past}), count(*) from read_parquet(?) group by all",
        [str(folder / name)],
    ).fetchall()
    return _Part(name, {(sha, batch): gone for sha, batch, gone, _ in found if gone}, sum(row[3] for row in found))


def _bytes(folder: Path, part: _Part) -> int:
    return (folder / part.name).stat().st_size * part.gone // part.rows


def _is_past(line: Line, until: datetime) -> bool:
    return line.arrived_at is not None and datetime.fromisoformat(line.arrived_at) <= until


def _rewrite(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    lines: list[Line],
    parts: Sequence[_Part],
    rejected: Sequence[Line],
    until: datetime,
    batch: int,
) -> None:
    """What is left is written aside under new names; the manifest makes it count, then the old files go."""
    horizon.move(folder, until)  # first: from here on nothing of it can come back
    renamed: dict[str, str | None] = {}
    with store.workspace(folder) as work:
        for part in parts:
            left = f"_arrived_at > timestamp '{until}' or _arrived_at is null"
            some = part.gone < part.rows
            renamed[part.name] = _left(connection, folder, work, part.name, left) if some else None
        for name in {line.rejects for line in rejected if line.rejects}:
            gone = {line.file for line in rejected if line.rejects == name}
            some = any(line.rejects == name and line.file not in gone for line in lines)
            listed = ", ".join(map(literal, sorted(gone)))
            renamed[name] = _left(connection, folder, work, name, f"file not in ({listed})") if some else None
        store.put_in_place(work, folder, [name for name in renamed.values() if name])
    manifest.write(folder, [_shortened(line, parts, rejected, renamed, batch) for line in lines])


def _left(connection: duckdb.DuckDBPyConnection, folder: Path, work: Path, name: str, left: str) -> str:
    """Write the rows of a Parquet file that are left under a name of their own."""
    day = name.rpartition("/")[0]
    new = f"{day}/{hashlib.sha256(f'{name} {left}'.encode()).hexdigest()}.parquet"
    store.copy(connection, f"select * from read_parquet({literal(folder / name)}) where {left}", work / new)
    return new


def _shortened(
    line: Line, parts: Sequence[_Part], rejected: Sequence[Line], renamed: dict[str, str | None], batch: int
) -> Line:
    """The line with the names of what is left."""
    gone = sum(part.expired.get((line.sha256, line.batch), 0) for part in parts if part.name in line.parquet)
    parquet = tuple(sorted(name for one in line.parquet if (name := renamed.get(one, one))))
    update: dict[str, object] = {"parquet": parquet}
    if line.rejects in renamed:
        update["rejects"] = None if line in rejected else renamed[line.rejects]
    if gone:
        update |= {"rows_expired": line.rows_expired + gone, "expired_by": batch}
    if not parquet:
        update["withheld"] = None
    return line.model_copy(update=update)


def _delivered(settings: Settings, name: str, lines: Sequence[Line], until: datetime) -> list[Path]:
    """Files of the source in `drop/done` and `drop/quarantine` of which no row is kept, with their sidecars."""
    arrived = {(Path(line.file).name, line.bytes): line.arrived_at for line in lines}
    found = []
    for place in ("done", "quarantine"):
        for path in sorted((settings.drop / place / name).glob("*")):
            if is_sidecar(path) or not path.is_file():
                continue
            known = arrived.get((path.name, path.stat().st_size))
            moment = datetime.fromisoformat(known) if known else _arrival(name, path)
            if moment <= until:
                found += [path, *([beside] if (beside := sidecar(path)) else [])]
    return found


def _arrival(name: str, path: Path) -> datetime:
    """As its name says, else when it was last changed."""
    try:
        stated = source.load_source(name).arrived_at(path.name)
    except (UnknownSourceError, ValueError):
        stated = None
    return stated or datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(tzinfo=None)


def _refer(connection: duckdb.DuckDBPyConnection, folders: Sequence[Path], as_of: datetime) -> None:
    """Make `referenced`, the pseudonyms of rows that are kept, and `rows`, the places of rows with unnamed columns."""
    connection.execute("create or replace temp table referenced (kind varchar, hmac varchar)")
    connection.execute("create or replace temp table rows (source varchar, file varchar, position bigint)")
    for folder in folders:
        contract = contracts.read(folder)
        named = sorted({str(folder / name) for line in manifest.read(folder) for name in line.parquet})
        if not contract.is_personal or not named:
            continue
        kept = f"from read_parquet(?, union_by_name = true) where _arrived_at > timestamp '{_until(contract, as_of)}'"
        for column in contract.columns:
            if column.kind:
                value = quoted(column.in_raw)
                query = (
                    f"insert into referenced select distinct '{column.kind}', {value} {kept} and {value} is not null"
                )
                connection.execute(query, [named])
        query = f"insert into rows select {literal(folder.name)}, _file, _position {kept} and _extra is not null"
        connection.execute(query, [named])
