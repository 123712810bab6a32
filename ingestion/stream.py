"""The fast way from files to Parquet: one statement that reads, types, checks and writes, and holds no row.

A row that keeps the contract goes straight to Parquet. One that may not is handed to `left`, to be judged with
reasons. What one statement cannot read at all, as a file with a broken record, is left to the slow way as a whole.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate, groupby
from pathlib import Path

import duckdb
import pyarrow as pa
from duckdb.func import FunctionNullHandling, PythonUDFType
from duckdb.sqltypes import BIGINT, BOOLEAN, VARCHAR

from ingestion import store
from ingestion.cast import cast_sql, faults, raw_sql
from ingestion.containers import ContentError
from ingestion.delivery import Delivery, stamp
from ingestion.read import Numbered, csv_sql, is_of_content, object_sql, places
from ingestion.sql import quoted
from ingestion.write import Job
from warehouse.contracts import Contract
from warehouse.sql import literal

_MOST_LEFT = (10_000, 0.05)  # rows, and share of all: with more of them the slow way is not slower
_MOST_KEYS = 200
_HEAD = 1 << 16  # bytes in which the keys of JSON are looked at


@dataclass
class Left:
    """The rows that statements set aside, as tables with `_file_no`, `_place`, `_extra` and the contract's texts."""

    most: float = 0
    tables: list[pa.Table] = field(default_factory=list)

    def take(self, rows: pa.ChunkedArray) -> pa.Array:
        """Called by DuckDB with the rows that it is about to leave out.

        Raises:
            OverflowError: there are too many of them.
        """
        self.tables.append(pa.Table.from_struct_array(rows))
        if sum(table.num_rows for table in self.tables) > self.most:
            raise OverflowError
        return pa.repeat(pa.scalar(value=False), len(rows))


@dataclass(frozen=True)
class Streamed:
    """What went the fast way: numbers of files, their Parquet by day, and the rows of them that are to be judged."""

    parquet: dict[int, str] = field(default_factory=dict)
    left: list[pa.Table] = field(default_factory=list)


def prepare(connection: duckdb.DuckDBPyConnection, contract: Contract) -> Left:
    """Give the connection the function `left_out`, once; the place where it puts rows."""
    left = Left()
    types = {"_file_no": BIGINT, "_place": BIGINT, "_extra": VARCHAR}
    types |= {column.name: VARCHAR for column in contract.delivered}
    connection.create_function(
        "left_out",
        left.take,
        [duckdb.struct_type(types)],
        BOOLEAN,
        type=PythonUDFType.ARROW,
        null_handling=FunctionNullHandling.SPECIAL,
        side_effects=True,
    )
    return left


def takes(contract: Contract) -> bool:
    """Whether files of the contract can go the fast way: clear identifiers would have to be collected on it."""
    return contract.format in _READERS and not contract.is_personal and contract.arrival != "event_time"


def stream(connection: duckdb.DuckDBPyConnection, left: Left, job: Job, work: Path, numbered: Numbered) -> Streamed:
    """Write these files as Parquet into `work`, those of a day together; the result has only what was read whole."""
    found = Streamed()
    # sorting is stable: within a day and a header, files keep their order
    for (day, _), some in groupby(sorted(numbered, key=partial(_alike, job)), partial(_alike, job)):
        part = list(some)
        name = f"{day}/{_digest(job, part)}.parquet"
        if _written(connection, left, job, work, name, part):
            found.parquet.update((number, name) for number, _ in part)
            found.left.extend(left.tables)
    return found


def _alike(job: Job, numbered: tuple[int, Delivery]) -> tuple[str, tuple[str, ...]]:
    """What files of one statement have in common: the day of arrival and the columns."""
    one = numbered[1]
    return f"{one.arrived_at or job.loaded_at:%Y-%m-%d}", one.names


def _digest(job: Job, part: Numbered) -> str:
    # apart from the name of the rows that are judged, which may lie beside them
    told = ["streamed", str(job.batch), *(one.sha256 for _, one in part)]
    return hashlib.sha256("".join(told).encode()).hexdigest()


def _written(
    connection: duckdb.DuckDBPyConnection, left: Left, job: Job, work: Path, name: str, part: Numbered
) -> bool:
    """Whether each record of these files is either in the Parquet or in `left`."""
    contract = job.source.contract
    left.tables, left.most = [], max(_MOST_LEFT[0], _MOST_LEFT[1] * sum(one.records for _, one in part))
    try:
        rows = _READERS[contract.format](contract, [one for _, one in part], work)
        store.copy(connection, _kept_sql(contract, _stamped(job, part, rows)), work / name)
    except (duckdb.Error, ContentError) as error:  # the message may quote the data: it goes no further
        if not is_of_content(error):
            raise
        (work / name).unlink(missing_ok=True)
        return False
    query = "select _file, count(*) from read_parquet(?) group by all"
    kept = dict(connection.execute(query, [str(work / name)]).fetchall())
    aside = Counter(number for table in left.tables for number in table["_file_no"].to_pylist())
    # a file of which most rows are wrong may be wrong as a whole: that is for the slow way to see
    if any(2 * aside[number] > one.records for number, one in part):
        (work / name).unlink()
        return False
    if all(
        kept.get(one.sha256, 0) + aside[number] == one.records and stamp(one.path) == one.stamp for number, one in part
    ):
        return True
    (work / name).unlink()
    return False


