"""HubSpot: what became of e-mails, known by the address alone, as Fivetran's connector keeps the table.

An event that HubSpot filtered was made by a machine; one that is obsolete was replaced by another.
"""

import re

from ingestion.source import Source
from warehouse.contracts import Column, Contract

SOURCE = Source(
    pattern=re.compile(r"(hubspot_email_event(_data)?|email_event_data)(_\d{4}-\d\d-\d\d)?\.csv(\.gz)?"),
    contract=Contract(
        source="hubspot_email_events",
        description="One row per event of an e-mail and reading; other columns are left out.",
        format="csv",
        columns=(
            Column(name="event_id", header="id", nullable=False, pii="indirect"),
            Column(name="synced_at", header="_fivetran_synced", type="timestamp", nullable=False),
            Column(name="occurred_at", header="created", type="timestamp", nullable=False),
            Column(name="campaign_id", header="email_campaign_id"),
            Column(name="obsoleted_by_id", pii="indirect"),
            Column(name="sent_by_id", pii="indirect"),
            Column(name="event_type", header="type", nullable=False),
            Column(name="is_filtered", header="filtered_event", type="boolean"),
            Column(name="recipient", pii="direct", kind="email"),
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
