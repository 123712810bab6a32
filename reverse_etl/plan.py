"""What a destination would be sent: the audience of the published version against what was accepted so far.

The comparison is made against the live ledger, not against its copy from when the run opened, so
that a delivery in between, a rollback or a retry is seen, and a person is never sent the same twice.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from reverse_etl import messages
from reverse_etl.accepted import accepted, dead_letters, last_finished
from reverse_etl.connector import Connector
from reverse_etl.destination import Refused, attribute_names, load_destination, takes_messages
from reverse_etl.guard import Guard, failed_gate, in_the_way, numbers, stale
from warehouse import suppressions
from warehouse.settings import Settings
from warehouse.version import hand, open_version, tell

# sets are put in order once each, not once a person: there are few
_AUDIENCE = """
create table audience as
with

members as (

    select customer_id, contact_id_crm, segment_ids, attributes
    -- a version from before there were attributes has none
    from (from published.activation.audience union all by name select null::varchar as attributes where false)
    anti join suppressed using (customer_id)
    where destination = getvariable('destination') and len(segment_ids) > 0

),

sets as (

    select segment_ids as told, list_sort(list_distinct(segment_ids)) as segment_ids
    from (select distinct segment_ids from members)

)

select members.customer_id, members.contact_id_crm, sets.segment_ids, members.attributes
from members
inner join sets on sets.told = members.segment_ids
"""
# whoever is known by an identifier that is suppressed; it may have come back with an old export
_SUPPRESSED = """
create table suppressed as
select distinct customer_id
from published.profiles.identifiers
join suppressions using (identifier_type, identifier_hash)
"""
_ACCEPTED = """
create table accepted as
with

sets as (

    select segment_ids as told, list_sort(cast(cast(segment_ids as json) as varchar[])) as segment_ids
    from (select distinct segment_ids from accepted_rows)

)

select accepted_rows.customer_id, sets.segment_ids, accepted_rows.attributes
from accepted_rows
inner join sets on sets.told = accepted_rows.segment_ids
"""
_CHANGES = """
create table changes as
with

departed as (

    select customer_id, contact_id_crm
    from published.activation.audience_changes
    where destination = getvariable('destination') and change = 'removed'

)

select
    coalesce(audience.customer_id, accepted.customer_id) as customer_id,
    coalesce(audience.contact_id_crm, departed.contact_id_crm) as contact_id_crm,
    coalesce(audience.segment_ids, []) as segment_ids,
    coalesce(accepted.segment_ids, []) as before,
    audience.attributes,
    list_filter(json_keys(accepted.attributes), lambda one: not coalesce(
        list_contains(json_keys(audience.attributes), one), false)) as cleared,
    case
        when accepted.customer_id is null then 'added'
        when audience.customer_id is null then 'removed'
        when audience.segment_ids is distinct from accepted.segment_ids
            or audience.attributes is distinct from accepted.attributes then 'changed'
        else 'unchanged'
    end as change
from audience
full join accepted on accepted.customer_id = audience.customer_id
left join departed on departed.customer_id = accepted.customer_id and audience.customer_id is null
left join dead_letters as dead on dead.customer_id = coalesce(audience.customer_id, accepted.customer_id)
where
    (
        audience.segment_ids is distinct from accepted.segment_ids
        or audience.attributes is distinct from accepted.attributes
        or getvariable('everybody')
    )
    and (
        dead.segment_ids is distinct from coalesce(audience.segment_ids, [])
        or dead.attributes is distinct from audience.attributes
    )
"""
_COUNTS = """
select
    count(*) filter (change = 'added'), count(*) filter (change = 'changed'), count(*) filter (change = 'removed'),
    (
        select count(*) from audience semi join accepted
            on accepted.customer_id = audience.customer_id and accepted.segment_ids = audience.segment_ids
            and accepted.attributes is not distinct from audience.attributes
    ),
    (select count(*) from dead_letters)
from changes
"""
# the complete content stands in the digest, so that one plan id is one set of files, byte for byte; lines are summed,
# not sorted: of millions that is half the cost
_DIGEST = """
with

lines as (

    select 'holds ' as what, customer_id, contact_id_crm, segment_ids, attributes from audience
    union all
    select change, customer_id, contact_id_crm, segment_ids, attributes from changes

)

