"""Bring a destination in step with the published audience: plan, render, write, record.

Killed anywhere, the next delivery ends in the same state: the plan is committed before anything is
written, what is written may be written again, and the ledger moves only with the receipts.
"""

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from reverse_etl.destination import Package, load_destination
from reverse_etl.plan import Plan, prepare
from reverse_etl.record import record_outcome, record_plan
from warehouse.settings import Settings


@dataclass(frozen=True)
class Delivered:
    """What a delivery came to, in people; `plan_id` and `path` are None where there was nothing to send.

    Planned people who are neither accepted nor rejected got no receipt; they are planned again. Of a plan that is
    `blocked_by` anything nothing was sent: each line says what, and what is allowed.
    """

    destination: str
    plan_id: str | None
    added: int
    changed: int
    removed: int
    unchanged: int
    accepted: int
    rejected: int
    path: Path | None
    blocked_by: tuple[str, ...] = ()


def deliver(settings: Settings, destination: str, run_id: str, attempted_at: datetime) -> Delivered:
    """Send the destination what changed since it last accepted; `attempted_at` is UTC.

    Raises:
        NoDestination: there is no such destination.
        NothingPublished: there is no published version.
        Refused: the audience must not be sent as it stands.
    """
    with prepare(settings, destination) as (plan, connection):
        if plan.plan_id is None:
            return _delivered(plan, accepted=0, rejected=0, path=None)
        record_plan(settings.ledger, plan, run_id, attempted_at)
        if plan.blocked_by:
            return _delivered(plan, accepted=0, rejected=0, path=None)
        outbox = settings.outbox / destination
        package = Package(plan.plan_id, plan.version, plan.as_of, plan.is_simulated, outbox, connection)
        target, folder = load_destination(destination), _empty(outbox / ".aside")
        target.render(package, folder)
        sent = target.write(package, folder)
        outcomes = record_outcome(settings.ledger, plan, package.changed(), sent.receipts, attempted_at)
        return _delivered(plan, outcomes.accepted, outcomes.rejected, sent.path)


def _delivered(plan: Plan, accepted: int, rejected: int, path: Path | None) -> Delivered:
    return Delivered(
        destination=plan.destination,
        plan_id=plan.plan_id,
        added=plan.added,
        changed=plan.changed,
        removed=plan.removed,
        unchanged=plan.unchanged,
        accepted=accepted,
        rejected=rejected,
        path=path,
        blocked_by=tuple(map(str, plan.blocked_by)),
    )


def _empty(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
