"""The sending stage, apart from the other stages: a delivery between runs must not wait until models are imported."""

from datetime import datetime

from reverse_etl import deliver as delivery
from reverse_etl.campaign import Progress, quiet
from warehouse import ledger
from warehouse.errors import SmaltiError
from warehouse.settings import Settings


def send(
    config: Settings, row: ledger.Stage, destination: str, run_id: str, now: datetime, progress: Progress = quiet
) -> None:
    """Send one destination what changed; that a plan is blocked is an outcome, so that other destinations go on.

    Raises:
        SmaltiError: it did not accept everybody; the rest is planned again by the next run.
    """
    sent = delivery.deliver(config, destination, run_id, now, progress)
    row.rows_in, row.rows_rejected = sent.added + sent.changed + sent.removed, sent.rejected
    row.rows_loaded, row.message = sent.accepted, str(sent.path or sent.plan_id or "nothing changed, nothing sent")
    if sent.messages_due:
        row.message += f"; messages to {sent.messages} of {sent.messages_due} people"
    if sent.blocked_by:
        row.status = "blocked"
        row.message = f"plan {sent.plan_id or 'of messages'}: {'; '.join(sent.blocked_by)}"
    elif sent.messages < sent.messages_due:
        raise SmaltiError(
            f"{destination} took messages to {sent.messages} of {sent.messages_due} people; what it did not refuse is"
            " planned again"
        )
    elif sent.accepted < row.rows_in:
        raise SmaltiError(f"{destination} accepted {sent.accepted} of {row.rows_in} people; the rest is planned again")
