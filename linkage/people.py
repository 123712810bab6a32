"""Records that links connect are one person's; how many people have each value follows from that."""

from collections.abc import Iterable

import duckdb
import pyarrow as pa


def group(connection: duckdb.DuckDBPyConnection, links: str) -> None:
    """Make the table `people` (record, person) of all of `numbered`.

    `links` is SQL for the pairs that join. A person's number is the least of their records'.
    """
    least: dict[int, int] = {}

    def root(at: int) -> int:
        while (above := least.get(at, at)) != at:
            least[at] = at = least.get(above, above)
        return at

    for left, right in connection.execute(links).fetchall():
        low, high = sorted((root(left), root(right)))
        least[high] = low
    joined = pa.table({"record": pa.array(least, pa.int32()), "person": pa.array(map(root, list(least)), pa.int32())})
    connection.register("joined", joined)
    connection.execute("""
        create or replace table people as
        select record, coalesce(person, record) as person from numbered left join joined using (record) order by record
    """)
    connection.unregister("joined")


def shares(connection: duckdb.DuckDBPyConnection, terms: Iterable[str]) -> None:
    """Make the table `shares` (record, share_<term>): the share of people who have the value of a record.

    It is of those who have any. Needs `people`; ten records of one person make no name common.
    """
    names = list(terms)
    joins = [
        f"""left join (
            select {name}, count(distinct person) / (
                select count(distinct person) from people inner join numbered using (record) where {name} is not null
            ) as share_{name}
            from people inner join numbered using (record) where {name} is not null group by {name}
        ) as of_{name} on numbered.{name} = of_{name}.{name}"""
        for name in names
    ]
    columns = ", ".join(("record", *(f"share_{name}" for name in names)))
    connection.execute(
        f"create or replace table shares as select {columns} from numbered {' '.join(joins)} order by record"
    )
