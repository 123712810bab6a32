"""E-mail tool: what became of each message sent, known by the contact's id alone; it brings no address."""

import re

from ingestion.source import Source
from warehouse.contracts import Column, Contract

_TYPES = ("sent", "bounced", "opened", "clicked", "unsubscribed")

SOURCE = Source(
    pattern=re.compile(r"email_engagement_(?P<arrived>\d{4}-\d\d-\d\d)\.jsonl(\.gz)?"),
    contract=Contract(
        source="email_engagement",
        description="One row per event of a message: sent, bounced, opened, clicked or unsubscribed.",
        format="jsonl",
        columns=(
            Column(name="event_id", nullable=False, pii="indirect"),
            Column(name="event_type", nullable=False, allowed=_TYPES),
            Column(name="occurred_at", type="timestamp", nullable=False),
            Column(name="campaign_id", nullable=False),
            Column(name="message_id", nullable=False, pii="indirect"),
            Column(name="contact_id", nullable=False, pii="indirect"),
            Column(name="bounce_type", allowed=("hard", "soft")),
        ),
        key=("event_id",),
        event_time="occurred_at",
        purpose="marketing_email",
        retention_days=730,
        fresh_within=240,
        is_simulated=True,
    ),
)
