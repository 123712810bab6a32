"""What would happen to a file: loading's own steps up to the last one, which is left out, so that nothing is kept."""

import re
import shutil
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from ingestion import advice, group, store
from ingestion.delivery import Delivery, identify, inspect
from ingestion.filesystem import Contents
from ingestion.load import plainly, waiting
from ingestion.promise import held
from ingestion.source import Source, claiming, load_source
from ingestion.sql import connect
from ingestion.unpack import Room
from ingestion.write import Job
from warehouse import manifest
from warehouse.contracts import Contract
from warehouse.errors import SmaltiError
from warehouse.manifest import Line
from warehouse.settings import Settings

_SHOWN, _ABANDONED_SECONDS = 10, 3600
_ROWS = ("rows_in", "rows_loaded", "rows_rejected", "rows_duplicate")


class UnknownFileError(SmaltiError):
    """No source claims the file, or several do."""


@dataclass(frozen=True)
class Reject:
    """Rows that would be rejected for one reason; the first positions, and the contract's lines that ask for it."""

    reason: str
    rows: int
    positions: tuple[int, ...]
    contract: tuple[str, ...]


@dataclass(frozen=True)
class Finding:
    """What a load of the file would come to. Problems and advice read `what · where · what is allowed`."""

    file: str
    source: str
    is_claimed: bool
    format: str
    encoding: str
    rows_in: int
    rows_loaded: int
    rows_rejected: int
    rows_duplicate: int
    rejects: tuple[Reject, ...]
    problems: tuple[str, ...]
    advice: tuple[str, ...]

    @property
    def loads_whole(self) -> bool:
        """Whether the file would be taken over and each of its rows loaded."""
        return not self.problems and self.rows_loaded == self.rows_in


def check(settings: Settings, path: Path, name: str | None, at: datetime) -> Finding:
    """What loading this file at that moment (UTC, naive) would come to; nothing is loaded.

    Held against source `name`, or the one that claims the file.

    Raises:
        UnknownFileError: there is no such file, or not exactly one source claims it and none is named.
        UnknownSourceError: there is no source `name`.
        LoadError: DuckDB failed for a reason that is no file's fault.
    """
    if not path.is_file():
        raise UnknownFileError(f"no file {path}; allowed: a file that can be read")
    path, claimed = path.resolve(), claiming(path.name)
    if name is None and len(claimed) != 1:
        raise UnknownFileError(
            f"{' and '.join(claimed) if claimed else 'no source'} claims {path.name}; allowed: --source NAME, which "
            "holds it against that one, or --draft, which drafts a source of it"
        )
    source = load_source(name or claimed[0])
    is_claimed = source.contract.source in claimed
    return plainly(source.contract.source, lambda: _held(settings, source, is_claimed=is_claimed, path=path, at=at))


def _held(settings: Settings, source: Source, *, is_claimed: bool, path: Path, at: datetime) -> Finding:
    read_as = source if is_claimed else _named(source, path.name)
    contract, raw = read_as.contract, settings.raw / source.contract.source
    job = Job(read_as, raw, "check", at, manifest.next_batch(settings.raw))
    lines = manifest.read(raw)
    contents = Contents()
    with workspace(settings) as work, connect(settings, work / "spill", path.parent, contents) as connection:
        room = Room.of(settings, work, contents)
        one = held(inspect(identify(read_as, path, path.parent), contract, room), contract)
        known = _known(one, lines)
        bench = group.prepare(connection, contract)
        result = group.load(bench, job, work, lines, [] if known or one.waits else [one])
        line = result.lines[0] if result.lines else None
        rejects, differences = _rejects(work, line, contract), advice.header(one, contract)
    rows = {name: getattr(line, name, 0) for name in _ROWS}
    problems = _quarantine(line) if line else result.problems
    told = result.news if rows["rows_loaded"] else differences
    problems += [waiting(job, one.file, one.waits)] if one.waits else []
    problems += known + ([] if is_claimed else [_unclaimed(source, path.name)])
    return Finding(
        file=path.name,
        source=contract.source,
        is_claimed=is_claimed,
        format=contract.format,
        encoding=one.encoding or "unreadable",
        **rows,
        rejects=rejects,
        problems=tuple(problems),
        advice=(*told, *advice.types(contract, rejects, rows["rows_in"])),
    )


def _named(source: Source, name: str) -> Source:
    """The source as if it claimed this name, which then says nothing of arrival."""
    arrival = "load" if source.contract.arrival == "file_name" else source.contract.arrival
    return Source(source.contract.model_copy(update={"arrival": arrival}), re.compile(re.escape(name)))


def _unclaimed(source: Source, name: str) -> str:
    return f"file name not claimed · {name} · allowed: {source.pattern.pattern}, or change `pattern` of the source"


def _quarantine(line: Line) -> list[str]:
    """What keeps the file out; rejected rows are told apart."""
    return [] if line.status == "loaded" else [f"file would be quarantined · {line.file} · {line.reason}"]


def _known(one: Delivery, lines: list[Line]) -> list[str]:
    """What loading says of content that came before: it reads none of it again."""
    return [
        f"content known, nothing would be loaded · {line.status} as {line.file} by run {line.run_id} · "
        "allowed: content that is new"
        for line in lines
        if line.sha256 == one.sha256
    ][:1]


def workspace(settings: Settings) -> AbstractContextManager[Path]:
    """A private folder; those that killed checks left behind go."""
    folder = settings.home / "check"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in folder.iterdir():
        if left.stat().st_mtime < time.time() - _ABANDONED_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    return store.workspace(folder)


def _rejects(work: Path, line: Line | None, contract: Contract) -> tuple[Reject, ...]:
    if line is None or line.rejects is None:
        return ()
    query = (
        f"select reason, count(*), list(position order by position)[:{_SHOWN}] from read_parquet(?) "
        "group by all order by 2 desc, 1"
    )
    found = duckdb.execute(query, [str(work / line.rejects)]).fetchall()
    return tuple(
        Reject(reason, rows, tuple(positions), advice.places(contract, reason)) for reason, rows, positions in found
    )
