"""A digest of what a version says of everybody: the same day rebuilt must have the same."""

import hashlib

import duckdb


def of(connection: duckdb.DuckDBPyConnection, catalog: str) -> str:
    """Digest of `profiles.customers` in that catalog, whatever the order of its rows.

    A person is named by their identifiers, not by the id, which depends on what was published earlier; the last bits of
    a fraction, which depend on the order in which it was summed, do not count.
    """
    parts = ", ".join(f"'{name}': {_exact(name, kind)}" for name, kind in _columns(connection, catalog))
    row = f"cast(to_json({{'person': people.identifiers, {parts}}}) as varchar)"
    query = f"""
        select count(*), sum(cast(md5_number_lower(said) as hugeint)), sum(cast(md5_number_upper(said) as hugeint))
        from (
            select {row} as said
            from {catalog}.profiles.customers as customers
            inner join (
                select
                    customer_id,
                    list(identifier_type || ':' || identifier_hash order by identifier_type, identifier_hash)
                        as identifiers
                from {catalog}.profiles.identifiers
                group by customer_id
            ) as people on customers.customer_id = people.customer_id
        )"""
    return hashlib.sha256(repr(connection.execute(query).fetchone()).encode()).hexdigest()


def _columns(connection: duckdb.DuckDBPyConnection, catalog: str) -> list[tuple[str, str]]:
    """Name and type of what is known of a person but for the id."""
    return connection.execute(
        "select column_name, data_type from duckdb_columns() where database_name = ? and schema_name = 'profiles'"
        " and table_name = 'customers' and column_name <> 'customer_id' order by column_name",
        [catalog],
    ).fetchall()


def _exact(name: str, kind: str) -> str:
    column = f'customers."{name}"'
    return f"round({column}, 9)" if kind in {"DOUBLE", "FLOAT"} else column
