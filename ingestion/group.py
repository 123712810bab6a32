"""One group of files: read as text, typed with reasons, rid of duplicates, written as one Parquet file per arrival day."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from ingestion import store
from ingestion.cast import judged_sql
from ingestion.delivery import Delivery, stamp
from ingestion.duplicates import find_duplicates
from ingestion.read import read
from ingestion.source import Source
from ingestion.sql import literal, quoted
from warehouse.contracts import Contract
from warehouse.manifest import Line

FOUND = "create temp table found (kind varchar, hmac varchar, value varchar, first_seen_at timestamp)"
_LOADED = "_reason is null and _seq not in (select _seq from duplicates)"


@dataclass(frozen=True)
class Job:
    """What holds for a whole load: source, its folder in raw, and the stamps of its rows."""

    source: Source
    raw: Path
    run_id: str
    loaded_at: datetime
    batch: int


@dataclass(frozen=True)
class Result:
    """Manifest lines of the group's files, and what to tell about them."""

    lines: list[Line]
    problems: list[str]


def load(
    connection: duckdb.DuckDBPyConnection, job: Job, work: Path, before: Sequence[Line], deliveries: Sequence[Delivery]
) -> Result:
    """Write the group's Parquet files into `work`, add its identifiers to `found`, and say what became of each file.

    `before` are the manifest's lines with those of earlier groups, whose Parquet may still be in `work`.
    """
    contract = job.source.contract
    quarantined = {one.sha256: one.fault for one in deliveries if one.fault}
    readable = [one for one in deliveries if not one.fault]
    counts = read(connection, contract, readable) if readable else {}
    changed = {one.sha256 for one in deliveries if stamp(one.path) != one.stamp}
    for number, one in enumerate(readable):
        count = counts[number]
        if isinstance(count, str):
            quarantined[one.sha256] = count
        if one.sha256 in changed:
            connection.execute("delete from delivered where _file_no = ?", [number])
    lines: list[Line] = []
    problems = [_changed_problem(job, one.file) for one in deliveries if one.sha256 in changed]
    if readable:
        good = {number: one for number, one in enumerate(readable) if one.sha256 not in {*quarantined, *changed}}
        _judge(connection, job, readable)
        find_duplicates(connection, contract, job.raw, work, before)
        _collect_identifiers(connection, contract)
        lines += _write(connection, job, work, good, counts)
        problems += _reject_problems(connection, job)
    for one in deliveries:
        if one.sha256 in quarantined and one.sha256 not in changed:
            lines.append(_quarantine(job, one, quarantined[one.sha256]))
            problems.append(quarantine_problem(job, one.file, quarantined[one.sha256]))
    return Result(lines, problems)


def quarantine_problem(job: Job, file: str, reason: str | None) -> str:
    """The line that reports a quarantined file."""
    return f"file quarantined · {job.source.contract.source}, {file} · {reason}"


def _changed_problem(job: Job, file: str) -> str:
    return (
        f"file changed while it was read, left for the next load · {job.source.contract.source}, {file} · "
        "allowed: files renamed into place once complete"
    )


def _quarantine(job: Job, one: Delivery, reason: str | None) -> Line:
    return Line(
        file=one.file,
        sha256=one.sha256,
        bytes=one.size,
        status="quarantined",
        reason=reason,
        run_id=job.run_id,
        batch=job.batch,
    )


def _judge(connection: duckdb.DuckDBPyConnection, job: Job, files: Sequence[Delivery]) -> None:
    first = dict(connection.execute("select _file_no, min(rowid) from delivered group by all").fetchall())
    arrivals = [one.arrived_at or job.loaded_at for one in files]
    connection.execute(
        f"create or replace temp table judged as {judged_sql(job.source.contract)}",
        {
            "firsts": [first.get(number, 0) for number in range(len(files))],
            "shas": [one.sha256 for one in files],
            "batch": job.batch,
        }
        | ({} if job.source.contract.arrival == "event_time" else {"arrivals": arrivals}),
    )
    connection.execute("drop table delivered")


def _collect_identifiers(connection: duckdb.DuckDBPyConnection, contract: Contract) -> None:
    for column in contract.columns:
        if column.kind:
            connection.execute(
                f"insert into found select ?, {quoted(column.in_raw)}, any_value({quoted(column.name)}), min(_arrived_at) "
                f"from judged where {_LOADED} and {quoted(column.in_raw)} is not null group by all",
                [column.kind],
            )


