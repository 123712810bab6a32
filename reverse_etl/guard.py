"""What stands in the way of a send: stale sources, a failed gate, too many who leave, a segment out of proportion.

Freshness is not judged here: the version says of its own moment which sources were stale, and on which each audience
rests, so that a plan, its approval and its delivery see the same.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import duckdb

from reverse_etl.destination import Refused
from warehouse import ledger, overrides
from warehouse.settings import Settings

_THERE = """
select count(*) from duckdb_tables()
where database_name = 'published' and schema_name = 'ops' and table_name = 'audience_sources'
"""
_UNKNOWN = """
select distinct segment_id
from (select unnest(segment_ids) as segment_id from audience)
anti join (from published.ops.audience_sources where destination = getvariable('destination')) using (segment_id)
order by segment_id
"""
_STALE = """
select distinct source, newest_at, fresh_within_hours, as_of
from published.ops.audience_sources
inner join published.ops.sources using (source)
cross join published.ops.control
where destination = getvariable('destination') and freshness = 'stale'
order by source
"""


# most of what a destination holds that may leave it in one plan, where that is many people at all
_MOST_SHARE, _MANY = 0.1, 50
_TIMES, _SIZED = 3, 100
_GROWN = f"""
with

now as (
    select segment_id, count(*) as members from (select unnest(segment_ids) as segment_id from audience) group by 1
),

before as (
    select segment_id, count(*) as members from (select unnest(segment_ids) as segment_id from accepted) group by 1
)

select segment_id, before.members, now.members
from now inner join before using (segment_id)
where before.members >= {_SIZED} and now.members > {_TIMES} * before.members
order by segment_id
"""
_FAILED_GATE = """
select stage, started_at from runs
where stage in ('check_raw', 'check_scores') and status = 'failed'
    and started_at > coalesce((select max(started_at) from runs where stage = 'publish' and status = 'ok'), '')
order by started_at desc limit 1
"""


class Guard(Protocol):
    """One reason to send nothing."""

    @property
    def guard(self) -> str:
        """What an override names."""

    @property
    def people(self) -> int:
        """How many it is about; an approval is up to so many. 0 where it is not about a number."""


@dataclass(frozen=True)
class Removals:
    """Too many would leave at once."""

    people: int
    of: int
    guard = "removals"

    def __str__(self) -> str:
        """How many, of how many, what is allowed."""
        allowed = f"up to {_MANY - 1}, or {_MOST_SHARE:.0%} of those there"
        return f"{self.people} of {self.of} people would leave; allowed are {allowed}"


@dataclass(frozen=True)
class Grown:
    """A segment is out of proportion to itself."""

    segment_id: str
    before: int
    people: int

    @property
    def guard(self) -> str:
        """What an override names."""
        return f"size {self.segment_id}"

    def __str__(self) -> str:
        """From how many to how many, what is allowed."""
        told = f"{self.segment_id} would grow from {self.before} people to {self.people} people"
        return f"{told}; allowed is {_TIMES} times as many"


@dataclass(frozen=True)
class FailedGate:
    """What came since the published version did not pass its gate."""

    stage: str
    at: str
    guard = "gate"
    people = 0

    def __str__(self) -> str:
        """Which gate, when."""
        return f"{self.stage} failed at {self.at}, after what is published; allowed is a run that passes it"


@dataclass(frozen=True)
class Stale:
    """A source that an audience rests on, whose newest row was older than allowed at the version's moment (UTC)."""

    source: str
    newest_at: datetime
    allowed_hours: int
    as_of: datetime
    people = 0

    @property
    def guard(self) -> str:
        """What an override names."""
        return f"stale {self.source}"

    def __str__(self) -> str:
        """Which source, how old, what is allowed."""
        newest = self.newest_at.replace(microsecond=0)
        age = self.as_of - newest
        return f"{self.source} is stale: newest row of {newest}, {age} old; allowed are {self.allowed_hours} h"


def stale(connection: duckdb.DuckDBPyConnection, destination: str) -> tuple[Stale, ...]:
    """The stale sources that the destination's audience rests on.

    Raises:
        Refused: the version does not say what a segment of the audience rests on.
    """
    [(there,)] = connection.execute(_THERE).fetchall()
    if not there:
        raise Refused("the published version does not say what its audience rests on; the next run's does")
    if unknown := connection.execute(_UNKNOWN).fetchall():
        told = ", ".join(str(segment_id) for (segment_id,) in unknown)
        raise Refused(f"ops.audience_sources has no source of {told} for {destination!r}; each segment rests on some")
    return tuple(Stale(*row) for row in connection.execute(_STALE).fetchall())


def numbers(connection: duckdb.DuckDBPyConnection, removed: int) -> tuple[Guard, ...]:
    """What the tables `audience` and `accepted` say of their sizes."""
    [(held,)] = connection.execute("select count(*) from accepted").fetchall()
    too_many = removed >= _MANY and removed > _MOST_SHARE * held
    grown = connection.execute(_GROWN).fetchall()
    return (*((Removals(removed, held),) if too_many else ()), *(Grown(*row) for row in grown))


def failed_gate(path: Path) -> tuple[Guard, ...]:
    """The gate that failed since the last publication, by the ledger."""
    if not path.exists():
        return ()
    with ledger.connect(path) as book:
        row = book.execute(_FAILED_GATE).fetchone()
    return (FailedGate(*row),) if row else ()


def in_the_way(settings: Settings, plan_id: str | None, found: tuple[Guard, ...]) -> tuple[Guard, ...]:
    """Those in spite of which nobody has approved this plan, for so many people at least."""
    if plan_id is None or not found:
        return ()
    ceilings = dict(map(approval, overrides.passed(settings.ledger, "plan", plan_id)))
    return tuple(one for one in found if ceilings.get(one.guard, -1) < one.people)


def approval(detail: str) -> tuple[str, int]:
    """The guard that an override names, and its ceiling in people."""
    guard, _, ceiling = detail.partition(" up to ")
    return guard, int(ceiling or 0)
