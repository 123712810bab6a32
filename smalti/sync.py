"""Plans between runs: what each destination would be sent, letting one pass in spite of a guard, and sending it."""

import secrets
from dataclasses import asdict
from datetime import datetime
from typing import Any

from reverse_etl import destination as destinations
from reverse_etl import receipts
from reverse_etl.campaign import Progress, quiet
from reverse_etl.deliver import preview
from reverse_etl.plan import Plan, plan, prepare
from smalti import observe
from smalti.sending import send
from warehouse import keys, lease, overrides, slot
from warehouse.errors import SmaltiError
from warehouse.settings import Settings


def plans(settings: Settings, destination: str | None, now: datetime) -> list[dict[str, Any]]:
    """What this destination, or each, would be sent now; nothing is sent or written."""
    found = [plan(settings, name, now) for name in ([destination] if destination else destinations.names())]
    return [asdict(one) | {"blocked_by": list(map(str, one.blocked_by))} for one in found]


def approve(settings: Settings, plan_id: str, up_to: int | None, reason: str, now: datetime) -> Plan:
    """Let this plan pass in spite of what blocks it now; what would block it later is not approved by that.

    Where it is blocked for how many people it is about, `up_to` says for how many it may pass.

    Raises:
        SmaltiError: no destination has that plan, nothing blocks it, it is about more people, or there is no reason.
    """
    found = {one.plan_id: one for one in (plan(settings, name) for name in destinations.names()) if one.plan_id}
    if plan_id not in found:
        there = ", ".join(f"{one.destination} {known}" for known, one in found.items()) or "none"
        raise SmaltiError(f"no plan {plan_id!r} of the published version; there are: {there}")
    one = found[plan_id]
    if not one.blocked_by:
        raise SmaltiError(f"nothing blocks plan {plan_id}; `smalti sync run {one.destination}` sends it")
    most = max(guard.people for guard in one.blocked_by)
    if most > (up_to or 0):
        raise SmaltiError(f"plan {plan_id} is blocked for {most} people; allowed is --up-to {most} or more")
    details = [f"{guard.guard} up to {up_to}" if guard.people else guard.guard for guard in one.blocked_by]
    overrides.record(settings.ledger, "plan", plan_id, details, reason, now)
    return one


def rows(settings: Settings, destination: str, outcome: str | None, limit: int) -> list[dict[str, Any]]:
    """What would be sent now, a row a person; with an outcome, whom the last plan had it for, and why."""
    if outcome:
        return receipts.of_last(settings.ledger, destination, outcome, limit)
    return _of("changes", settings, destination, limit, None)


def messages(settings: Settings, destination: str, limit: int, now: datetime) -> list[dict[str, Any]]:
    """The messages that would be told now, a row each."""
    return _of("messages", settings, destination, limit, now)


def _of(table: str, settings: Settings, destination: str, limit: int, now: datetime | None) -> list[dict[str, Any]]:
    with prepare(settings, destination, now) as (_, connection):
        found = connection.execute(
            f"select * exclude (contact_id_crm) from {table} order by customer_id limit ?", [limit]
        )
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def status(settings: Settings, destination: str | None) -> list[dict[str, Any]]:
    """What each destination holds, how its last plan ended, whom it refused and what is open."""
    return [receipts.standing(settings.ledger, one) for one in ([destination] if destination else destinations.names())]


def replay(settings: Settings, destination: str, code: str | None) -> int:
    """Let whom the destination refused be planned again; how many there are."""
    destinations.load_destination(destination)
    return receipts.revive(settings.ledger, destination, code)


def requests(settings: Settings, destination: str, limit: int, now: datetime) -> list[dict[str, Any]]:
    """The first calls that would change something, as they would be sent now, without headers; nothing is sent.

    Raises:
        SmaltiError: the destination is handed files: those stand in its outbox.
    """
    return [
        {"method": one.method, "url": one.url, "body": one.body.decode(errors="replace")}
        for one in preview(settings, destination, limit, now)
    ]


def run(settings: Settings, destination: str, now: datetime, progress: Progress = quiet) -> dict[str, Any]:
    """Send this destination what is published, between runs, as a stage of its own in the ledger.

    Raises:
        Busy: a run holds the warehouse.
        SmaltiError: there is no such destination, nothing is published, a rotation of the key is not complete, or not
            everybody was accepted.
    """
    destinations.load_destination(destination)
    run_id = f"sync-{now:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"
    with slot.take(settings):
        lease.refuse_while_held(settings.ledger, now)
        keys.hold(settings)
        with observe.stage(settings, run_id, "deliver", destination) as row:
            send(settings, row, destination, run_id, now, progress)
    return {"run_id": run_id, "destination": destination, "status": row.status, "message": row.message}
