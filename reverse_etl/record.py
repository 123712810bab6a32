"""Delivery's part of the ledger: the plan before anything is written, and what was accepted after.

Receipts and what they change are one transaction: either the ledger knows of a delivery, or the
next one makes it again.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import duckdb

from reverse_etl.destination import Receipt
from reverse_etl.plan import Plan
from warehouse import ledger

_PLAN = """
insert into plans (plan_id, run_id, destination, version, created_at, added, changed, removed, status, blocked_by)
values (:plan_id, :run_id, :destination, :version, :at, :added, :changed, :removed, :status, :guards)
on conflict (plan_id) do update
set status = excluded.status, run_id = excluded.run_id, blocked_by = excluded.blocked_by
where 'blocked' in (plans.status, excluded.status)
"""
_RECEIPTS = """
insert or replace into receipts (plan_id, destination, customer_id, outcome, code, attempted_at)
select :plan_id, :destination, customer_id, coalesce(outcome, 'unknown'), code, :at
from planned left join answered using (customer_id)
"""
_ACCEPT = """
insert or replace into accepted (destination, customer_id, segment_ids, accepted_at, plan_id, attributes)
select :destination, customer_id, segment_ids, :at, :plan_id, attributes
from planned join answered using (customer_id)
where outcome = 'accepted' and segment_ids <> '[]'
"""
_REMOVE = """
delete from accepted
where destination = :destination and customer_id in (
    select customer_id from planned join answered using (customer_id)
    where outcome = 'accepted' and segment_ids = '[]'
)
"""
_FINISH = """
update plans
set status = case when exists (select 1 from receipts where plan_id = :plan_id and outcome <> 'accepted')
    then 'partial' else 'delivered' end
where plan_id = :plan_id
"""
_ABANDON = """
update plans set status = 'abandoned'
where destination = :destination and status in ('planned', 'blocked')
"""
_OUTCOMES = """
select sum(outcome = 'accepted'), sum(outcome = 'rejected'), sum(outcome in ('unknown', 'retry'))
from receipts where plan_id = :plan_id
"""


class Outcomes(NamedTuple):
    """People by what became of them; `unknown` are those whom the destination gave no receipt for."""

    accepted: int
    rejected: int
    unknown: int


def record_plan(path: Path, plan: Plan, run_id: str, at: datetime) -> None:
    """Commit the plan, as planned or blocked; one that stands there already, from before a stop, is left as it is."""
    status = "blocked" if plan.blocked_by else "planned"
    guards = ", ".join(one.guard for one in plan.blocked_by) or None
    told = {"run_id": run_id, "at": text(at), "status": status, "guards": guards}
    with ledger.connect(path) as connection:
        connection.execute(_PLAN, vars(plan) | told)


def record_outcome(
    path: Path, plan: Plan, planned: Iterable[tuple[str, str, str | None]], receipts: Iterable[Receipt], at: datetime
) -> Outcomes:
    """Keep one receipt for each planned person, and move `accepted` for those who were accepted.

    `planned` gives customer id, segment ids and attributes (JSON text); receipts for anyone else are not kept.
    """
    values = {"plan_id": plan.plan_id, "destination": plan.destination, "at": text(at)}
    with ledger.connect(path) as connection:
        connection.execute(
            "create temp table planned (customer_id text primary key, segment_ids text not null, attributes)"
        )
        connection.executemany("insert into planned values (?, ?, ?)", planned)
        connection.execute("create temp table answered (customer_id text primary key, outcome text, code text)")
        connection.executemany("insert or replace into answered values (?, ?, ?)", receipts)
        for statement in (_RECEIPTS, _ACCEPT, _REMOVE, _FINISH, _ABANDON):
            connection.execute(statement, values)
        return Outcomes(*connection.execute(_OUTCOMES, values).fetchone())


def outcomes_of(path: Path, plan_id: str) -> Outcomes:
    """What became of the people of a plan so far."""
    with ledger.connect(path) as connection:
        return Outcomes(*(count or 0 for count in connection.execute(_OUTCOMES, {"plan_id": plan_id}).fetchone()))


def forget(path: Path, destination: str, plan: duckdb.DuckDBPyConnection) -> None:
    """Whoever the plan removes is not told of, and no longer ours there."""
    left = plan.execute("select customer_id from changes where change = 'removed'").fetchall()
    with ledger.connect(path) as connection:
        connection.executemany(
            "delete from accepted where destination = ? and customer_id = ?", ((destination, one) for (one,) in left)
        )


def text(at: datetime) -> str:
    """ISO 8601 with offset, as elsewhere in the ledger; a time without offset is UTC."""
    return (at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)).isoformat(timespec="seconds")
