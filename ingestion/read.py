"""Files as text rows in one table, `delivered`.

Its columns: `_file_no`, `_place` (the position, where it is known), `_fault`, `_raw`, `_extra`, each column as text.

DuckDB reads whole groups of files with explicit columns. Where a statement fails the group is halved
down to the culprit, which for CSV is then read record by record, so that one bad record costs one record.
"""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from itertools import islice

import duckdb
import pyarrow as pa

from ingestion import access_log, dialect
from ingestion.containers import ContentError, EncodingError
from ingestion.delivery import Delivery
from ingestion.sql import quoted
from warehouse.contracts import Contract
from warehouse.sql import literal

_CONTENT_ERRORS = (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.SerializationException)
_OF_UNPACKING = (ContentError.__name__, EncodingError.__name__)
_SLICE = 50_000
Numbered = Sequence[tuple[int, Delivery]]


def is_of_content(error: Exception) -> bool:
    """Whether the content is at fault: DuckDB says so, or what unpacks it, whose errors come as text of the base class.

    The latter was well when it was looked at, so the file has changed since.
    """
    return isinstance(error, (ContentError, *_CONTENT_ERRORS)) or str(error).startswith(_OF_UNPACKING)


def read(connection: duckdb.DuckDBPyConnection, contract: Contract, numbered: Numbered) -> dict[int, str | int]:
    """Fill `delivered` from a group of files; per file number the count of records, or the fault that excludes it.

    The count is that of `inspect` (bytes counted without DuckDB, or Parquet's footer) and DuckDB's must
    equal it; a CSV file where it does not is read again by Python's csv, whose count then holds.
    """
    texts = ", ".join(f'"{column.name}" varchar' for column in contract.delivered)
    connection.execute(
        "create or replace temp table delivered "
        f"(_file_no integer, _place bigint, _fault varchar, _raw varchar, _extra varchar, {texts})"
    )
    outcome: dict[int, str | int] = dict(_fill(connection, contract, numbered)) if numbered else {}
    counted = dict(connection.execute("select _file_no, count(*) from delivered group by all").fetchall())
    for number, delivery in numbered:
        if number not in outcome and counted.get(number, 0) != delivery.records:
            connection.execute("delete from delivered where _file_no = ?", [number])
            outcome[number] = _fill_singly(connection, contract, number, delivery)
        outcome.setdefault(number, delivery.records)
    return outcome


def _fill(
    connection: duckdb.DuckDBPyConnection, contract: Contract, numbered: Numbered
) -> Iterator[tuple[int, str | int]]:
    """Read these files in one statement, or by halves where it fails; yields only what deviates from `inspect`."""
    connection.begin()
    try:
        _STATEMENTS[contract.format](connection, contract, numbered)
        connection.commit()
    except duckdb.Error as error:  # the message may quote the data: it goes no further
        connection.rollback()
        if not is_of_content(error):
            raise
    else:
        return
    if len(numbered) == 1:
        number, delivery = numbered[0]
        yield number, _fill_singly(connection, contract, number, delivery)
        return
    middle = len(numbered) // 2
    yield from _fill(connection, contract, numbered[:middle])
    yield from _fill(connection, contract, numbered[middle:])


def _insert_csv(connection: duckdb.DuckDBPyConnection, contract: Contract, numbered: Numbered) -> None:
    """Files with the same header at once, its names in place of theirs."""
    for names in dict.fromkeys(delivery.names for _, delivery in numbered):
        connection.execute(
            f"insert into delivered select (?::integer[])[_at + 1], null, null, null, * exclude (_at) "
            f"from ({csv_sql(contract, names, '?')})",
            _numbers_and_paths([one for one in numbered if one[1].names == names]),
        )


def csv_sql(contract: Contract, names: Sequence[str], files: str) -> str:
    """SQL for the rows of a list of files, all with this header: `_at` (the file's place), `_extra`, texts."""
    at, extra = places(contract, names)
    columns = ", ".join(f"'c{place}': 'varchar'" for place in range(len(names)))
    texts = ", ".join(f"c{place} as {quoted(c.name)}" for place, c in zip(at, contract.delivered, strict=True))
    others = object_sql({name: f"c{place}" for name, place in extra.items()})
    return (
        f"select file_index::bigint as _at, {others}::varchar as _extra, {texts} "
        f"from read_csv({files}, columns = {{{columns}}}, {dialect.options(contract)})"
    )


def places(contract: Contract, names: Sequence[str]) -> tuple[list[int], dict[str, int]]:
    """Where in the file the contract's columns stand, and by name the places of others that are kept."""
    known = [column.in_file for column in contract.delivered]
    extra = {name: place for place, name in enumerate(names) if name not in known and contract.others == "keep"}
    return [names.index(name) for name in known], extra


def object_sql(values: dict[str, str]) -> str:
    """SQL for these expressions as one JSON object by name, those that are null left out; null where nothing is."""
    if not values:
        return "null"
    pairs = ", ".join(f"{literal(name)}, {value}" for name, value in values.items())
    return f"nullif(json_merge_patch('{{}}', json_object({pairs}))::varchar, '{{}}')"


