"""A preview: whom a definition would take now, before anything is merged; read from the published version."""

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from segmentation import policy
from segmentation.candidates import Candidates, evaluate, opened
from segmentation.definition import Definition
from segmentation.render import Published
from segmentation.telling import Teller
from warehouse.settings import Settings

_SAMPLE = 5
_COUNTS = """
select
    count(*) as members,
    count(*) filter (where people.is_active) as active_members,
    count(*) filter (where published.customer_id is null) as entered,
    (select count(*) from was_member) - count(published.customer_id) as left_count
from now_member
inner join people on now_member.customer_id = people.customer_id
left join was_member as published on now_member.customer_id = published.customer_id
"""
_CONDITION = """
select
    count(*) filter (where met_{number}) as kept,
    count(*) filter (where not met_{number}) as dropped,
    count(*) filter (where not met_{number} {others}) as only_this
from {table}
"""
_REACHABLE = """
select purpose, channel, count(*) as people
from now_member
inner join published.profiles.customer_consents as consents using (customer_id)
where consents.is_granted
group by purpose, channel
order by purpose, channel
"""
_OVERLAP = """
select segment_id, count(now_member.customer_id) as shared, count(*) as members
from published.segments.memberships
inner join published.segments.catalog using (segment_id)
left join now_member using (customer_id)
where segment_id <> $name and is_sendable
group by segment_id
order by shared desc, segment_id
"""
_MASKED = """
select left(relation.customer_id, 8) || '…' as person, {columns}
from ({steps}) as relation
semi join now_member using (customer_id)
order by md5(relation.customer_id)
limit {rows}
"""


@dataclass(frozen=True)
class Preview:
    """What a definition comes to; a number of people that may not be told is None, `is_exact` says of which kind it is.

    `change` compares with the published segment of the same name; `conditions` say whom each keeps and drops of those
    that the segment looks at, and how many meet all others; `reachable` counts consents by purpose and channel.
    """

    segment: str
    as_of: datetime
    version: str
    is_simulated: bool
    members: int | None
    active_members: int | None
    is_exact: bool
    floor: int
    is_sendable: bool
    why_not: str | None
    looked_at: int | None
    change: dict[str, Any]
    conditions: list[dict[str, Any]]
    reachable: list[dict[str, Any]]
    overlap: list[dict[str, Any]]
    sample: list[dict[str, Any]]
    seconds: float


def preview(settings: Settings, definition: Definition) -> Preview:
    """Evaluate a definition over the published version; nothing is written but what was told of it.

    Raises:
        SmaltiError: nothing is published, or the definition cannot be evaluated.
    """
    begun = time.monotonic()
    with opened(settings) as (connection, version):
        candidates = evaluate(connection, definition, Published.of(connection))
        _members(connection, candidates, definition)
        teller = Teller.of(settings, version)
        is_exact = teller.may_be_exact(connection, "now_member")
        members, active, entered, left = connection.execute(_COUNTS).fetchall()[0]
        is_large = active >= teller.floor.people
        as_of, simulated = _about(connection)
        return Preview(
            segment=definition.name,
            as_of=as_of,
            version=version,
            is_simulated=simulated,
            members=members if is_exact else teller.told(members),
            active_members=teller.told(active),
            is_exact=is_exact,
            floor=teller.floor.people,
            is_sendable=is_large,
            why_not=None if is_large else f"fewer than {teller.floor.people} active members",
            looked_at=teller.told(_count(connection, candidates.table)),
            change=_change(connection, definition.name, teller, entered, left),
            conditions=_conditions(connection, candidates, teller),
            reachable=_told(connection, _REACHABLE, teller, ("people",)),
            overlap=_overlap(connection, definition.name, teller) if is_large else [],
            sample=_sample(connection, candidates) if is_large else [],
            seconds=round(time.monotonic() - begun, 3),
        )


def _members(connection: duckdb.DuckDBPyConnection, candidates: Candidates, definition: Definition) -> None:
    connection.execute(
        f"create or replace temp table now_member as select customer_id from {candidates.table} where is_member"
    )
    policy.keep_out(connection, definition)
    connection.execute(
        "create or replace temp table was_member as"
        " select customer_id from published.segments.memberships where segment_id = $name",
        {"name": definition.name},
    )


def _about(connection: duckdb.DuckDBPyConnection) -> tuple[datetime, bool]:
    found = connection.execute(
        "select as_of, (select count(*) > 0 from published.ops.sources where is_simulated and rows_loaded > 0)"
        " from published.ops.control"
    ).fetchall()[0]
    return found[0], found[1]


def _change(
    connection: duckdb.DuckDBPyConnection, name: str, teller: Teller, entered: int, left: int
) -> dict[str, Any]:
    known = connection.execute(
        "select is_sendable from published.segments.catalog where segment_id = $name", {"name": name}
    ).fetchall()
    if not known:
        return {"published": None, "entered": None, "left": None, "is_same": False}
    before = _count(connection, "was_member")
    return {
        "published": teller.told(before),
        "entered": teller.told(entered),
        "left": teller.told(left),
        "is_same": entered == left == 0,
    }


def _conditions(connection: duckdb.DuckDBPyConnection, candidates: Candidates, teller: Teller) -> list[dict[str, Any]]:
    found = []
    for number, condition in enumerate(candidates.conditions):
        others = "".join(f" and met_{other}" for other in range(len(candidates.conditions)) if other != number)
        query = _CONDITION.format(number=number, others=others, table=candidates.table)
        kept, dropped, only = connection.execute(query).fetchall()[0]
        told = {"kept": teller.told(kept), "dropped": teller.told(dropped), "dropped_by_this_alone": teller.told(only)}
        found.append({"condition": condition.sql} | told)
    return found


def _told(
    connection: duckdb.DuckDBPyConnection, query: str, teller: Teller, counted: tuple[str, ...]
) -> list[dict[str, Any]]:
    rows = connection.execute(query).pl().to_dicts()
    return [row | {name: teller.told(row[name]) for name in counted} for row in rows]


def _overlap(connection: duckdb.DuckDBPyConnection, name: str, teller: Teller) -> list[dict[str, Any]]:
    rows = connection.execute(_OVERLAP, {"name": name}).pl().to_dicts()
    told = [
        {"segment": row["segment_id"], "shared": teller.told(row["shared"]), "members": teller.told(row["members"])}
        for row in rows
    ]
    return [row for row in told if row["shared"]]


def _sample(connection: duckdb.DuckDBPyConnection, candidates: Candidates) -> list[dict[str, Any]]:
    names = dict.fromkeys(column for condition in candidates.conditions for column in condition.columns)
    columns = ", ".join(f'relation."{name}"' for name in names)
    query = _MASKED.format(columns=columns, steps=candidates.shape.steps, rows=_SAMPLE)
    return connection.execute(query).pl().to_dicts()


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(connection.execute(f"select count(*) from {table}").fetchall()[0][0])
