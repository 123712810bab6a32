"""Rejected rows as a person may see them: position and reason, the text without what is personal."""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ingestion.source import load_source, names
from warehouse import manifest
from warehouse.contracts import Contract
from warehouse.errors import SmaltiError
from warehouse.settings import Settings

_MASK = "***"
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would take for a formula


@dataclass(frozen=True)
class Reject:
    """A rejected row; `row` is its text with `***` for each value of a direct or indirect column."""

    source: str
    file: str
    position: int
    reason: str
    row: str
    run_id: str


def rejected(settings: Settings, source: str | None, run_id: str | None) -> Iterator[Reject]:
    """The rejected rows of a source, or of all, in order of loading; of one run where it is named.

    Those of a file that another took the place of are no one's concern any more.

    Raises:
        UnknownSourceError: there is no such source.
        SmaltiError: no file was loaded by that run.
    """
    wanted = [load_source(source).contract.source] if source else names()
    lines = [(name, line) for name in wanted for line in manifest.read(settings.raw / name)]
    if run_id and run_id not in {line.run_id for _, line in lines}:
        raise SmaltiError(f"run {run_id!r} loaded no file of {source or 'any source'}; `smalti status` lists the runs")
    found: dict[tuple[str, str, str], list[str]] = {}
    for name, line in lines:
        if line.rejects and line.status == "loaded":
            found.setdefault((name, line.rejects, line.run_id), []).append(line.file)
    for (name, parquet, of_run), named in found.items():
        if run_id in (None, of_run):
            yield from _read(load_source(name).contract, settings.raw / name / parquet, named, of_run)


def _read(contract: Contract, path: Path, named: list[str], run_id: str) -> Iterator[Reject]:
    query = (
        "select file, position, reason, raw from read_parquet(?) where list_contains(?::varchar[], file) "
        "order by file, position"
    )
    with duckdb.connect() as connection:
        cursor = connection.execute(query, [str(path), named])
        while found := cursor.fetchmany(10_000):
            for file, position, reason, raw in found:
                yield Reject(contract.source, file, position, reason, _masked(contract, raw), run_id)


def _masked(contract: Contract, raw: str) -> str:
    """Without the values of personal columns; a line that is no row of values is masked whole where there are any."""
    personal = {column.in_file for column in contract.columns if column.pii != "none"}
    try:
        row = json.loads(raw)
    except ValueError:
        row = None
    known = {column.in_file for column in contract.columns}
    if not isinstance(row, dict) or not set(row) <= known:
        return _MASK if personal else raw
    shown = {name: _MASK if name in personal and value else value for name, value in row.items()}
    return json.dumps(shown, ensure_ascii=False)


def export(rejects: Sequence[Reject], path: Path) -> None:
    """Write them as CSV for people, readable by the owner only; what a spreadsheet would compute is disarmed.

    Raises:
        SmaltiError: the name does not end in .csv, or there is no such folder.
    """
    if path.suffix != ".csv" or not path.parent.is_dir():
        raise SmaltiError(f"cannot export to {path}; allowed: a name that ends in .csv, in a folder that is there")
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(missing_ok=True)
    temporary.touch(mode=0o600)
    with temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(Reject.__dataclass_fields__)
        writer.writerows([_disarmed(value) for value in vars(one).values()] for one in rejects)
    temporary.replace(path)


def _disarmed(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULAS) else value
