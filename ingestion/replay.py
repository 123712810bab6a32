"""Try rejected rows again under today's contract, out of the files that they came in.

What the rejects show is masked and cannot be loaded: the file itself is read again, from `drop/done` or a folder that
is given, known by its digest. Rows that load leave the line of their first load for one of a new batch that names the
same file, so each row of a file is still accounted for once.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import duckdb

from ingestion import group, originals, store, vault
from ingestion.delivery import Delivery, discard, inspect
from ingestion.filesystem import Contents
from ingestion.group import Bench
from ingestion.load import check_balance, plainly
from ingestion.source import Source, load_source
from ingestion.sql import connect
from ingestion.unpack import Room
from ingestion.write import Job
from warehouse import keys, manifest
from warehouse.manifest import Line
from warehouse.settings import Settings
from warehouse.sql import literal


@dataclass(frozen=True)
class Outcome:
    """What a replay did with rejected rows; `problems` name those that could not be tried."""

    source: str
    rows_in: int = 0
    rows_loaded: int = 0
    rows_rejected: int = 0
    rows_duplicate: int = 0
    rows_suppressed: int = 0
    rows_untried: int = 0
    batch: int | None = None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Unit:
    """Lines that share a Parquet file of rejects, and after a replay the lines that take their place."""

    rejects: str
    before: tuple[Line, ...]
    after: tuple[Line, ...] = ()
    added: tuple[Line, ...] = ()
    tried: int = 0
    problems: tuple[str, ...] = ()


def replay(settings: Settings, name: str, folder: Path | None, run_id: str, loaded_at: datetime) -> Outcome:
    """Try the rejected rows of source `name`; files are looked for in `drop/done` and in `folder`.

    Running it again changes nothing. Killed, it has changed nothing: the manifest is replaced last.

    Raises:
        UnknownSourceError: there is no such source.
        LoadError: DuckDB or the disk failed; the replay is there whole or not at all.
        BalanceError: rows are unaccounted for; nothing was committed.
        VaultBusyError: another process held the vault.
    """
    source = load_source(name)
    return plainly(name, lambda: _replay(settings, source, folder, run_id, loaded_at))


def _replay(settings: Settings, source: Source, folder: Path | None, run_id: str, loaded_at: datetime) -> Outcome:
    """Find rejects and the files that they came in, and try them."""
    keys.hold(settings)
    name = source.contract.source
    raw = settings.raw / name
    store.prepare(raw, source.contract)
    lines = manifest.read(raw)
    live = manifest.live(lines)
    shared = dict.fromkeys(line.rejects for line in live if line.rejects)
    units = [_Unit(rejects, tuple(line for line in live if line.rejects == rejects)) for rejects in shared if rejects]
    kept = originals.kept(
        [line for line in live if line.rejects],
        [settings.drop / "done" / name, *([folder.resolve()] if folder else [])],
    )
    job = Job(source, raw, run_id, loaded_at, manifest.next_batch(settings.raw))
    return _outcome(job, _tried(settings, job, lines, units, kept, folder) if units else [])


def _tried(
    settings: Settings, job: Job, lines: list[Line], units: list[_Unit], kept: dict[str, Path], folder: Path | None
) -> list[_Unit]:
    """Try unit by unit, then commit them together."""
    done: list[_Unit] = []
    exports, contents = folder or settings.drop, Contents()
    with store.workspace(job.raw) as work, connect(settings, work / "spill", exports, contents) as connection:
        room = Room.of(settings, work, contents)
        bench = group.prepare(connection, job.source.contract)
        for unit in units:
            before = [*lines, *(line for one in done for line in one.added)]
            done.append(_try(bench, job, room, before, unit, kept))
        if any(one.added for one in done):
            _commit(settings, job, connection, work, lines, done)
    return done


def _try(
    bench: Bench,
    job: Job,
    room: Room,
    before: Sequence[Line],
    unit: _Unit,
    kept: dict[str, Path],
) -> _Unit:
    """Load the unit's rejected rows into `work`, as far as the files are there and keep the contract's form."""
    contract, work = job.source.contract, room.folder.parent
    kept_ones = [originals.delivery(line, kept[line.sha256], contract) for line in unit.before if line.sha256 in kept]
    found = [inspect(one, contract, room) for one in kept_ones]
    tried_ones = [one for one in found if not one.waits]
    result = group.load(bench, job, work, before, tried_ones, lambda files: _rejected(files, job.raw / unit.rejects))
    discard(found)
    tried = {line.sha256: line for line in result.lines if line.status == "loaded"}
    faults = {line.sha256: line.reason for line in result.lines if line.status == "quarantined"}
    faults |= {one.sha256: one.waits for one in found if one.waits}
    problems = tuple(_untried(job, line, faults.get(line.sha256)) for line in unit.before if line.sha256 not in tried)
    again = {line.sha256: line.rows_rejected for line in unit.before}
    for line in tried.values():
        check_balance(job, line.model_copy(update={"rows_in": again[line.sha256]}))
    unit = replace(unit, tried=sum(again[sha] for sha in tried), problems=problems, after=unit.before)
    if not any(line.rows_loaded + line.rows_duplicate + line.rows_suppressed for line in tried.values()):
        return unit
    rejects = _still_rejected(bench.connection, job, work, unit, tried)
    pairs = [_moved(line, tried.get(line.sha256), rejects) for line in unit.before]
    return replace(unit, after=tuple(after for after, _ in pairs), added=tuple(new for _, new in pairs if new))


def _rejected(files: Sequence[Delivery], rejects: Path) -> str:
    """SQL that holds for a row of `judged` that stands in these rejects."""
    names = ", ".join(literal(one.file) for one in files) or "''"
    return (
        f"exists (select 1 from read_parquet({literal(rejects)}) as earlier "
        f"where earlier.file = ([{names}])[judged._file_no + 1] and earlier.position = judged._position)"
    )


def _untried(job: Job, line: Line, fault: str | None) -> str:
    why = fault or "the file is not kept; allowed: --data FOLDER with the same file"
    return f"{line.rows_rejected} rejected rows not tried · {job.source.contract.source}, {line.file} · {why}"


def _moved(line: Line, tried: Line | None, rejects: str) -> tuple[Line, Line | None]:
    """The first load's line without the rows that are rejected no more, and the line that has them."""
    if tried is None:
        return line.model_copy(update={"rejects": rejects}), None
    gone = tried.rows_loaded + tried.rows_duplicate + tried.rows_suppressed
    counts = {"rows_in": line.rows_in - gone, "rows_rejected": tried.rows_rejected}
    after = line.model_copy(update=counts | {"rejects": rejects if tried.rows_rejected else None})
    return after, tried.model_copy(update={"rows_in": gone, "rows_rejected": 0, "rejects": None}) if gone else None


