"""HubSpot: whose ticket it is, as Fivetran's connector keeps the table; a ticket may have several contacts."""

import re

from ingestion.source import Source
from warehouse.contracts import Column, Contract

SOURCE = Source(
    pattern=re.compile(r"(hubspot_)?ticket_contact(_data)?(_\d{4}-\d\d-\d\d)?\.csv(\.gz)?"),
    contract=Contract(
        source="hubspot_ticket_contacts",
        description="One row per ticket, contact and reading; other columns are left out.",
        format="csv",
        columns=(
            Column(name="synced_at", header="_fivetran_synced", type="timestamp", nullable=False),
            Column(name="ticket_id", nullable=False, pii="indirect"),
            Column(name="contact_id", nullable=False, pii="indirect"),
        ),
        key=("ticket_id", "contact_id", "synced_at"),
        event_time="synced_at",
        arrival="event_time",
        redelivery="adds",
        others="leave",
        purpose="customer_service",
        retention_days=1_095,
    ),
)
