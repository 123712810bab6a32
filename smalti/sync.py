"""Plans between runs: what each destination would be sent, letting one pass in spite of a guard, and sending it."""

import secrets
from dataclasses import asdict
from datetime import datetime
from typing import Any

from reverse_etl import destination as destinations
from reverse_etl.plan import Plan, plan
from smalti import observe, stages
from warehouse import lease, overrides, slot
from warehouse.errors import SmaltiError
from warehouse.settings import Settings


def plans(settings: Settings, destination: str | None) -> list[dict[str, Any]]:
    """What this destination, or each, would be sent now; nothing is sent or written."""
    found = [plan(settings, name) for name in ([destination] if destination else destinations.names())]
    return [asdict(one) | {"blocked_by": list(map(str, one.blocked_by))} for one in found]


def approve(settings: Settings, plan_id: str, reason: str, now: datetime) -> Plan:
    """Let this plan pass in spite of what blocks it now; what would block it later is not approved by that.

    Raises:
        SmaltiError: no destination has that plan, nothing blocks it, or there is no reason.
    """
    found = {one.plan_id: one for one in (plan(settings, name) for name in destinations.names()) if one.plan_id}
    if plan_id not in found:
        there = ", ".join(f"{one.destination} {known}" for known, one in found.items()) or "none"
        raise SmaltiError(f"no plan {plan_id!r} of the published version; there are: {there}")
    one = found[plan_id]
    if not one.blocked_by:
        raise SmaltiError(f"nothing blocks plan {plan_id}; `smalti sync run {one.destination}` sends it")
    overrides.record(settings.ledger, "plan", plan_id, [guard.guard for guard in one.blocked_by], reason, now)
    return one


def run(settings: Settings, destination: str, now: datetime) -> dict[str, Any]:
    """Send this destination what is published, between runs, as a stage of its own in the ledger.

    Raises:
        Busy: a run holds the warehouse.
        SmaltiError: there is no such destination, nothing is published, or not everybody was accepted.
    """
    destinations.load_destination(destination)
    run_id = f"sync-{now:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"
    with slot.take(settings):
        lease.refuse_while_held(settings.ledger, now)
        with observe.stage(settings, run_id, "deliver", destination) as row:
            stages.send(settings, row, destination, run_id)
    return {"run_id": run_id, "destination": destination, "status": row.status, "message": row.message}
