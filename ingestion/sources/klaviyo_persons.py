"""Klaviyo: profiles of people, as Fivetran's connector keeps the table.

A row comes again whenever the connector finds it changed, so that the time of its reading is part of the key.
Properties that an account has made itself (`custom_`) are in no two accounts alike and are left out.
"""

import re

from ingestion.source import Source
from warehouse.contracts import Column, Contract, Person

SOURCE = Source(
    pattern=re.compile(r"(klaviyo_)?person(_data)?(_\d{4}-\d\d-\d\d)?\.csv(\.gz)?"),
    contract=Contract(
        source="klaviyo_persons",
        description="One row per person and reading; other columns are left out.",
        format="csv",
        columns=(
            Column(name="person_id", header="id", nullable=False, pii="indirect"),
            Column(name="updated_at", header="updated", type="timestamp", nullable=False),
            Column(name="created_at", header="created", type="timestamp", nullable=False),
            Column(name="is_deleted", header="_fivetran_deleted", type="boolean"),
            Column(name="first_name", pii="direct", kind="name", part="given_name"),
            Column(name="last_name", pii="direct", kind="name", part="surname"),
            Column(name="region"),
            Column(name="phone", header="phone_number", pii="direct", kind="phone"),
            Column(name="country", form="country"),
            Column(name="city", pii="indirect", part="city"),
            Column(name="email", pii="direct", kind="email"),
            Column(name="synced_at", header="_fivetran_synced", type="timestamp", nullable=False),
        ),
        person=Person(prefix="klaviyo", column="person_id"),
        key=("person_id", "synced_at"),
        event_time="synced_at",
        arrival="event_time",
        redelivery="adds",
        others="leave",
        purpose="personalisation",
        retention_days=1_095,
    ),
)