def _insert_jsonl(connection: duckdb.DuckDBPyConnection, contract: Contract, numbered: Numbered) -> None:
    """Lines first, then one parse per line: validity decides before anything is extracted, or DuckDB would raise."""
    shape = literal(json.dumps({column.in_file: "VARCHAR" for column in contract.delivered}))
    values = ", ".join(f"parsed.{quoted(column.in_file)}" for column in contract.delivered)
    gone = literal(json.dumps({column.in_file: None for column in contract.delivered}))
    others = f"nullif(json_merge_patch(if(parsed is null, '{{}}', line), {gone})::varchar, '{{}}')"
    others = "null" if contract.others == "leave" else others
    connection.execute(
        f"""
        insert into delivered
        select number, null, if(parsed is null, 'record: not a JSON object', null), if(parsed is null, line, null),
            {others}, {values}
        from (
            select (?::integer[])[file_index::bigint + 1] as number, line,
                case when json_valid(line) then
                    case when json_type(line) = 'OBJECT' then json_transform(line, {shape}) end
                end as parsed
            from {_lines(header=False)} where line is not null
        )
        """,
        _numbers_and_paths(numbered),
    )


def _insert_aligned(connection: duckdb.DuckDBPyConnection, contract: Contract, numbered: Numbered) -> None:
    """Lines, split at runs of blanks; one with another number of values is a fault and is kept as it came."""
    width = len(contract.delivered)
    values = ", ".join(f"if(is_whole, parts[{place}], null)" for place in range(1, width + 1))
    connection.execute(
        f"""
        insert into delivered
        select number, null, if(is_whole, null, 'record: ' || len(parts) || ' values; allowed: {width}'),
            if(is_whole, null, line), null, {values}
        from (
            select (?::integer[])[file_index::bigint + 1] as number, line,
                string_split_regex(trim(line), ' +') as parts, len(parts) = {width} as is_whole
            from {_lines(header=contract.has_header)} where line is not null
        )
        """,
        _numbers_and_paths(numbered),
    )


def _insert_access_log(connection: duckdb.DuckDBPyConnection, contract: Contract, numbered: Numbered) -> None:
    numbered_line = "(?::integer[])[file_index::bigint + 1] as number, line"
    lines = f"(select {numbered_line} from {_lines(header=False)} where line is not null)"
    connection.execute(
        f"insert into delivered by name {access_log.fields_sql(contract, lines)}",
        _numbers_and_paths(numbered),
    )


def _lines(*, header: bool) -> str:
    """SQL for whole lines of the files of a parameter, whatever stands in them."""
    return (
        f"read_csv(?, columns = {{'line': 'varchar'}}, header = {header}, auto_detect = false, delim = '', "
        "quote = '', escape = '', comment = '', strict_mode = false, compression = 'none')"
    )


def _numbers_and_paths(numbered: Numbered) -> list[list[int] | list[str]]:
    return [[number for number, _ in numbered], [str(delivery.plain) for _, delivery in numbered]]


def _insert_parquet(connection: duckdb.DuckDBPyConnection, contract: Contract, numbered: Numbered) -> None:
    """File by file, since the same column may have another type in each; all is decoded before any row counts."""
    values = ", ".join(f"cast({quoted(column.in_file)} as varchar)" for column in contract.delivered)
    for number, delivery in numbered:
        path, kept = [str(delivery.plain)], places(contract, delivery.names)[1]
        others = object_sql({name: f"cast({quoted(name)} as varchar)" for name in kept})
        try:
            connection.execute(f"select bit_xor(hash({values}, {others})) from read_parquet(?)", path)
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error:
            raise duckdb.InvalidInputException("damaged Parquet") from None
        connection.execute(
            f"insert into delivered select {number}, null, null, null, {others}, {values} from read_parquet(?)",
            path,
        )


_STATEMENTS = {
    "csv": _insert_csv,
    "aligned": _insert_aligned,
    "jsonl": _insert_jsonl,
    "json": _insert_jsonl,  # unpacking makes lines of it
    "access_log": _insert_access_log,
    "parquet": _insert_parquet,
}


def _fill_singly(
    connection: duckdb.DuckDBPyConnection, contract: Contract, number: int, delivery: Delivery
) -> str | int:
    """Read one file that DuckDB refused; the count of its records, or the fault for which it is quarantined."""
    if contract.format == "parquet":
        return "damaged Parquet file"
    if contract.format != "csv":
        return "a record longer than 2 MB; allowed: shorter ones"
    count, records = 0, _records(contract, delivery)
    try:
        while part := list(islice(records, _SLICE)):
            names = ["_fault", "_raw", "_extra", *(column.name for column in contract.delivered)]
            arrays = [pa.array(values, pa.string()) for values in zip(*part, strict=True)]
            connection.register("slice", pa.table(arrays, names=names))
            connection.execute(f"insert into delivered select {number}, null, * from slice")
            connection.unregister("slice")
            count += len(part)
    except ContentError as error:
        connection.execute("delete from delivered where _file_no = ?", [number])
        return str(error)
    return count


def _records(contract: Contract, delivery: Delivery) -> Iterator[tuple[str | None, ...]]:
    """The records of one CSV file as (fault, raw, value, …); malformed ones have a fault and no values."""
    at, extra = places(contract, delivery.names)
    width, nothing = len(delivery.names), [None] * len(at)
    with io.TextIOWrapper(delivery.plain.open("rb"), encoding="utf-8", newline="") as file:
        reader = dialect.records(file, contract)
        if contract.has_header:
            next(reader, None)
        while True:
            try:
                record = next(reader)
            except StopIteration:
                return
            except UnicodeDecodeError:
                raise ContentError("not UTF-8") from None
            except csv.Error:
                yield ("record: quotes do not match", None, None, *nothing)
                continue
            if len(record) == width:
                others = {name: record[place] for name, place in extra.items() if record[place]}
                kept = json.dumps(others, ensure_ascii=False) if others else None
                yield (None, None, kept, *(record[place] for place in at))
            elif record:
                raw = contract.delimiter.join(record)
                yield (f"record: {len(record)} values; allowed: {width}", raw, None, *nothing)
