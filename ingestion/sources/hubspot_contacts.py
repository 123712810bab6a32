"""HubSpot: contacts, as Fivetran's connector keeps the table.

A row comes again whenever the connector finds it changed, so that the time of its reading is part of the key.
"""

import re

from ingestion.source import Source
from warehouse.contracts import Column, Contract, Person

SOURCE = Source(
    pattern=re.compile(r"(hubspot_contact(_data)?|contact_data)(_\d{4}-\d\d-\d\d)?\.csv(\.gz)?"),
    contract=Contract(
        source="hubspot_contacts",
        description="One row per contact and reading; other columns are left out.",
        format="csv",
        columns=(
            Column(name="is_deleted", header="_fivetran_deleted", type="boolean"),
            Column(name="synced_at", header="_fivetran_synced", type="timestamp", nullable=False),
            Column(name="email", header="property_email", pii="direct", kind="email"),
            Column(name="contact_id", header="id", nullable=False, pii="indirect"),
            Column(name="first_name", header="property_firstname", pii="direct", kind="name", part="given_name"),
            Column(name="last_name", header="property_lastname", pii="direct", kind="name", part="surname"),
            Column(name="created_at", header="property_createdate", type="timestamp"),
        ),
        person=Person(prefix="hubspot", column="contact_id"),
        key=("contact_id", "synced_at"),
        event_time="synced_at",
        arrival="event_time",
        redelivery="adds",
        others="leave",
        purpose="personalisation",
        retention_days=1_095,
    ),
)
