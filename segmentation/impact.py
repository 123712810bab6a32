"""The impact of a change before it is merged: who enters and leaves, and what each destination would be told.

Both sides are evaluated over the same published version, so the difference is the change and nothing else.
"""

import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from segmentation import activation, definition, policy
from segmentation.candidates import evaluate, opened
from segmentation.definition import Definition
from segmentation.render import Published
from segmentation.telling import Teller
from warehouse import pseudonyms
from warehouse.dbt import PROJECT
from warehouse.settings import Settings

# what stops a send where it is passed; docs/operations.md, "Blocked sends"
_MOST_REMOVED, _MANY_REMOVED, _MOST_TIMES = 0.1, 50, 3
_SIDES = ("before", "after")
_HITS = "insert into {side}_rule_hits select $name, customer_id from candidates where is_member"
# segments that stay as they are, and gain or lose people to one that does not
_MOVED = """
select distinct segment_id
from (
    (select * from before_memberships except select * from after_memberships)
    union all
    (select * from after_memberships except select * from before_memberships)
)
"""
_SIZES = """
select
    count(*) filter (where is_before) as before,
    count(*) filter (where is_after) as after,
    count(*) filter (where is_after and not is_before) as entered,
    count(*) filter (where is_before and not is_after) as left_count,
    count(*) filter (where is_after and people.is_active) as active
from (
    select customer_id, bool_or(side = 'before') as is_before, bool_or(side = 'after') as is_after
    from (
        select customer_id, 'before' as side from before_memberships where segment_id = $name
        union all
        select customer_id, 'after' as side from after_memberships where segment_id = $name
    )
    group by customer_id
)
inner join people using (customer_id)
"""
_OVERLAP = """
select others.segment_id as segment, count(*) as shared
from after_memberships as own
inner join after_memberships as others using (customer_id)
where own.segment_id = $name and others.segment_id <> $name
group by others.segment_id
order by shared desc, segment
limit 5
"""
_CONSENT = """
select destination, purpose, channel, count(*) filter (where not has_consent) as without_consent
from after_activated
where segment_id = $name
group by all
order by all
"""
_SENT = """
select
    destination,
    count(*) filter (where is_after and not is_before) as adds,
    count(*) filter (where is_before and not is_after) as removes
from (
    select destination, customer_id, bool_or(side = 'before') as is_before, bool_or(side = 'after') as is_after
    from (
        select destination, customer_id, unnest(segment_ids) as segment_id, 'before' as side from before_audience
        union all
        select destination, customer_id, unnest(segment_ids), 'after' from after_audience
    )
    where segment_id = $name
    group by destination, customer_id
)
group by destination
order by destination
"""
_DESTINATIONS = """
select
    coalesce(before.destination, after.destination) as destination,
    count(*) filter (where before.customer_id is null) as added,
    count(*) filter (where after.customer_id is null) as removed,
    count(*) filter (where before.segment_ids <> after.segment_ids) as changed,
    count(before.customer_id) as held
from before_audience as before
full join after_audience as after
    on before.destination = after.destination and before.customer_id = after.customer_id
group by 1
order by 1
"""


@dataclass(frozen=True)
class SegmentImpact:
    """What happens to one segment; numbers of people in whole floors, None for fewer than one.

    `share` is those who enter or leave over those who were in, as told; None where a size is not told.
    """

    segment: str
    what: str
    before: int | None
    after: int | None
    entered: int | None
    left: int | None
    is_same: bool
    share: float | None
    is_sendable: bool
    overlap: list[dict[str, Any]]
    consent: list[dict[str, Any]]
    destinations: list[dict[str, Any]]
    guards: list[str]


@dataclass(frozen=True)
class Impact:
    """Everything that a change of the definitions, or of what is sent where, would do now."""

    against: str
    as_of: datetime
    version: str
    is_simulated: bool
    floor: int
    segments: list[SegmentImpact]
    destinations: list[dict[str, Any]]
    seconds: float

    @property
    def largest_share(self) -> float:
        """The largest share of a segment that would change; 1 where a segment appears, goes or hides its size."""
        return max((1.0 if one.share is None else one.share for one in self.segments if not one.is_same), default=0.0)


