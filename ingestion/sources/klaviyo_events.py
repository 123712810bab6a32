"""Klaviyo: what people did and were sent, as Fivetran's connector keeps the table.

`type` is the name of the metric, as `Opened Email`. Properties of events (`property_`) are left out.
"""

import re

from ingestion.source import Source
from warehouse.contracts import Column, Contract

SOURCE = Source(
    pattern=re.compile(r"(klaviyo_event(_data)?|event)(_\d{4}-\d\d-\d\d)?\.csv(\.gz)?"),
    contract=Contract(
        source="klaviyo_events",
        description="One row per event and reading; other columns are left out.",
        format="csv",
        columns=(
            Column(name="event_id", header="id", nullable=False, pii="indirect"),
            Column(name="person_id", pii="indirect"),
            Column(name="campaign_id"),
            Column(name="flow_id"),
            Column(name="flow_message_id"),
            Column(name="occurred_at", header="datetime", type="timestamp", nullable=False),
            Column(name="is_deleted", header="_fivetran_deleted", type="boolean"),
            Column(name="event_type", header="type"),
            Column(name="synced_at", header="_fivetran_synced", type="timestamp", nullable=False),
        ),
        key=("event_id", "synced_at"),
        event_time="synced_at",
        arrival="event_time",
        redelivery="adds",
        others="leave",
        purpose="marketing_email",
        retention_days=730,
    ),
)
