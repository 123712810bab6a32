"""A digest of what a version says of everybody: the same day rebuilt must have the same."""

import hashlib
from dataclasses import dataclass

import duckdb

_SLICE = 1_000_000  # identifiers that are put together in memory at once


@dataclass(frozen=True)
class Sums:
    """What people come to, so that some can be taken away and others added."""

    people: int
    lower: int
    upper: int

    def without(self, others: "Sums") -> "Sums":
        """Those of everybody but the others."""
        return Sums(self.people - others.people, self.lower - others.lower, self.upper - others.upper)

    def __add__(self, others: "Sums") -> "Sums":
        """Those of both."""
        return Sums(self.people + others.people, self.lower + others.lower, self.upper + others.upper)


def of(connection: duckdb.DuckDBPyConnection, catalog: str) -> str:
    """Digest of `profiles.customers` in that catalog, whatever the order of its rows."""
    return told(sums(connection, catalog))


def told(total: Sums) -> str:
    """The sums as one text of 64 digits."""
    said = (total.people, total.lower, total.upper) if total.people else (0, None, None)
    return hashlib.sha256(repr(said).encode()).hexdigest()


def sums(connection: duckdb.DuckDBPyConnection, catalog: str, only: str | None = None) -> Sums:
    """Sums over the customers of that catalog; `only` those whose id stands in the table of that name."""
    people = f"(from {only})" if only else f"{catalog}.profiles.identifiers"  # a person has a few identifiers
    [(many,)] = connection.execute(f"select count(*) from {people}").fetchall()
    slices = 1 + many // _SLICE
    those = [f"customer_id in (select customer_id from {only})"] if only else []
    total = Sums(0, 0, 0)
    for slice_ in range(slices):
        condition = " and ".join([*those, f"hash(customer_id) % {slices} = {slice_}"])
        [found] = connection.execute(query(connection, catalog, condition)).fetchall()
        total += Sums(*found)
    return total


def query(connection: duckdb.DuckDBPyConnection, catalog: str, condition: str = "true") -> str:
    """SQL for people, lower and upper sum, of the people of whose `customer_id` the condition holds.

    A person is named by their identifiers, not by the id, which depends on what was published earlier; the last bits of
    a fraction, which depend on the order in which it was summed, do not count.
    """
    parts = ", ".join(f"'{name}': {_exact(name, kind)}" for name, kind in _columns(connection, catalog))
    row = f"cast(to_json({{'person': people.identifiers, {parts}}}) as varchar)"
    return f"""
        select
            count(*),
            coalesce(sum(cast(said >> 64 as hugeint)), 0),
            coalesce(sum(cast(said & 18446744073709551615 as hugeint)), 0)
        from (
            select md5_number({row}) as said
            from (from {catalog}.profiles.customers where {condition}) as customers
            inner join (
                select
                    customer_id,
                    list(identifier_type || ':' || identifier_hash order by identifier_type, identifier_hash)
                        as identifiers
                from {catalog}.profiles.identifiers
                where {condition}
                group by customer_id
            ) as people on customers.customer_id = people.customer_id
        )"""


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