def impact(settings: Settings, against: str, project: Path = PROJECT) -> Impact:
    """Compare the definitions of this checkout with those of a git revision, over the published version.

    Raises:
        SmaltiError: nothing is published, there is no such revision, or a definition cannot be evaluated.
    """
    begun = time.monotonic()
    with definition.checked_out(against) as earlier, opened(settings) as (connection, version):
        pseudonyms.bind(connection, settings)
        sides = {"before": _definitions(earlier), "after": _definitions(project)}
        changed = _changed(sides["before"], sides["after"])
        for side, folder in zip(_SIDES, (earlier, project), strict=True):
            _memberships(connection, side, sides[side], changed)
            activation.build(connection, side, folder, settings.segment_floor)
        teller = Teller.of(settings, version)
        [(as_of, simulated)] = connection.execute(
            "select as_of, (select count(*) > 0 from published.ops.sources where is_simulated and rows_loaded > 0)"
            " from published.ops.control"
        ).fetchall()
        return Impact(
            against=against,
            as_of=as_of,
            version=version,
            is_simulated=simulated,
            floor=settings.segment_floor,
            segments=[_segment(connection, name, sides, teller) for name in _affected(connection, changed)],
            destinations=_destinations(connection, teller),
            seconds=round(time.monotonic() - begun, 3),
        )


def _definitions(project: Path) -> dict[str, Definition]:
    return definition.read_all(project / "models" / "segments")


def _changed(before: dict[str, Definition], after: dict[str, Definition]) -> list[str]:
    every = sorted(before.keys() | after.keys())
    return [
        name for name in every if name not in before or name not in after or _says(before[name]) != _says(after[name])
    ]


def _says(one: Definition) -> tuple[object, ...]:
    return (one.rule(), one.policy)


def _affected(connection: duckdb.DuckDBPyConnection, changed: list[str]) -> list[str]:
    return sorted({*changed, *(name for (name,) in connection.execute(_MOVED).fetchall())})


def _memberships(
    connection: duckdb.DuckDBPyConnection, side: str, definitions: dict[str, Definition], changed: list[str]
) -> None:
    policy.unchanged(connection, side, changed)
    published = Published.of(connection)
    for name in changed:
        if name in definitions:
            evaluate(connection, definitions[name], published)
            connection.execute(_HITS.format(side=side), {"name": name})
    policy.apply(connection, side, definitions)


def _segment(
    connection: duckdb.DuckDBPyConnection, name: str, sides: dict[str, dict[str, Definition]], teller: Teller
) -> SegmentImpact:
    values = {"name": name}
    before, after, entered, left, active = connection.execute(_SIZES, values).fetchall()[0]
    told_before, moved = teller.told(before), (teller.told(entered) or 0) + (teller.told(left) or 0)
    is_sendable = active >= teller.floor.people
    share = round(moved / told_before, 2) if told_before and name in sides["after"] else None
    return SegmentImpact(
        segment=name,
        what=_what(name, sides),
        before=told_before,
        after=teller.told(after),
        entered=teller.told(entered),
        left=teller.told(left),
        is_same=entered == left == 0,
        share=0.0 if entered == left == 0 else share,
        is_sendable=is_sendable,
        overlap=_told(connection, _OVERLAP, values, teller, "shared") if is_sendable else [],
        consent=_told(connection, _CONSENT, values, teller, "without_consent"),
        destinations=_told(connection, _SENT, values, teller, "adds", "removes"),
        guards=_guards(name, before, after, teller) if name in sides["after"] else [],
    )


def _what(name: str, sides: dict[str, dict[str, Definition]]) -> str:
    before, after = (sides[side].get(name) for side in _SIDES)
    if before is None or after is None:
        return "added" if before is None else "removed"
    return "changed" if _says(before) != _says(after) else "affected"


def _guards(name: str, before: int, after: int, teller: Teller) -> list[str]:
    found = []
    if before >= teller.floor.people and after > _MOST_TIMES * before:
        found.append(f"{name} would be more than {_MOST_TIMES} times as large: it stands still until that is accepted")
    if before >= teller.floor.people and not after:
        found.append(f"{name} would be empty: it stands still until that is accepted")
    if before >= teller.floor.people > after:
        found.append(f"{name} would fall below {teller.floor.people} people: it is no longer sent")
    return found


def _destinations(connection: duckdb.DuckDBPyConnection, teller: Teller) -> list[dict[str, Any]]:
    found = []
    for row in connection.execute(_DESTINATIONS).pl().to_dicts():
        told = {name: teller.told(row[name]) for name in ("added", "removed", "changed")}
        is_stopped = row["removed"] >= _MANY_REMOVED and row["removed"] > _MOST_REMOVED * row["held"]
        guards = [f"more than {_MOST_REMOVED:.0%} would be removed: the send stops until it is approved"]
        found.append({"destination": row["destination"]} | told | {"guards": guards if is_stopped else []})
    return found


def _told(
    connection: duckdb.DuckDBPyConnection, query: str, values: dict[str, str], teller: Teller, *counted: str
) -> list[dict[str, Any]]:
    rows = connection.execute(query, values).pl().to_dicts()
    return [row | {name: teller.told(row[name]) for name in counted} for row in rows]
