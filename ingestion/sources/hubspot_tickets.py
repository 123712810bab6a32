"""HubSpot: service tickets, as Fivetran's connector keeps the table.

Subject and content are left out: they are free text about people, and no figure needs them.
"""

import re

from ingestion.source import Source
from warehouse.contracts import Column, Contract

SOURCE = Source(
    pattern=re.compile(r"(hubspot_ticket(_data)?|ticket_data)(_\d{4}-\d\d-\d\d)?\.csv(\.gz)?"),
    contract=Contract(
        source="hubspot_tickets",
        description="One row per ticket and reading, without its text; other columns are left out.",
        format="csv",
        columns=(
            Column(name="synced_at", header="_fivetran_synced", type="timestamp", nullable=False),
            Column(name="ticket_id", header="id", nullable=False, pii="indirect"),
            Column(name="is_deleted", type="boolean"),
            Column(name="closed_at", header="property_closed_date", type="timestamp"),
            Column(name="opened_at", header="property_createdate", type="timestamp", nullable=False),
            Column(name="topic", header="property_hs_ticket_category"),
        ),
        key=("ticket_id", "synced_at"),
        event_time="synced_at",
        arrival="event_time",
        redelivery="adds",
        others="leave",
        purpose="customer_service",
        retention_days=1_095,
    ),
)
