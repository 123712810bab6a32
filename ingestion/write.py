"""What a group becomes: a Parquet file per arrival day, one of rejects, and a manifest line per delivered file."""

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from ingestion import store
from ingestion.cast import SEQUENCE
from ingestion.delivery import Delivery
from ingestion.source import Source
from ingestion.sql import quoted
from warehouse.contracts import Contract
from warehouse.manifest import Line
from warehouse.sql import literal

LOADED = "_reason is null and _seq not in (select _seq from duplicates)"


@dataclass(frozen=True)
class Job:
    """What holds for a whole load: source, its folder in raw, and the stamps of its rows."""

    source: Source
    raw: Path
    run_id: str
    loaded_at: datetime
    batch: int


def write(
    connection: duckdb.DuckDBPyConnection,
    job: Job,
    work: Path,
    files: dict[int, Delivery],
    counts: dict[int, str | int],
    streamed: dict[int, str],
) -> list[Line]:
    """Write `judged` without `duplicates` into `work`; a line per file, by number, with the rows counted by `read`.

    Of files that were `streamed` the duplicates are in Parquet already: they are named in one beside it.
    """
    if not files:
        return []
    # the batch, too: rows of a file that are tried again lie beside those that it loaded
    sha = hashlib.sha256("".join([str(job.batch), *(one.sha256 for one in files.values())]).encode()).hexdigest()
    columns = ", ".join(quoted(name) for name in job.source.contract.raw_columns())
    days = _days(connection)
    for day in sorted({day for some in days.values() for day in some}):
        span = f"_arrived_at >= date '{day}' and _arrived_at < date '{day}' + 1"
        query = f"select {columns} from judged where {span} and {LOADED}"
        store.copy(connection, query, work / f"{day}/{sha}.parquet")
    tallies = _tallies(connection, job.source.contract)
    rejects, withheld = f"rejects/{sha}.parquet", f"withheld/{sha}.parquet"
    if any(tally.rejected for tally in tallies.values()):
        store.copy(connection, _rejects(job, files), work / rejects)
    if repeats := _repeats(connection, job, files, streamed):
        store.copy(connection, repeats, work / withheld)
    lines = []
    for number, one in files.items():
        tally = tallies.get(number, _Tally())
        parquet = [f"{day}/{sha}.parquet" for day in days[number]]
        update = {
            "parquet": tuple(sorted({*parquet, *([streamed[number]] if number in streamed else [])})),
            "withheld": withheld if repeats and number in streamed and tally.duplicate else None,
            "rejects": rejects if tally.rejected else None,
        }
        lines.append(_line(job, one, int(counts[number]), tally).model_copy(update=update))
    return lines


def _repeats(
    connection: duckdb.DuckDBPyConnection, job: Job, files: dict[int, Delivery], streamed: dict[int, str]
) -> str | None:
    """SQL for the duplicates that stand in streamed Parquet; None where there are none."""
    numbers = [number for number in files if number in streamed]
    query = f"select _seq // {SEQUENCE} as number, _seq % {SEQUENCE} as position from duplicates"
    query = f"select * from ({query}) where list_contains({numbers}::bigint[], number)"
    if not connection.execute(f"{query} limit 1").fetchall():
        return None
    shas = ", ".join(literal(files[number].sha256) if number in files else "''" for number in range(max(files) + 1))
    return f"select ([{shas}])[number + 1] as file, position, {job.batch} as batch from ({query}) order by all"


def _rejects(job: Job, files: dict[int, Delivery]) -> str:
    names = ", ".join(literal(files[number].file) if number in files else "''" for number in range(max(files) + 1))
    return (
        f"select {literal(job.source.contract.source)} as source, ([{names}])[_file_no + 1] as file, "
        "_position as position, _reason as reason, _raw as raw from judged where _reason is not null order by _seq"
    )


def _days(connection: duckdb.DuckDBPyConnection) -> dict[int, list[date]]:
    """The arrival days of each file's loaded rows."""
    days: dict[int, list[date]] = defaultdict(list)
    query = f"select distinct _file_no, _arrived_at::date as day from judged where {LOADED} order by all"
    for number, day in connection.execute(query).fetchall():
        days[number].append(day)
    return days


@dataclass(frozen=True)
class _Tally:
    """What became of one file's rows; times are those of the rows that keep the contract."""

    kept: int = 0
    rejected: int = 0
    duplicate: int = 0
    suppressed: int = 0
    arrived_at: datetime | None = None
    first_event_at: datetime | None = None
    last_event_at: datetime | None = None


def _tallies(connection: duckdb.DuckDBPyConnection, contract: Contract) -> dict[int, _Tally]:
    event = f"{quoted(contract.event_time)}::timestamp" if contract.event_time else "null::timestamp"
    query = f"""
        with kept as (
            select _seq // {SEQUENCE} as number, count(*) as rows,
                max(_arrived_at) as arrived_at, min({event}) as first_event_at, max({event}) as last_event_at
            from acceptable group by all
        ), rejected as (
            select _file_no as number, count(*) as rows from judged where _reason is not null group by all
        ), repeated as (
            select _seq // {SEQUENCE} as number, count(*) as rows from duplicates group by all
        )
        select number, coalesce(kept.rows, 0), coalesce(rejected.rows, 0), coalesce(repeated.rows, 0),
            coalesce(suppressed.rows, 0), arrived_at, first_event_at, last_event_at
        from kept full join rejected using (number) full join suppressed using (number)
        left join repeated using (number)
    """
    return {number: _Tally(*rest) for number, *rest in connection.execute(query).fetchall()}


def _line(job: Job, one: Delivery, rows_in: int, tally: _Tally) -> Line:
    return Line(
        file=one.file,
        sha256=one.sha256,
        bytes=one.size,
        status="loaded",
        run_id=job.run_id,
        batch=job.batch,
        rows_in=rows_in,
        rows_loaded=tally.kept - tally.duplicate,
        rows_rejected=tally.rejected,
        rows_duplicate=tally.duplicate,
        rows_suppressed=tally.suppressed,
        arrived_at=_iso(one.arrived_at or tally.arrived_at or job.loaded_at),
        first_event_at=_iso(tally.first_event_at),
        last_event_at=_iso(tally.last_event_at),
    )


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
