"""What changed in a table: all rows of a person as one number, so that nothing old is read to find out.

A row's hash is hashed once more: without that, two rows that swap a value could add up to the same. Sums know no order,
and 64 bits of them miss one change in 10^19. DuckDB may hash differently in another version: callers compare numbers
of one version only.
"""

import duckdb

_SUM = "cast(sum(hash(hash({columns}))) % 18446744073709551616 as ubigint)"


def whole(connection: duckdb.DuckDBPyConnection, rows: str, columns: list[str]) -> tuple[int, int]:
    """Number of rows and their bag."""
    query = f"select count(*), coalesce({_bag(columns)}, 0) from {rows} as kept"
    [(count, bag)] = connection.execute(query).fetchall()
    return count, bag


def each(connection: duckdb.DuckDBPyConnection, rows: str, columns: list[str], key: str, into: str) -> int:
    """Make the temporary table `into` (key, bag); return how many keys there are."""
    connection.execute(
        f'create or replace temp table {into} as select "{key}", {_bag(columns)} as bag from {rows} as kept group by 1'
    )
    [(keys,)] = connection.execute(f"select count(*) from {into}").fetchall()
    return int(keys)


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
    return _SUM.format(columns=", ".join(f'kept."{name}"' for name in columns))
