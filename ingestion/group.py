"""One group of files: read, typed with reasons, rid of duplicates, written as Parquet by day."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ingestion import advice, corrections, horizon, known, stream
from ingestion.cast import SEQUENCE, judged_sql
from ingestion.delivery import Delivery, stamp
from ingestion.duplicates import find_duplicates
from ingestion.read import Numbered, read
from ingestion.sql import quoted
from ingestion.stream import Left, Streamed
from ingestion.write import LOADED, Job, write
from warehouse.contracts import Contract
from warehouse.manifest import Line
from warehouse.sql import literal

# what the vault is to remember: identifiers, and columns of which nobody has said what they hold
_FOUND = (
    "create temp table found (kind varchar, hmac varchar, value varchar, first_seen_at timestamp);"
    "create temp table kept (file varchar, position bigint, value varchar)"
)


_RETYPED_FROM = 20  # rows; fewer may be wrong one by one


@dataclass(frozen=True)
class Bench:
    """A connection that knows what loading a contract's files takes, and where its fast way sets rows aside."""

    connection: duckdb.DuckDBPyConnection
    left: Left


def prepare(connection: duckdb.DuckDBPyConnection, contract: Contract) -> Bench:
    """Make the connection fit for `load`, once."""
    connection.execute(_FOUND)
    known.teach(connection, contract)
    return Bench(connection, stream.prepare(connection, contract))


@dataclass(frozen=True)
class Result:
    """Manifest lines of the group's files, what kept files and rows out, and columns that no contract names."""

    lines: list[Line]
    problems: list[str]
    news: list[str]


def load(
    bench: Bench,
    job: Job,
    work: Path,
    before: Sequence[Line],
    deliveries: Sequence[Delivery],
    only: Callable[[Sequence[Delivery]], str] | None = None,
) -> Result:
    """Write the group's Parquet files into `work`, add its identifiers to `found`, and say what became of each file.

    `before` are the manifest's lines with those of earlier groups, whose Parquet may still be in `work`. With `only`,
    SQL that holds for rows of `judged`, no others are taken; all of a file are counted in.
    """
    connection, contract = bench.connection, job.source.contract
    quarantined = {one.sha256: one.fault for one in deliveries if one.fault}
    readable = [one for one in deliveries if not one.fault]
    streamed, counts = _read(bench, job, work, list(enumerate(readable)), is_whole=only is None)
    quarantined |= {readable[number].sha256: fault for number, fault in counts.items() if isinstance(fault, str)}
    moved = [number for number, one in enumerate(readable) if number not in streamed and stamp(one.path) != one.stamp]
    connection.execute("delete from delivered where list_contains(?::integer[], _file_no)", [moved])
    changed = {readable[number].sha256 for number in moved}
    _judge(connection, job, readable)
    if only:
        connection.execute(f"delete from judged where not ({only(readable)})")
    horizon.suppress(connection, job.raw)
    if not only:
        quarantined |= {readable[number].sha256: why for number, why in _retyped(connection, contract, counts).items()}
    _gather(connection, job, work, readable, streamed)
    good = {number: one for number, one in enumerate(readable) if one.sha256 not in {*quarantined, *changed}}
    find_duplicates(connection, job, work, _corrected(job, before, good.values()))
    _collect_identifiers(connection, contract)
    lines = write(connection, job, work, good, counts, streamed)
    problems = [_changed_problem(job, one.file) for one in deliveries if one.sha256 in changed]
    problems += _reject_problems(connection, job)
    for one in deliveries:
        if one.sha256 in quarantined and one.sha256 not in changed:
            lines.append(_quarantine(job, one, quarantined[one.sha256]))
            problems.append(quarantine_problem(job, one.file, quarantined[one.sha256]))
    return Result(lines, problems, _new_columns(connection, contract))


def _read(
    bench: Bench, job: Job, work: Path, numbered: Numbered, *, is_whole: bool
) -> tuple[dict[int, str], dict[int, str | int]]:
    """Stream what can be streamed, and fill `delivered` with the rest; the Parquet of the first, the counts of all."""
    found = Streamed()
    if stream.takes(job.source.contract) and is_whole:
        until = horizon.read(job.raw)
        young = [(n, one) for n, one in numbered if not (until and one.arrived_at and one.arrived_at <= until)]
        found = stream.stream(bench.connection, bench.left, job, work, young)
    rest = [(number, one) for number, one in numbered if number not in found.parquet]
    counts = read(bench.connection, job.source.contract, rest)
    for table in found.left:
        bench.connection.register("left_rows", table)
        bench.connection.execute("insert into delivered by name select * from left_rows")
        bench.connection.unregister("left_rows")
    return found.parquet, counts | {number: one.records for number, one in numbered if number in found.parquet}


