"""Iterable: what became of messages, and what users did, as Fivetran's connector keeps the table.

An event does not change; one that comes again is a repeat. Addresses of the network are left out.
"""

import re

from ingestion.source import Source
from warehouse.contracts import Column, Contract

SOURCE = Source(
    pattern=re.compile(r"(iterable_event(_data)?|event_data)(_\d{4}-\d\d-\d\d)?\.csv(\.gz)?"),
    contract=Contract(
        source="iterable_events",
        description="One row per event of a user; other columns are left out.",
        format="csv",
        columns=(
            Column(name="event_id", header="_fivetran_id", nullable=False, pii="indirect"),
            Column(name="email", pii="direct", kind="email"),
            Column(name="campaign_id"),
            Column(name="message_id", pii="indirect"),
            Column(name="occurred_at", header="created_at", type="timestamp", nullable=False),
            Column(name="event_name", nullable=False),
            Column(name="synced_at", header="_fivetran_synced", type="timestamp", nullable=False),
            Column(name="user_key", header="_fivetran_user_id", nullable=False, pii="indirect"),
        ),
        key=("event_id", "user_key"),
        event_time="synced_at",
        arrival="event_time",
        redelivery="adds",
        others="leave",
        purpose="marketing_email",
        retention_days=730,
    ),
)