def _kept_sql(contract: Contract, rows: str) -> str:
    """SQL for the rows that keep the contract, with the columns of raw; the others go to `left_out`."""
    texts = ", ".join(f"{literal(c.name)}: {quoted(c.name)}" for c in contract.delivered)
    row = f"{{'_file_no': _file_no, '_place': _position, '_extra': _others, {texts}}}"
    wrong = " or ".join(f"coalesce({wrong}, false)" for wrong, _ in faults(contract)) or "false"
    # a column, not a condition: DuckDB would move that below the casts, and cast for it once more
    judged = f"select *, if({wrong}, left_out({row}), true) as _is_kept from ({cast_sql(contract, rows)})"
    return f"select {raw_sql(contract)} from ({judged}) where _is_kept"


def _stamped(job: Job, part: Numbered, rows: str) -> str:
    """SQL that adds file, position, arrival and batch; `rows` has `_at` (place of the file) and `_row` (from 1)."""
    before = [0, *accumulate(one.records for _, one in part)][:-1]
    arrivals = [f"timestamp {literal(one.arrived_at or job.loaded_at)}" for _, one in part]
    return (
        f"select * exclude (_at, _row), {_at([str(number) for number, _ in part])}::bigint as _file_no, "
        f"{_at([literal(one.sha256) for _, one in part])} as _file, "
        f"(_row - {_at([str(count) for count in before])})::bigint as _position, "
        f"{_at(arrivals)} as _arrived_at, {job.batch}::integer as _batch from ({rows})"
    )


def _at(values: Sequence[str]) -> str:
    """SQL for the file's one of these values; a constant where it is always the same, which costs nothing."""
    return values[0] if len(set(values)) == 1 else f"([{', '.join(values)}])[_at + 1]"


def _csv(contract: Contract, files: Sequence[Delivery], work: Path) -> str:
    del work
    [names] = {one.names for one in files}
    return f"select *, row_number() over () as _row from ({csv_sql(contract, names, _listed(files))})"


def _jsonl(contract: Contract, files: Sequence[Delivery], work: Path) -> str:
    """Keys are those of a first file of our own: only where it is looked at for them does DuckDB refuse any other.

    Its two lines make text of the contract's columns, and of others what they are in JSON.
    """
    extra = _keys(files) - {c.in_file for c in contract.delivered} if contract.others == "keep" else set()
    names = [*(c.in_file for c in contract.delivered), *sorted(extra)]
    # names that are one to DuckDB, or values that stand in the place of names
    if len({name.lower() for name in names}) < len(names) or "" in names or len(extra) > _MOST_KEYS:
        raise duckdb.InvalidInputException
    first = work / "keys.jsonl"
    line = dict.fromkeys(names, "x")
    first.write_text(f"{json.dumps(line)}\n{json.dumps({**line, **{key: {} for key in extra}})}\n")
    columns = ", ".join(f"{literal(name)}: 'varchar'" for name in names)
    known = "auto_detect = true, sample_size = 2, maximum_sample_files = 1"
    known = f"columns = {{{columns}}}" if contract.others == "leave" else known
    texts = ", ".join(f"{quoted(c.in_file)} as {quoted(c.name)}" for c in contract.delivered)
    return (
        "select * from (select file_index::bigint - 1 as _at, row_number() over () - 2 as _row, "
        f"{object_sql({name: quoted(name) for name in sorted(extra)})}::varchar as _extra, {texts} "
        f"from read_json([{literal(first)}, {_listed(files)[1:]}, format = 'newline_delimited', {known}) "
        ") where _at >= 0"
    )


def _keys(files: Sequence[Delivery]) -> set[str]:
    """The keys of objects at the beginning of these files: what comes later only is found by the slow way."""
    found: set[str] = set()
    for one in files:
        with one.plain.open("rb") as file:
            lines = file.read(_HEAD).split(b"\n")[:-1]
        for line in lines:
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                continue
            found |= set(value) if isinstance(value, dict) else set()
    return found


def _parquet(contract: Contract, files: Sequence[Delivery], work: Path) -> str:
    del work
    [names] = {one.names for one in files}
    texts = ", ".join(f"cast({quoted(c.in_file)} as varchar) as {quoted(c.name)}" for c in contract.delivered)
    extra = {name: f"cast({quoted(name)} as varchar)" for name in places(contract, names)[1]}
    return (
        f"select file_index::bigint as _at, row_number() over () as _row, {object_sql(extra)}::varchar as _extra, "
        f"{texts} from read_parquet({_listed(files)})"
    )


def _listed(files: Sequence[Delivery]) -> str:
    return f"[{', '.join(literal(one.plain) for one in files)}]"


_READERS = {"csv": _csv, "jsonl": _jsonl, "parquet": _parquet}