def _still_rejected(
    connection: duckdb.DuckDBPyConnection, job: Job, work: Path, unit: _Unit, tried: dict[str, Line]
) -> str:
    """Write the unit's rejects anew: those of files not tried as they were, of the others with today's reasons."""
    names = [line.file for line in unit.before if line.sha256 not in tried]
    listed = ", ".join(literal(name) for name in names) or "''"
    query = f"select * from read_parquet({literal(str(job.raw / unit.rejects))}) where file in ({listed})"
    found = next((line.rejects for line in tried.values() if line.rejects), None)
    if found:
        query += f" union all by name select * from read_parquet({literal(str(work / found))})"
    digest = hashlib.sha256(f"{job.batch} {unit.rejects}".encode()).hexdigest()
    store.copy(connection, query, work / f"rejects/{digest}.parquet")
    return f"rejects/{digest}.parquet"


def _commit(
    settings: Settings,
    job: Job,
    connection: duckdb.DuckDBPyConnection,
    work: Path,
    lines: list[Line],
    done: list[_Unit],
) -> None:
    """Vault, data, manifest, as a load does: only the last step makes the replay exist."""
    changed = {old: new for one in done for old, new in zip(one.before, one.after, strict=True)}
    whole = [changed.get(line, line) for line in lines]
    added = [line for one in done for line in one.added]
    for line in (*whole, *added):
        check_balance(job, line)
    if any(column.pii == "direct" for column in job.source.contract.columns):
        vault.remember(connection, settings, job.source.contract.source)
    named = {name for line in added for name in line.names}
    named |= {line.rejects for one in done if one.added for line in one.after if line.rejects}
    store.put_in_place(work, job.raw, sorted(named))
    manifest.write(job.raw, [*whole, *keys.marked(settings, added)])


def _outcome(job: Job, done: list[_Unit]) -> Outcome:
    added = [line for one in done for line in one.added]
    names = ("rows_loaded", "rows_duplicate", "rows_suppressed")
    loaded, duplicate, suppressed = (sum(getattr(line, name) for line in added) for name in names)
    tried = sum(one.tried for one in done)
    return Outcome(
        source=job.source.contract.source,
        rows_in=tried,
        rows_loaded=loaded,
        rows_duplicate=duplicate,
        rows_rejected=tried - loaded - duplicate - suppressed,
        rows_suppressed=suppressed,
        rows_untried=sum(line.rows_rejected for one in done for line in one.before) - tried,
        batch=job.batch if added else None,
        problems=tuple(problem for one in done for problem in one.problems),
    )