def _write(
    connection: duckdb.DuckDBPyConnection,
    job: Job,
    work: Path,
    files: dict[int, Delivery],
    counts: dict[int, str | int],
) -> list[Line]:
    if not files:
        return []
    sha = hashlib.sha256("".join(one.sha256 for one in files.values()).encode()).hexdigest()
    columns = ", ".join(quoted(name) for name in job.source.contract.raw_columns())
    days = _days(connection)
    for day in sorted({day for some in days.values() for day in some}):
        span = f"_arrived_at >= date '{day}' and _arrived_at < date '{day}' + 1"
        store.copy(connection, f"select {columns} from judged where {span} and {_LOADED}", work / f"{day}/{sha}.parquet")
    rejects = f"rejects/{sha}.parquet"
    if connection.execute("select count(*) from judged where _reason is not null").fetchall()[0][0]:
        names = ", ".join(literal(files[number].file) if number in files else "''" for number in range(max(files) + 1))
        query = (
            f"select {literal(job.source.contract.source)} as source, ([{names}])[_file_no + 1] as file, "
            "_position as position, _reason as reason, _raw as raw from judged where _reason is not null"
        )
        store.copy(connection, query, work / rejects)
    tallies = _tallies(connection, job.source.contract)
    return [
        _line(job, one, counts[number], tallies.get(number), tuple(f"{day}/{sha}.parquet" for day in days[number]), rejects)
        for number, one in files.items()
    ]


def _days(connection: duckdb.DuckDBPyConnection) -> dict[int, list[date]]:
    """The arrival days of each file's loaded rows."""
    days: dict[int, list[date]] = defaultdict(list)
    query = f"select distinct _file_no, _arrived_at::date as day from judged where {_LOADED} order by all"
    for number, day in connection.execute(query).fetchall():
        days[number].append(day)
    return days


@dataclass(frozen=True)
class _Tally:
    loaded: int
    rejected: int
    duplicate: int
    arrived_at: datetime | None
    first_event_at: datetime | None
    last_event_at: datetime | None


def _tallies(connection: duckdb.DuckDBPyConnection, contract: Contract) -> dict[int, _Tally]:
    event = f"{quoted(contract.event_time)}::timestamp" if contract.event_time else "null::timestamp"
    query = f"""
        with fates as (
            select *, _reason is null and _seq in (select _seq from duplicates) as is_duplicate from judged
        ), loaded as (
            select *, _reason is null and not is_duplicate as is_loaded from fates
        )
        select _file_no, count(*) filter (is_loaded), count(*) filter (_reason is not null), count(*) filter (is_duplicate),
            max(_arrived_at) filter (is_loaded), min({event}) filter (is_loaded), max({event}) filter (is_loaded)
        from loaded group by _file_no
    """
    return {number: _Tally(*rest) for number, *rest in connection.execute(query).fetchall()}


def _line(
    job: Job, one: Delivery, count: str | int, tally: _Tally | None, parquet: tuple[str, ...], rejects: str
) -> Line:
    tally = tally or _Tally(0, 0, 0, None, None, None)
    return Line(
        file=one.file,
        sha256=one.sha256,
        bytes=one.size,
        status="loaded",
        run_id=job.run_id,
        batch=job.batch,
        rows_in=int(count),
        rows_loaded=tally.loaded,
        rows_rejected=tally.rejected,
        rows_duplicate=tally.duplicate,
        arrived_at=_iso(one.arrived_at or tally.arrived_at or job.loaded_at),
        first_event_at=_iso(tally.first_event_at),
        last_event_at=_iso(tally.last_event_at),
        parquet=parquet,
        rejects=rejects if tally.rejected else None,
    )


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _reject_problems(connection: duckdb.DuckDBPyConnection, job: Job) -> list[str]:
    """One line per reason, with the number of rows."""
    reasons = connection.execute(
        "select _reason, count(*) from judged where _reason is not null group by all order by 2 desc, 1 limit 20"
    ).fetchall()
    source = job.source.contract.source
    return [
        f"{count} rows rejected: {reason} · {source}, raw/{source}/rejects · allowed: rows as raw/{source}/contract.json says"
        for reason, count in reasons
    ]
