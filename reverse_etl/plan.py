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
import polars as pl

from reverse_etl.accepted import accepted, last_finished
from reverse_etl.destination import Refused, load_destination
from reverse_etl.guard import Stale, in_the_way, stale
from reverse_etl.version import open_version
from warehouse.settings import Settings

_AUDIENCE = """
create table audience as
select customer_id, contact_id_crm, list_sort(list_distinct(segment_ids)) as segment_ids
from published.activation.audience
where destination = $destination and len(segment_ids) > 0
order by customer_id
"""
_ACCEPTED = """
create table accepted as
select customer_id, list_sort(cast(cast(segment_ids as json) as varchar[])) as segment_ids
from accepted_rows
"""
_CHANGES = """
create table changes as
with

departed as (

    select customer_id, contact_id_crm
    from published.activation.audience_changes
    where destination = $destination and change = 'removed'

)

select
    coalesce(audience.customer_id, accepted.customer_id) as customer_id,
    coalesce(audience.contact_id_crm, departed.contact_id_crm) as contact_id_crm,
    coalesce(audience.segment_ids, []) as segment_ids,
    case
        when accepted.customer_id is null then 'added'
        when audience.customer_id is null then 'removed'
        else 'changed'
    end as change
from audience
full join accepted on accepted.customer_id = audience.customer_id
left join departed on departed.customer_id = accepted.customer_id and audience.customer_id is null
where audience.segment_ids is distinct from accepted.segment_ids
order by 1
"""
_COUNTS = """
select
    count(*) filter (change = 'added'), count(*) filter (change = 'changed'), count(*) filter (change = 'removed'),
    (select count(*) from audience anti join changes using (customer_id))
from changes
"""
# the complete content stands in the digest, so that one plan id is one set of files, byte for byte
_DIGEST = """
with

lines as (

    select 'holds ' as what, customer_id, contact_id_crm, segment_ids from audience
    union all
    select change, customer_id, contact_id_crm, segment_ids from changes

)

select sha256(
    $destination || chr(10) || $previous || chr(10) || string_agg(
        concat_ws(chr(9), what, customer_id, coalesce(contact_id_crm, ''), to_json(segment_ids)), chr(10)
        order by what, customer_id
    )
)
from lines
"""
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

    While anything is `blocked_by`, nothing is sent: stale sources in spite of which this plan was not approved.
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
    blocked_by: tuple[Stale, ...] = ()


def plan(settings: Settings, destination: str) -> Plan:
    """What `deliver` would do now; nothing is written or sent.

    The plan's id is a digest of content only: the last plan that was finished, the audience, the
    changes. Planned again after a stop it is the same; the same changes on another day are not.

    Raises:
        NoDestination: there is no such destination.
        NothingPublished: there is no published version.
        Refused: the audience holds a person twice, or a segment that must not be sent or whose sources are not known.
    """
    with prepare(settings, destination) as (found, _):
        return found


@contextmanager
def prepare(settings: Settings, destination: str) -> Iterator[tuple[Plan, duckdb.DuckDBPyConnection]]:
    """The plan, and the connection whose tables `audience` and `changes` it is made of."""
    load_destination(destination)
    with open_version(settings) as (connection, version):
        _compare(connection, destination, accepted(settings.ledger, destination))
        added, changed, removed, unchanged = _row(connection, _COUNTS)
        as_of, (simulated,) = _as_of(connection), _row(connection, _SIMULATED)
        plan_id = _digest(connection, settings, destination) if added + changed + removed else None
        blocked_by = in_the_way(settings, plan_id, stale(connection, destination))
        counts = (added, changed, removed, unchanged)
        yield Plan(destination, plan_id, version, as_of, simulated, *counts, blocked_by), connection


def _compare(connection: duckdb.DuckDBPyConnection, destination: str, accepted_rows: pl.DataFrame) -> None:
    connection.execute(_AUDIENCE, {"destination": destination})
    _check(connection, destination)
    connection.register("accepted_rows", accepted_rows)
    connection.execute(_ACCEPTED)
    connection.unregister("accepted_rows")
    connection.execute(_CHANGES, {"destination": destination})


def _check(connection: duckdb.DuckDBPyConnection, destination: str) -> None:
    if _row(connection, _TWICE) != (0,):
        raise Refused(f"activation.audience holds people twice for {destination!r}; allowed is one row a person")
    if held_back := [segment_id for (segment_id,) in connection.execute(_HELD_BACK).fetchall()]:
        raise Refused(
            f"activation.audience holds {', '.join(held_back)} for {destination!r}; "
            "allowed are segments that are sendable in segments.catalog"
        )


def _digest(connection: duckdb.DuckDBPyConnection, settings: Settings, destination: str) -> str:
    previous = last_finished(settings.ledger, destination) or ""
    (digest,) = _row(connection, _DIGEST, {"destination": destination, "previous": previous})
    return str(digest)[:16]


def _as_of(connection: duckdb.DuckDBPyConnection) -> datetime:
    rows = connection.execute("select as_of from published.ops.control").fetchall()
    if len(rows) != 1:
        raise Refused(f"ops.control of the published version has {len(rows)} rows; allowed is exactly one")
    found: datetime = rows[0][0]
    return found


def _row(connection: duckdb.DuckDBPyConnection, sql: str, values: dict[str, str] | None = None) -> tuple[Any, ...]:
    """The one row of an aggregate."""
    return connection.execute(sql, values or {}).fetchall()[0]
