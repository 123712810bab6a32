"""What a group becomes: a Parquet file per arrival day, one of rejects, and a manifest line per delivered file."""

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from ingestion import store
from ingestion.delivery import Delivery
from ingestion.source import Source
from ingestion.sql import literal, quoted
from warehouse.contracts import Contract
from warehouse.manifest import Line

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
) -> list[Line]:
    """Write `judged` without `duplicates` into `work`; a line per file, by number, with the rows counted by `read`."""
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
    rejects = f"rejects/{sha}.parquet"
    if any(tally.rejected for tally in tallies.values()):
        store.copy(connection, _rejects(job, files), work / rejects)
    return [
        _line(job, one, int(counts[number]), tallies.get(number, _Tally())).model_copy(
            update={
                "parquet": tuple(f"{day}/{sha}.parquet" for day in days[number]),
                "rejects": rejects if number in tallies and tallies[number].rejected else None,
            }
        )
        for number, one in files.items()
    ]


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
    """What became of one file's rows; times are those of its loaded rows."""

    loaded: int = 0
    rejected: int = 0
    duplicate: int = 0
    arrived_at: datetime | None = None
    first_event_at: datetime | None = None
    last_event_at: datetime | None = None


def _tallies(connection: duckdb.DuckDBPyConnection, contract: Contract) -> dict[int, _Tally]:
    event = f"{quoted(contract.event_time)}::timestamp" if contract.event_time else "null::timestamp"
    query = f"""
        with fates as (
            select *, _reason is null and _seq in (select _seq from duplicates) as is_duplicate from judged
        ), loaded as (
            select *, _reason is null and not is_duplicate as is_loaded from fates
        )
        select _file_no,
            count(*) filter (is_loaded), count(*) filter (_reason is not null), count(*) filter (is_duplicate),
            max(_arrived_at) filter (is_loaded), min({event}) filter (is_loaded), max({event}) filter (is_loaded)
        from loaded group by _file_no
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
        rows_loaded=tally.loaded,
        rows_rejected=tally.rejected,
        rows_duplicate=tally.duplicate,
        arrived_at=_iso(one.arrived_at or tally.arrived_at or job.loaded_at),
        first_event_at=_iso(tally.first_event_at),
        last_event_at=_iso(tally.last_event_at),
    )


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