def _retyped(connection: duckdb.DuckDBPyConnection, contract: Contract, counts: dict[int, str | int]) -> dict[int, str]:
    """Files of which a column has another type than the contract says, by number, taken out of `judged`.

    A value or two that is none is a reject; where most are, it is the export that has changed, and the rows would be
    gone one by one.
    """
    query = f"""
        with wrong as (
            select _file_no, unnest(string_split(_reason, '; ')) as reason from judged where _reason is not null
        )
        select _file_no, split_part(reason, ':', 1) as name, count(*) as rows
        from wrong where regexp_matches(reason, ': not an? ') group by all having rows >= {_RETYPED_FROM} order by all
    """
    found: dict[int, str] = {}
    for number, name, rows in connection.execute(query).fetchall():
        every = int(counts[number])
        if 2 * rows <= every:
            continue
        column = contract.column(name)
        found[number] = (
            f"column {column.in_file!r} has another type: {rows} of {every} rows hold no {column.type}; "
            f"allowed: {column.type}, or another `type` in {advice.place(contract, column)}"
        )
    connection.execute("delete from judged where list_contains(?::integer[], _file_no)", [list(found)])
    return found


def _gather(
    connection: duckdb.DuckDBPyConnection, job: Job, work: Path, files: Sequence[Delivery], streamed: dict[int, str]
) -> None:
    """Make the view `acceptable`: all rows of the group that keep the contract, by key, with their order `_seq`."""
    contract = job.source.contract
    times = {"_arrived_at", *([contract.event_time] if contract.event_time else [])}
    columns = ", ".join(quoted(name) for name in dict.fromkeys((*contract.key_in_raw, *sorted(times), "_extra")))
    parts = [f"select _seq, {columns} from judged where _reason is null"]
    for name in sorted(set(streamed.values())):
        shas = [files[number].sha256 if streamed.get(number) == name else "" for number in range(len(files))]
        [only, *more] = [number for number in streamed if streamed[number] == name]
        number = f"list_position([{', '.join(map(literal, shas))}], _file) - 1" if more else str(only)
        seq = f"({number})::bigint * {SEQUENCE} + _position as _seq"
        parts.append(f"select {seq}, {columns} from read_parquet({literal(work / name)})")
    connection.execute(f"create or replace temp view acceptable as {' union all '.join(parts)}")


def _corrected(job: Job, before: Sequence[Line], good: Iterable[Delivery]) -> list[Line]:
    """The lines as they will be once these files are loaded."""
    added = [Line(file=one.file, sha256=one.sha256, bytes=0, status="loaded", run_id="", batch=0) for one in good]
    return corrections.corrected(job.source.contract, before, added)


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
            hmac, value = quoted(column.in_raw), quoted(column.name)
            connection.execute(
                f"insert into found select ?, {hmac}, any_value({value}), min(_arrived_at) "
                f"from judged where {LOADED} and {hmac} is not null group by all",
                [column.kind],
            )

    if contract.is_personal:
        query = f"select _file, _position, _others from judged where {LOADED} and _others is not null"
        connection.execute(f"insert into kept {query}")


def _reject_problems(connection: duckdb.DuckDBPyConnection, job: Job) -> list[str]:
    """One line per reason, with the number of rows."""
    reasons = connection.execute(
        "select _reason, count(*) from judged where _reason is not null group by all order by 2 desc, 1 limit 20"
    ).fetchall()
    source = job.source.contract.source
    return [
        f"{count} rows rejected: {reason} · {source}, raw/{source}/rejects · "
        f"allowed: rows that keep raw/{source}/contract.json"
        for reason, count in reasons
    ]


def _new_columns(connection: duckdb.DuckDBPyConnection, contract: Contract) -> list[str]:
    """One line per column that the contract has not, with the rows that have a value there."""
    named = "select unnest(json_keys(_extra)) as name from acceptable where _extra is not null"
    found = connection.execute(f"select name, count(*) from ({named}) group by all order by all limit 20").fetchall()
    return [
        f"new column {name!r} in {rows} rows, kept in _extra · {contract.source} · {advice.place(contract)}: "
        "name it there, or leave it out of the export"
        for name, rows in found
    ]
