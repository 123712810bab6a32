"""Messages delivered: the plan of those that are due, told one by one or put as files, and kept in the ledger.

Killed anywhere, the next delivery tells nobody twice: what was called and not answered is called again with the key of
the same message, what was put is put under the same name, and what the ledger knows is not planned.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import duckdb

from reverse_etl import messages, rows
from reverse_etl.campaign import Campaign
from reverse_etl.connector import Messaging
from reverse_etl.destination import Posting, Receipt, Refused
from reverse_etl.journal import Journal
from reverse_etl.messages import Stream
from reverse_etl.plan import Plan, prepare
from reverse_etl.record import outcomes_of, record_outcome, record_plan
from warehouse import ledger
from warehouse.settings import Settings

Run = Callable[[Callable[[Campaign], Any]], Any]
_PLANNED = """
select intent_id, cast(to_json([segment_id]) as text), null from messages order by intent_id
"""


def tell(settings: Settings, target: Messaging, run_id: str, at: datetime, book: Journal, run: Run) -> int:
    """Settle what earlier messages left open, then tell of those that are due at `at`; how many of these were taken.

    Raises:
        Refused: it does not answer for an earlier message, or takes none where it was said to.
    """
    if book.unsettled():
        _settle(settings, target, at, run)
    stream = Stream(target)
    with prepare(settings, target.name, at) as (whole, connection):
        if not whole.messages or whole.blocked_by:
            return 0
        plan = _plan(settings, connection, whole)
        path = rows.path(settings, stream.name, str(plan.plan_id))
        record_plan(settings.ledger, plan, run_id, at)
        messages.freeze(connection, path, stream.traits)
        rows.prove_messages(connection, target.name, path)
    run(lambda campaign: campaign.send(str(plan.plan_id), path))
    return outcomes_of(settings.ledger, str(plan.plan_id)).accepted


def _settle(settings: Settings, target: Messaging, at: datetime, run: Run) -> None:
    """Tell again of what may have been told; what may not be any more is taken for told."""
    with prepare(settings, target.name, at) as (_, connection):
        allowed = frozenset(one for (one,) in connection.execute("select intent_id from allowed").fetchall())
    find = partial(rows.path, settings, Stream(target).name)
    if left := run(lambda campaign: campaign.settle(find, allowed)):
        raise Refused(f"{target.name} does not answer for {left} earlier messages; no other was sent")


def post(
    settings: Settings, target: Posting, whole: Plan, connection: duckdb.DuckDBPyConnection, run_id: str, at: datetime
) -> int:
    """Put the messages that are due as files; how many."""
    plan = _plan(settings, connection, whole)
    record_plan(settings.ledger, plan, run_id, at)
    rows.prove_messages(connection, whole.destination, rows.path(settings, plan.destination, str(plan.plan_id)))
    target.post(settings.outbox / whole.destination, messages.told(connection), at)
    planned = connection.execute(_PLANNED).fetchall()
    receipts = (Receipt(intent_id, "accepted") for intent_id, _, _ in planned)
    return record_outcome(settings.ledger, plan, planned, receipts, at).accepted


def _plan(settings: Settings, connection: duckdb.DuckDBPyConnection, whole: Plan) -> Plan:
    """The plan of the messages, an intent in the place of a person."""
    stream = ledger.stream(whole.destination)
    return Plan(
        destination=stream,
        plan_id=messages.digest(connection, settings, stream),
        version=whole.version,
        as_of=whole.as_of,
        is_simulated=whole.is_simulated,
        added=whole.messages,
        changed=0,
        removed=0,
        unchanged=0,
    )
