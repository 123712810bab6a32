"""What stands in the way of a send: a source that its audience rests on and that has become stale.

Freshness is not judged here: the version says of its own moment which sources were stale, and on which each audience
rests, so that a plan, its approval and its delivery see the same.
"""

from dataclasses import dataclass
from datetime import datetime

import duckdb

from reverse_etl.destination import Refused
from warehouse import overrides
from warehouse.settings import Settings

_THERE = """
select count(*) from duckdb_tables()
where database_name = 'published' and schema_name = 'ops' and table_name = 'audience_sources'
"""
_UNKNOWN = """
select distinct segment_id
from (select unnest(segment_ids) as segment_id from audience)
anti join (from published.ops.audience_sources where destination = $destination) using (segment_id)
order by segment_id
"""
_STALE = """
select distinct source, newest_at, fresh_within_hours, as_of
from published.ops.audience_sources
inner join published.ops.sources using (source)
cross join published.ops.control
where destination = $destination and freshness = 'stale'
order by source
"""


@dataclass(frozen=True)
class Stale:
    """A source that an audience rests on, whose newest row was older than allowed at the version's moment (UTC)."""

    source: str
    newest_at: datetime
    allowed_hours: int
    as_of: datetime

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
    if unknown := connection.execute(_UNKNOWN, {"destination": destination}).fetchall():
        told = ", ".join(str(segment_id) for (segment_id,) in unknown)
        raise Refused(f"ops.audience_sources has no source of {told} for {destination!r}; each segment rests on some")
    return tuple(Stale(*row) for row in connection.execute(_STALE, {"destination": destination}).fetchall())


def in_the_way(settings: Settings, plan_id: str | None, found: tuple[Stale, ...]) -> tuple[Stale, ...]:
    """Those of the stale sources in spite of which nobody has approved this plan."""
    if plan_id is None or not found:
        return ()
    approved = overrides.passed(settings.ledger, "plan", plan_id)
    return tuple(one for one in found if one.guard not in approved)