select sha256(concat_ws(chr(10), getvariable('destination'), getvariable('previous'), count(*), sum(md5_number_lower(
    concat_ws(chr(9), what, customer_id, coalesce(contact_id_crm, ''), array_to_string(segment_ids, ','), attributes)
))))
from lines
"""
_NAMES = "select distinct unnest(json_keys(attributes)) as name from audience where attributes is not null order by 1"
_SIMULATED = "select count(*) > 0 from published.ops.sources where is_simulated and rows_loaded > 0"
_TWICE = "select count(*) - count(distinct customer_id) from audience"
_HELD_BACK = """
select distinct segment_id
from (select unnest(segment_ids) as segment_id from audience)
anti join (from published.segments.catalog where is_sendable) using (segment_id)
order by segment_id
"""


@dataclass(frozen=True)
class Plan:
    """Whom one delivery would change: counts of people; `plan_id` is None where there is nothing to send.

    While anything is `blocked_by`, nothing is sent. `dead` are people whom the destination refused as they are now:
    they are left out until they change or are replayed. `messages` are entries into trigger segments to be told of.
    """

    destination: str
    plan_id: str | None
    version: str
    as_of: datetime
    is_simulated: bool
    added: int
    changed: int
    removed: int
    unchanged: int
    dead: int = 0
    blocked_by: tuple[Guard, ...] = ()
    messages: int = 0


def plan(settings: Settings, destination: str, now: datetime | None = None) -> Plan:
    """What `deliver` would do now; nothing is written or sent. Without a moment (UTC) it is that of the version.

    The plan's id is a digest of content only: the last plan that was finished, the audience, the
    changes. Planned again after a stop it is the same; the same changes on another day are not.

    Raises:
        NoDestination: there is no such destination.
        NothingPublished: there is no published version.
        Refused: the audience holds a person twice, or a segment that must not be sent or whose sources are not known.
    """
    with prepare(settings, destination, now) as (found, _):
        return found


@contextmanager
def prepare(
    settings: Settings, destination: str, now: datetime | None = None
) -> Iterator[tuple[Plan, duckdb.DuckDBPyConnection]]:
    """The plan, and the connection whose tables `audience`, `changes` and `messages` it is made of."""
    target = load_destination(destination)
    everybody = isinstance(target, Connector) and target.traits.mode == "all"
    with open_version(settings) as (connection, version):
        tell(connection, destination=destination, everybody=everybody)
        _compare(connection, settings, destination)
        _check_attributes(connection, destination)
        added, changed, removed, unchanged, dead = _row(connection, _COUNTS)
        as_of, (simulated,) = _as_of(connection), _row(connection, _SIMULATED)
        is_due = added + changed + removed or (everybody and unchanged)
        plan_id = _digest(connection, settings, destination) if is_due else None
        found = (
            *stale(connection, destination),
            *failed_gate(settings.ledger),
            *numbers(connection, removed),
        )
        counts = (added, changed, removed, unchanged, dead)
        due = _messages(connection, settings, destination, now or as_of)
        # nobody approves messages by themselves
        blocked_by = in_the_way(settings, plan_id, found) if plan_id or not due else found
        yield Plan(destination, plan_id, version, as_of, simulated, *counts, blocked_by, due), connection


def _messages(connection: duckdb.DuckDBPyConnection, settings: Settings, destination: str, now: datetime) -> int:
    return messages.find(connection, settings, destination, messages.utc(now)) if takes_messages(destination) else 0


def _compare(connection: duckdb.DuckDBPyConnection, settings: Settings, destination: str) -> None:
    path = settings.ledger
    hand(connection, settings, "suppressions", suppressions.read(path))
    connection.execute(_SUPPRESSED)
    connection.execute(_AUDIENCE)
    _check(connection, destination)
    hand(connection, settings, "accepted_rows", accepted(path, destination))
    connection.execute(_ACCEPTED)
    connection.execute("drop table accepted_rows")
    hand(connection, settings, "dead_letters", dead_letters(path, destination))
    connection.execute(_CHANGES)


def _check(connection: duckdb.DuckDBPyConnection, destination: str) -> None:
    if _row(connection, _TWICE) != (0,):
        raise Refused(f"activation.audience holds people twice for {destination!r}; allowed is one row a person")
    if held_back := [segment_id for (segment_id,) in connection.execute(_HELD_BACK).fetchall()]:
        raise Refused(
            f"activation.audience holds {', '.join(held_back)} for {destination!r}; "
            "allowed are segments that are sendable in segments.catalog"
        )


def _check_attributes(connection: duckdb.DuckDBPyConnection, destination: str) -> None:
    allowed, told = attribute_names(destination), [name for (name,) in connection.execute(_NAMES).fetchall()]
    if wrong := [name for name in told if allowed is None or not allowed.fullmatch(name)]:
        pattern = allowed.pattern if allowed else "none"
        raise Refused(f"{destination} cannot be told attributes {', '.join(wrong)}; allowed are {pattern}")


def _digest(connection: duckdb.DuckDBPyConnection, settings: Settings, destination: str) -> str:
    tell(connection, previous=last_finished(settings.ledger, destination) or "")
    (digest,) = _row(connection, _DIGEST)
    return str(digest)[:16]


def _as_of(connection: duckdb.DuckDBPyConnection) -> datetime:
    rows = connection.execute("select as_of from published.ops.control").fetchall()
    if len(rows) != 1:
        raise Refused(f"ops.control of the published version has {len(rows)} rows; allowed is exactly one")
    found: datetime = rows[0][0]
    return found


def _row(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    """The one row of an aggregate."""
    return connection.execute(sql).fetchall()[0]
