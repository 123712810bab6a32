"""What changed in a table: all rows of a person as one number, so that nothing old is read to find out.

A row's hash is hashed once more: without that, two rows that swap a value could add up to the same. Sums know no order,
and 64 bits of them miss one change in 10^19. DuckDB may hash differently in another version: callers compare numbers
of one version only.
"""

from dataclasses import dataclass

import duckdb

_SUM = "cast(sum({each}) % 18446744073709551616 as ubigint)"


@dataclass(frozen=True)
class Whole:
    """A table as its number of rows and their bag, and of how many keys where they were counted."""

    row_count: int
    bag: int
    keys: int


def whole(connection: duckdb.DuckDBPyConnection, rows: str, columns: list[str]) -> Whole:
    """What all rows come to."""
    query = f"select count(*), coalesce({_bag(columns)}, 0), 0 from {rows} as kept"
    return Whole(*connection.execute(query).fetchall()[0])


def each(connection: duckdb.DuckDBPyConnection, rows: str, columns: list[str], key: str, into: str) -> Whole:
    """Make the temporary table `into` (key, bag, number of rows); return what they come to."""
    connection.execute(f"""
        create or replace temp table {into} as
        select "{key}", {_bag(columns)} as bag, count(*) as row_count from {rows} as kept group by 1""")
    query = f"select coalesce(sum(row_count), 0), coalesce({_SUM.format(each='bag')}, 0), count(*) from {into}"
    return Whole(*connection.execute(query).fetchall()[0])


def compare(connection: duckdb.DuckDBPyConnection, before: str, key: str, into: str) -> int:
    """Make the temporary table `into` (key, bag) of where `bags_now` differs from `before`; who is gone has no bag."""
    connection.execute(f"""
        create or replace temp table {into} as
        select if(before.is_there and bags_now.bag is null, before."{key}", bags_now."{key}") as "{key}", bags_now.bag
        from bags_now
        full join (select *, true as is_there from ({before})) as before
            on bags_now."{key}" is not distinct from before."{key}"
        where bags_now.bag is distinct from before.bag""")
    [(keys,)] = connection.execute(f"select count(*) from {into}").fetchall()
    return int(keys)


def _bag(columns: list[str]) -> str:
    listed = ", ".join(f'kept."{name}"' for name in columns)
    return _SUM.format(each=f"hash(hash({listed}))")
