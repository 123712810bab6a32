"""Load a source's new files into raw, exactly once: every delivered row is loaded, rejected, duplicate or suppressed.

Data is written aside and renamed, the vault committed, the manifest replaced last: a load that is killed
anywhere left nothing that a reader sees, and the next one does the same work again.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import duckdb

from ingestion import corrections, group, originals, store, stream, vault
from ingestion.delivery import Delivery, discard, identify, inspect
from ingestion.filesystem import Contents
from ingestion.group import Bench
from ingestion.promise import held
from ingestion.ready import WAITS, Patience, irregular, shown
from ingestion.source import Source, files, load_source
from ingestion.sql import connect
from ingestion.unpack import Room
from ingestion.write import Job
from warehouse import keys, manifest
from warehouse.contracts import Contract
from warehouse.errors import SmaltiError
from warehouse.manifest import Line
from warehouse.settings import Settings

_GROUP_BYTES = 256 << 20  # of content: about 64 MB compressed, well within 4 GB once typed
_STREAMED_BYTES = 1 << 30  # of content that is streamed, of which next to nothing is held
_GROWTH = 4  # a streamed group may be such a part of what the load has read, so that few look through all before them
_GROUP_FILES = 2_000
Progress = Callable[[int, int], None]
T = TypeVar("T")


class LoadError(SmaltiError):
    """DuckDB or the disk failed, which is no file's fault; DuckDB's own message may quote rows and goes no further."""


class BalanceError(SmaltiError):
    """Rows are unaccounted for; nothing was committed."""


@dataclass(frozen=True)
class Outcome:
    """What a load did. Row counts are of new files and of rows that came back.

    Each problem reads `what · where · what is allowed`.
    `waiting` reads alike, of files that may still be on their way: nobody's fault as yet.
    """

    source: str
    files_new: int = 0
    files_known: int = 0
    files_quarantined: int = 0
    files_superseded: int = 0
    rows_in: int = 0
    rows_loaded: int = 0
    rows_rejected: int = 0
    rows_duplicate: int = 0
    rows_suppressed: int = 0
    batch: int | None = None
    problems: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Sorted:
    """Deliveries by what to do: load them, or nothing because their content is known."""

    new: list[Delivery] = field(default_factory=list)
    known: list[tuple[Delivery, Line | None]] = field(default_factory=list)


@dataclass(frozen=True)
class _Told:
    """Lines for a person, as they come: what is wrong, and what is waited for."""

    problems: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)


def load(
    settings: Settings,
    name: str,
    folder: Path,
    run_id: str,
    loaded_at: datetime,
    progress: Progress | None = None,
) -> Outcome:
    """Load the files of source `name` in `folder` whose content was not loaded before; `loaded_at` is UTC, naive.

    `progress` is told files done and files to do. A file that cannot be read is quarantined: a manifest
    line, a problem in the outcome, and no obstacle to the others.

    Raises:
        UnknownSourceError: there is no such source.
        NotADirectoryError: there is no such folder; only the drop folder may be missing.
        LoadError: DuckDB or the disk failed; the load is there whole or not at all, the next one makes it good.
        BalanceError: rows in are not loaded + rejected + duplicate + suppressed; nothing was committed.
        VaultBusyError: another process held the vault.
        SmaltiError: what was loaded before stands under another key.
    """
    source, folder = load_source(name), folder.resolve()
    if not folder.is_dir() and folder != settings.drop:
        raise NotADirectoryError(f"no folder {folder} · exports of {name} · allowed: an existing folder")
    return plainly(name, lambda: _load(settings, source, folder, run_id, loaded_at, progress))


def _load(
    settings: Settings, source: Source, folder: Path, run_id: str, loaded_at: datetime, progress: Progress | None
) -> Outcome:
    """Sort the files of the folder, load the new ones, and clear the drop folder of what the manifest has."""
    keys.hold(settings)
    name = source.contract.source
    raw = settings.raw / name
    store.prepare(raw, source.contract)
    lines = manifest.read(raw)
    patience = Patience.with_drop(settings, loaded_at) if folder == settings.drop else Patience(loaded_at)
    paths = files(source, folder)
    refused = irregular(paths, folder, name)
    unsettled = patience.unsettled([path for path in paths if path not in refused])
    taken = [path for path in paths if path not in refused and path not in unsettled]
    found = _sort(_in_parallel(settings, lambda path: identify(source, path, folder), taken), lines)
    job = Job(source, raw, run_id, loaded_at, manifest.next_batch(settings.raw))
    named = {line.file for line in lines if line.status == "loaded"}
    # corrections first: what they supersede makes no duplicate of any other row
    new = sorted(found.new, key=lambda one: one.file not in named)
    added, told = _load_new(settings, job, folder, lines, new, patience, progress)
    told.problems[:0] = refused.values()
    told.waiting[:0] = [waiting(job, shown(path, folder), why) for path, why in unsettled.items()]
    if folder == settings.drop:
        told.problems.extend(store.clear_drop(settings, name, _finished(found, added)))
    return replace(_outcome(job, found, added, told), files_superseded=_superseded(source.contract, lines, added))


def _superseded(contract: Contract, lines: Sequence[Line], added: Sequence[Line]) -> int:
    pairs = zip(lines, corrections.corrected(contract, lines, added), strict=True)
    return len({old.sha256 for old, new in pairs if new != old})


def plainly(name: str, work: Callable[[], T]) -> T:
    """Do this work on source `name`; where DuckDB or the disk fails, the message names the kind of failure only.

    Raises:
        LoadError: one of them did, for a reason that is no file's fault.
    """
    try:
        return work()
    except duckdb.Error as error:
        failed = f"{type(error).__name__} in DuckDB"
    except OSError as error:
        failed = error.strerror or type(error).__name__
    # out here, so that no traceback carries DuckDB's message
    raise LoadError(f"{failed} · {name} · allowed: enough memory and disk, files left alone while read")


def _in_parallel(settings: Settings, work: Callable[[Path], Delivery], items: Sequence[Path]) -> list[Delivery]:
    with ThreadPoolExecutor(settings.threads) as pool:
        return list(pool.map(work, items))


def _sort(deliveries: Sequence[Delivery], lines: Sequence[Line]) -> _Sorted:
    earlier, seen, found = {line.sha256: line for line in lines}, set[str](), _Sorted()
    for delivery in deliveries:
        if delivery.sha256 in earlier or delivery.sha256 in seen:
            found.known.append((delivery, earlier.get(delivery.sha256)))
        else:
            seen.add(delivery.sha256)
            found.new.append(delivery)
    return found


def _load_new(
    settings: Settings,
    job: Job,
    folder: Path,
    lines: list[Line],
    new: Sequence[Delivery],
    patience: Patience,
    progress: Progress | None,
) -> tuple[list[Line], _Told]:
    """Load these files group by group, then commit them together."""
    added: list[Line] = []
    told = _Told()
    if not new:
        return added, told
    contract = job.source.contract
    # rows that are numbered as they stream leave a second thread nothing but to wait for them, which costs it its time
    threads = 1 if stream.takes(contract) else settings.threads
    contents = Contents()
    with (
        store.workspace(job.raw) as work,
        connect(settings, work / "spill", folder, contents, threads) as connection,
    ):
        bench, room = group.prepare(connection, contract), Room.of(settings, work, contents)
        with ThreadPoolExecutor(settings.threads) as pool:
            submitted = (pool.submit(lambda one: held(inspect(one, contract, room), contract), one) for one in new)
            most = _STREAMED_BYTES if stream.takes(contract) else _GROUP_BYTES
            for some in _groups(_ahead(submitted, settings.threads), most):
                before = [*corrections.corrected(contract, lines, added), *added]
                result = group.load(bench, job, work, before, _taken(job, some, patience, told))
                discard(some)
                added += result.lines
                told.problems.extend([*result.problems, *(one for one in result.news if one not in told.problems)])
                if progress:
                    progress(len(added), len(new))
        after = corrections.corrected(contract, lines, added)
        gone = [new for old, new in zip(lines, after, strict=True) if new != old]
        if gone and corrections.note_lost(connection, job, work, gone, [*after, *added]):
            folders = [settings.drop / "done" / contract.source, folder]
            # of a batch of its own, which tells it from the same rows withheld in this one
            after, added = _bring_back(bench, replace(job, batch=job.batch + 1), room, folders, after, added, told)
        _commit(settings, job, connection, work, after, added)
    return added, told


def _bring_back(
    bench: Bench,
    job: Job,
    room: Room,
    folders: Sequence[Path],
    after: list[Line],
    added: list[Line],
    told: _Told,
) -> tuple[list[Line], list[Line]]:
    """Load what is no duplicate any more, since the row that it repeated went with a superseded file."""
    contract, work = job.source.contract, room.folder.parent
    repeated = [line for line in manifest.live([*after, *added]) if line.rows_duplicate]
    kept = originals.kept(repeated, folders)
    for sha in dict.fromkeys(line.sha256 for line in repeated):
        some = [line for line in repeated if line.sha256 == sha]
        one = inspect(originals.delivery(some[0], kept[sha], contract), contract, room) if sha in kept else None
        if one is None or one.fault or one.waits:
            told.problems.append(corrections.untold(job, some[0]))
            continue
        found = group.load(bench, job, work, [*after, *added], [one], lambda _: corrections.is_lost(contract))
        discard([one])
        for line in found.lines:
            if line.rows_loaded:
                changed, back = corrections.moved(some, line)
                after = [changed.get(other, other) for other in after]
                added = [*(changed.get(other, other) for other in added), back]
    return after, added


def _taken(job: Job, some: Sequence[Delivery], patience: Patience, told: _Told) -> list[Delivery]:
    """Those that are loaded or quarantined now; the others are told of and left for the next load."""
    hoped = [one for one in some if one.fault and patience.has_hope(one.path)]
    told.waiting.extend(waiting(job, one.file, one.fault) for one in hoped)
    told.problems.extend(waiting(job, one.file, one.waits) for one in some if one.waits)
    return [one for one in some if not one.waits and one not in hoped]


def _ahead(submitted: Iterable[Future[Delivery]], number: int) -> Iterator[Delivery]:
    """Results in their order, with so many more under way: files are looked at no further ahead of the load."""
    waiting: deque[Future[Delivery]] = deque()
    for future in submitted:
        waiting.append(future)
        if len(waiting) > number:
            yield waiting.popleft().result()
    yield from (future.result() for future in waiting)


def waiting(job: Job, file: str, why: str | None) -> str:
    """The line that reports a file that is left for the next load."""
    return f"{WAITS} · {job.source.contract.source}, {file} · {why}"


def _groups(deliveries: Iterator[Delivery], most: int) -> Iterator[list[Delivery]]:
    """Consecutive files, until their content exceeds a budget that grows to `most` bytes with what went before."""
    some: list[Delivery] = []
    size = before = 0
    for delivery in deliveries:
        budget = min(max(_GROUP_BYTES, before // _GROWTH), most)
        if some and (size + delivery.content_bytes > budget or len(some) == _GROUP_FILES):
            yield some
            some, size = [], 0
        some.append(delivery)
        size += delivery.content_bytes
        before += delivery.content_bytes
    if some:
        yield some


def _commit(
    settings: Settings,
    job: Job,
    connection: duckdb.DuckDBPyConnection,
    work: Path,
    lines: list[Line],
    added: list[Line],
) -> None:
    """Vault, data, manifest, in this order: only the last step makes the load exist."""
    for line in (*lines, *added):
        check_balance(job, line)
    if any(column.pii == "direct" for column in job.source.contract.columns):
        vault.remember(connection, settings, job.source.contract.source)
    names = {name for line in added for name in line.names}
    store.put_in_place(work, job.raw, sorted(names))
    manifest.write(job.raw, [*lines, *keys.marked(settings, added)])


def check_balance(job: Job, line: Line) -> None:
    """Refuse a line with rows unaccounted for.

    Raises:
        BalanceError: rows in are not loaded + rejected + duplicate + suppressed.
    """
    out = line.rows_loaded + line.rows_rejected + line.rows_duplicate + line.rows_suppressed
    if line.rows_in != out:
        raise BalanceError(
            f"{line.rows_in} rows in, {out} accounted for · {job.source.contract.source}, {line.file} · "
            "allowed: in = loaded + rejected + duplicate + suppressed"
        )


def _outcome(job: Job, found: _Sorted, added: Sequence[Line], told: _Told) -> Outcome:
    again = [(delivery, line) for delivery, line in found.known if line and line.status == "quarantined"]
    bad = [line for line in added if line.status == "quarantined"]
    new = {line.sha256 for line in manifest.live(added)} & {one.sha256 for one in found.new}
    problems = [group.quarantine_problem(job, delivery.file, line.reason) for delivery, line in again]
    empty = Outcome(job.source.contract.source, files_new=len(new), waiting=tuple(told.waiting))
    sums = {name: sum(getattr(line, name) for line in added) for name in vars(empty) if name.startswith("rows_")}
    return replace(
        empty,
        files_known=len(found.known) - len(again),
        files_quarantined=len(bad) + len(again),
        batch=job.batch if added else None,
        problems=(*told.problems, *problems),
        **sums,
    )


def _finished(found: _Sorted, added: Sequence[Line]) -> list[store.Finished]:
    """The files whose content the manifest now has; one that changed while it was read stays where it is."""
    status = {line.sha256: line.status for line in added}
    status |= {line.sha256: line.status for _, line in found.known if line}
    every = [*found.new, *(delivery for delivery, _ in found.known)]
    return [store.Finished(one, status[one.sha256] == "quarantined") for one in every if one.sha256 in status]
