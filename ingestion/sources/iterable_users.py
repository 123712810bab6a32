"""Iterable: users and their changes, as Fivetran's connector keeps the table."""

import re

from ingestion.source import Source
from warehouse.contracts import Column, Contract, Person

SOURCE = Source(
    pattern=re.compile(r"(iterable_user_history(_data)?|user_history_data)(_\d{4}-\d\d-\d\d)?\.csv(\.gz)?"),
    contract=Contract(
        source="iterable_users",
        description="One row per user and change; other columns are left out.",
        format="csv",
        columns=(
            Column(name="email", pii="direct", kind="email"),
            Column(name="updated_at", type="timestamp", nullable=False),
            Column(name="first_name", pii="direct", kind="name", part="given_name"),
            Column(name="last_name", pii="direct", kind="name", part="surname"),
            Column(name="phone", header="phone_number", pii="direct", kind="phone"),
            Column(name="signed_up_at", header="signup_date", type="timestamp"),
            Column(name="synced_at", header="_fivetran_synced", type="timestamp", nullable=False),
            Column(name="user_key", header="iterable_user_id", nullable=False, pii="indirect"),
        ),
        person=Person(prefix="iterable", column="user_key"),
        key=("user_key", "updated_at"),
        event_time="synced_at",
        arrival="event_time",
        redelivery="adds",
        others="leave",
        purpose="personalisation",
        retention_days=1_095,
    ),
)
