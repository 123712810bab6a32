"""Why a person was, or was not, in a segment on a day: each condition, with the values that met or missed it then.

Read from history as the published moments wrote it: what stood in `customers`, what the segment measured, and the rule
that was in force. Nothing is counted again.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from segmentation.candidates import opened
from segmentation.definition import Definition, Policy
from segmentation.render import Published, render
from segmentation.shape import Condition, Shape, shape
from warehouse.errors import SmaltiError
from warehouse.settings import Settings
from warehouse.sql import literal

_MOMENTS = "select max(as_of) from published.ops.moments where as_of <= $at"
_RULE = """
select definition_version, rule, thresholds, group_name, group_rank, excludes
from published.segments.definitions_history
where segment_id = $segment and valid_from <= $at
order by valid_from desc
limit 1
"""
# whoever was merged into this person since was somebody of their own then
_THEN = """
with recursive ids as (
    select $person as customer_id
    union
    select merges.from_customer_id
    from published.profiles.merges as merges
    inner join ids on merges.into_customer_id = ids.customer_id
    where merges.evidence like 'merged%' and merges.merged_at > $at
)
select customer_id from ids
"""
# segments of the group that ranked higher and had the person then
_OUTRANKING = """
select standing.segment_id
from (
    from published.segments.definitions_history
    where valid_from <= $at
    qualify row_number() over (partition by segment_id order by valid_from desc) = 1
) as standing
inner join published.segments.membership_history as spells using (segment_id)
where
    standing.group_name = $group
    and standing.group_rank < $rank
    and spells.customer_id = $person
    and spells.started_at <= $at
    and (spells.left_at is null or spells.left_at > $at)
