"""What was found of each segment before dbt builds any of them: a table that its models read."""

from collections.abc import Iterable
from dataclasses import astuple, dataclass

import duckdb

_TABLE = """
create or replace table ops.examined_segments (
    segment_id varchar, problem varchar, stands_alone boolean, comes_and_goes boolean, accepted_people bigint
)"""


@dataclass(frozen=True)
class Examined:
    """A segment as found: what is wrong with its files, and what its sidecar or a person says of its size.

    One that nobody looked at more closely is taken to be in order, and to look at everybody at once.
    """

    segment_id: str
    problem: str | None = None
    stands_alone: bool = False
    comes_and_goes: bool = False
    accepted_people: int | None = None


def bind(connection: duckdb.DuckDBPyConnection, found: Iterable[Examined]) -> None:
    """Write the table anew."""
    connection.execute(_TABLE)
    for one in found:
        connection.execute("insert into ops.examined_segments values (?, ?, ?, ?, ?)", astuple(one))
