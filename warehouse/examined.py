"""What was found of each segment before dbt builds any of them, and which stand still after it has."""

from collections.abc import Iterable
from dataclasses import astuple, dataclass

import duckdb

_TABLE = """
create or replace table ops.examined_segments (
    segment_id varchar, problem varchar, stands_alone boolean, tells_apart boolean, comes_and_goes boolean,
    accepted_people bigint
)"""

_STILL = """
select checks.segment_id, coalesce(definitions.owner, 'unknown') as owner, checks.problem, checks.people_found,
    checks.may_be_accepted
from {catalog}segments.segment_checks as checks
left join {catalog}segments.segment_definitions as definitions using (segment_id)
where checks.problem is not null
order by checks.segment_id"""


@dataclass(frozen=True)
class Examined:
    """A segment as found: what is wrong with its files, and what its sidecar or a person says of its size.

    `stands_alone` and `tells_apart` are what `segmentation.alone` says of its steps. One that nobody looked at more
    closely is taken to be in order, and to look at everybody at once.
    """

    segment_id: str
    problem: str | None = None
    stands_alone: bool = False
    tells_apart: bool = False
    comes_and_goes: bool = False
    accepted_people: int | None = None


def bind(connection: duckdb.DuckDBPyConnection, found: Iterable[Examined]) -> None:
    """Write the table anew."""
    connection.execute(_TABLE)
    for one in found:
        connection.execute("insert into ops.examined_segments values (?, ?, ?, ?, ?, ?)", astuple(one))


@dataclass(frozen=True)
class Still:
    """A segment that stands still, and why."""

    segment_id: str
    owner: str
    problem: str
    people_found: int
    may_be_accepted: bool

    def __str__(self) -> str:
        """As a person is told."""
        return f"segment {self.segment_id} (owner {self.owner}) stands still: {self.problem}"


def still(connection: duckdb.DuckDBPyConnection, catalog: str = "") -> list[Still]:
    """The segments that stand still, by name, in what is being built or in that catalog."""
    return [Still(*row) for row in connection.execute(_STILL.format(catalog=catalog)).fetchall()]
