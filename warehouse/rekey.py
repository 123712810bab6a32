"""Pseudonyms replaced in files at rest, by a map from old to new; a file appears whole or stays as it was.

Whatever was replaced already is left alone, so that a rotation that was killed is simply repeated.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from warehouse import atomic
from warehouse.sql import literal

_ENDINGS = ("_hmac", "_hash")
# identifiers that no record holds any more: their clear value is gone, so there is no new pseudonym for them
_LOSABLE = "identifier_hash"


@dataclass(frozen=True)
class Count:
    """What was, or would be, rewritten: files, pseudonyms in them, and those without a new one, by what becomes of it.

    `unknown` ones stay as they are, which a rotation refuses; `dropped` ones go, with their rows.
    """

    files: int = 0
    pseudonyms: int = 0
    unknown: int = 0
    dropped: int = 0

    def __add__(self, other: "Count") -> "Count":
        """Both together."""
        return Count(*(mine + others for mine, others in zip(vars(self).values(), vars(other).values(), strict=True)))


def bind(connection: duckdb.DuckDBPyConnection, pairs: Path) -> None:
    """Make the map `rekeyed` (old, new) out of its Parquet."""
    connection.execute(f"create or replace temp table rekeyed as from read_parquet({literal(pairs)})")


def parquet(connection: duckdb.DuckDBPyConnection, path: Path, *, dry_run: bool) -> Count:
    """Replace the pseudonyms in a Parquet file, rows in their order."""
    read = f"read_parquet({literal(path)}, file_row_number = true)"
    rows = f"(select * exclude (file_row_number), file_row_number as _at from {read})"
    found = _count(connection, rows)
    if not found.files or dry_run:
        return found
    aside = path.with_name(f".{path.name}.rekeyed.tmp")
    query = f"select * exclude (_at) from ({_replaced(connection, rows, '_at')})"
    connection.execute(f"copy ({query}) to {literal(aside)} (format parquet, compression zstd)")
    atomic.swap(aside, path)
    return found


def database(connection: duckdb.DuckDBPyConnection, path: Path, *, dry_run: bool) -> Count:
    """Replace the pseudonyms in all tables of a DuckDB file, by a new file; views stay as they are."""
    connection.execute(f"attach {literal(path)} as held (read_only)")
    try:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'held' order by all"
        ).fetchall()
        names = [f'"{schema}"."{table}"' for schema, table in tables]
        counts = [_count(connection, f"held.{name}") for name in names]
        found = sum(counts, Count())
        # digests of something else, as those of what a run read, are no pseudonyms: nothing is unknown here
        found = replace(found, files=int(found.pseudonyms + found.dropped > 0), unknown=0)
        if not found.files or dry_run:
            return found
        aside = path.with_name(f".{path.name}.rekeyed.tmp")
        _copy(connection, aside, tables, names)
        _copy_views(connection)
    finally:
        connection.execute("detach held")
    atomic.swap(aside, path)
    return found


def _copy(connection: duckdb.DuckDBPyConnection, aside: Path, tables: list[tuple[str, str]], names: list[str]) -> None:
    aside.unlink(missing_ok=True)
    connection.execute(f"attach {literal(aside)} as rewritten")
    for schema in sorted({schema for schema, _ in tables} - {"main"}):
        connection.execute(f'create schema rewritten."{schema}"')
    for name in names:
        connection.execute(f"create table rewritten.{name} as {_replaced(connection, f'held.{name}', 'rowid')}")


def _copy_views(connection: duckdb.DuckDBPyConnection) -> None:
    """As they were: what they read stands in files of its own."""
    [(catalog,)] = connection.execute("select current_database()").fetchall()
    views = connection.execute(
        "select schema_name, sql from duckdb_views() where database_name = 'held' and not internal order by view_oid"
    ).fetchall()
    for schema in sorted({schema for schema, _ in views} - {"main"}):
        connection.execute(f'create schema if not exists rewritten."{schema}"')
    connection.execute("use rewritten")
    for _, view in views:
        connection.execute(view)
    connection.execute(f'use "{catalog}"')
    connection.execute("checkpoint rewritten")
    connection.execute("detach rewritten")


def _columns(connection: duckdb.DuckDBPyConnection, rows: str) -> list[str]:
    described = connection.execute(f"describe select * from {rows}").fetchall()
    return [name for name, kind, *_ in described if kind == "VARCHAR" and name.endswith(_ENDINGS)]


def _count(connection: duckdb.DuckDBPyConnection, rows: str) -> Count:
    found = Count()
    for name in _columns(connection, rows):
        value = f'held_rows."{name}"'
        [(known, other)] = connection.execute(
            f"select count(*) filter (known), count(*) filter (not known) from (select {value} in (select old from "
            f"rekeyed) as known from {rows} as held_rows where regexp_full_match({value}, '[0-9a-f]{{64}}') "
            f"and {value} not in (select new from rekeyed))"
        ).fetchall()
        lost = {"dropped": other} if name == _LOSABLE else {"unknown": other}
        found += Count(files=1 if known + other else 0, pseudonyms=known, **lost)
    return replace(found, files=min(found.files, 1))


def _replaced(connection: duckdb.DuckDBPyConnection, rows: str, order: str) -> str:
    """SQL for the rows with new pseudonyms, in their order; without those of identifiers that have none."""
    columns = _columns(connection, rows)
    if not columns:
        return f"select * from {rows} order by {order}"
    news = ", ".join(f'coalesce(map_{n}.new, held_rows."{name}") as "{name}"' for n, name in enumerate(columns))
    joins = " ".join(
        f'left join rekeyed as map_{n} on held_rows."{name}" = map_{n}.old' for n, name in enumerate(columns)
    )
    kept = ""
    if _LOSABLE in columns:
        lost = f"map_{columns.index(_LOSABLE)}.old is null and held_rows.{_LOSABLE} not in (select new from rekeyed)"
        kept = f" where not ({lost})"
    return f"select held_rows.* replace ({news}) from {rows} as held_rows {joins}{kept} order by held_rows.{order}"