order by standing.group_rank
limit 1
"""
_SPELLS = """
select entered_at, started_at, left_at, left_reason, definition_version, is_continued
from published.segments.membership_history
where segment_id = $segment and customer_id = $person
order by started_at
"""
_CUSTOMER = """
select *
from published.profiles.customers_history
where customer_id = $person and valid_from <= $at and (valid_to is null or valid_to > $at)
"""
_MEASURES = """
select measures
from published.segments.measures_history
where segment_id = $segment and customer_id = $person and valid_from <= $at and (valid_to is null or valid_to > $at)
"""


@dataclass(frozen=True)
class Reason:
    """A condition, whether it was met, and the values of the columns it compares; `parts` of all, any and not."""

    kind: str
    condition: str
    is_met: bool
    values: dict[str, Any]
    parts: tuple["Reason", ...] = ()


@dataclass(frozen=True)
class KeptOut:
    """Another segment that keeps out who fulfils the rule: by rank in a group, or excluded where `group` is None."""

    segment: str
    group: str | None = None

    @property
    def told(self) -> str:
        """In words."""
        if self.group is None:
            return f"is out: member of excluded {self.segment}"
        return f"is out: {self.segment} of group {self.group} ranks higher"


@dataclass(frozen=True)
class _Judged:
    version: str
    policy: Policy
    reasons: dict[str, tuple[Reason, ...]]
    excluded: bool
    fulfilled: tuple[str, ...]


@dataclass(frozen=True)
class Why:
    """The answer for one person, segment and moment; `as_of` is the published moment that decided then.

    `reasons` holds an answer for each id that the person had then: one, unless they were merged since. `is_excluded`
    says that a bot or an anomalous profile is in no segment, whatever the conditions say; `kept_out` names the segments
    that kept the person out who fulfilled the rule.
    """

    segment: str
    customer_id: str
    as_of: datetime
    definition_version: str
    is_member: bool
    is_excluded: bool
    reasons: dict[str, tuple[Reason, ...]]
    spells: list[dict[str, Any]]
    kept_out: tuple[KeptOut, ...] = ()


def why(settings: Settings, segment: str, customer_id: str, at: datetime | None = None) -> Why:
    """Explain a membership as of `at` (UTC), or as of the published version.

    Raises:
        SmaltiError: the person, the segment or the moment is not known.
    """
    with opened(settings) as (connection, _):
        return explained(connection, segment, customer_id, at)


def explained(connection: duckdb.DuckDBPyConnection, segment: str, customer_id: str, at: datetime | None) -> Why:
    """The same over a version that is open."""
    as_of = _moment(connection, at)
    connection.execute(f"create or replace temp macro as_of() as timestamp {literal(as_of)}")
    ids = _ids(connection, customer_id, as_of)
    judged = _judged(connection, segment, ids, as_of)
    if judged is None:
        known = connection.execute("select segment_id from published.segments.catalog order by all").fetchall()
        names = ", ".join(name for (name,) in known)
        raise SmaltiError(f"segment {segment!r} was not there on {as_of}; allowed now are: {names}")
    person = {"segment": segment, "person": customer_id}
    spells = connection.execute(_SPELLS, person).pl().to_dicts()
    kept_out = _kept_out(connection, judged, customer_id, as_of)
    is_member = bool(judged.fulfilled) and not kept_out
    return Why(
        segment, customer_id, as_of, judged.version, is_member, judged.excluded, judged.reasons, spells, kept_out
    )


def _judged(connection: duckdb.DuckDBPyConnection, segment: str, ids: Sequence[str], at: datetime) -> _Judged | None:
    """What the rule of that moment said of these ids; None where the segment was not there."""
    found = connection.execute(_RULE, {"segment": segment, "at": at}).fetchall()
    if not found or found[0][1] is None:
        return None
    version, rule, thresholds, group, rank, excludes = found[0]
    definition = Definition(segment, rule, {"thresholds": json.loads(thresholds)})
    taken_apart = shape(segment, render(definition, Published.of(connection)))
    reasons, excluded = {}, {}
    for one in ids:
        row, excluded[one] = _row(connection, taken_apart, segment, one, at)
        reasons[one] = tuple(_reason(connection, condition) for condition in taken_apart.conditions) if row else ()
    fulfilled = [one for one in ids if reasons[one] and all(reason.is_met for reason in reasons[one])]
    policy = Policy(group, rank, tuple(excludes or ()))
    return _Judged(
        version, policy, reasons, all(excluded.values()), tuple(one for one in fulfilled if not excluded[one])
    )


def _kept_out(connection: duckdb.DuckDBPyConnection, judged: _Judged, person: str, at: datetime) -> tuple[KeptOut, ...]:
    """The excluded segments whose rules the person fulfilled then, or the one of the group that had them."""
    if not judged.fulfilled:
        return ()
    others = {name: _judged(connection, name, judged.fulfilled, at) for name in judged.policy.excludes}
    fulfilled = {name: set(other.fulfilled) for name, other in others.items() if other and other.fulfilled}
    if set(judged.fulfilled) <= set().union(*fulfilled.values()):
        return tuple(KeptOut(name) for name in fulfilled)
    policy = judged.policy
    values = {"at": at, "group": policy.group, "rank": policy.rank, "person": person}
    found = connection.execute(_OUTRANKING, values).fetchall()
    return tuple(KeptOut(name, policy.group) for (name,) in found)


def _moment(connection: duckdb.DuckDBPyConnection, at: datetime | None) -> datetime:
    [(last,)] = connection.execute("select as_of from published.ops.control").fetchall()
    [(found,)] = connection.execute(_MOMENTS, {"at": at or last}).fetchall()
    if found is None:
        raise SmaltiError(f"nothing was published by {at}; allowed are moments up to {last}")
    moment: datetime = found
    return moment


def _ids(connection: duckdb.DuckDBPyConnection, customer_id: str, at: datetime) -> list[str]:
    known = connection.execute(
        "select 1 from published.profiles.customers_history where customer_id = $person limit 1",
        {"person": customer_id},
    ).fetchall()
    if not known:
        raise SmaltiError("no customer of this id was ever published; allowed is a customer_id of profiles.customers")
    return sorted(one for (one,) in connection.execute(_THEN, {"person": customer_id, "at": at}).fetchall())


def _row(
    connection: duckdb.DuckDBPyConnection, found: Shape, segment: str, person: str, at: datetime
) -> tuple[bool, bool]:
    """Bind what stood of this person then as the table `then`; whether there was anything, and whether they are out."""
    values = {"person": person, "at": at}
    connection.execute(f"create or replace temp table customer_then as {_CUSTOMER}", values)
    anomalous = connection.execute("select is_anomalous from customer_then").fetchall()
    if found.relation == "customers":
        connection.execute("create or replace temp table then_row as from customer_then")
        return bool(anomalous), any(one for (one,) in anomalous) or not anomalous
    measured = connection.execute(_MEASURES, values | {"segment": segment}).fetchall()
    columns = _columns(connection, found)
    shaped = json.dumps(columns)
    text = measured[0][0] if measured else "{}"
    connection.execute(
        f"create or replace temp table then_row as select unnest(from_json($text::json, {literal(shaped)}))",
        {"text": text},
    )
    return bool(anomalous), any(one for (one,) in anomalous) or not anomalous


def _columns(connection: duckdb.DuckDBPyConnection, found: Shape) -> dict[str, str]:
    described = connection.execute(f"describe {found.steps}").fetchall()
    return {str(name): str(kind) for name, kind, *_ in described if name != "customer_id"}


def _reason(connection: duckdb.DuckDBPyConnection, condition: Condition) -> Reason:
    columns = ", ".join(f'"{name}"' for name in condition.columns)
    row = connection.execute(f"select coalesce({condition.sql}, false), {columns or 'null'} from then_row").fetchall()[
        0
    ]
    values = dict(zip(condition.columns, row[1:], strict=False))
    return Reason(
        condition.kind, condition.sql, bool(row[0]), values, tuple(_reason(connection, one) for one in condition.parts)
    )
