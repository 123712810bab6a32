"""CRM contacts: a full export; each change of a contact is one row."""

import re

from ingestion.source import Source
from warehouse.contracts import Column, Contract, Person

SOURCE = Source(
    pattern=re.compile(r"contacts_(?P<arrived>\d{4}-\d\d-\d\d)\.csv(\.gz)?"),
    contract=Contract(
        source="crm_contacts",
        description="One row per contact and change, from the CRM's full export.",
        format="csv",
        columns=(
            Column(name="contact_id", nullable=False, pii="indirect"),
            Column(name="email", pii="direct", kind="email"),
            Column(name="phone", pii="direct", kind="phone"),
            Column(name="first_name", pii="direct", kind="name", part="given_name"),
            Column(name="last_name", pii="direct", kind="name", part="surname"),
            Column(name="street", pii="direct", kind="address", part="street"),
            Column(name="postcode", pii="direct", kind="address", part="postcode"),
            Column(name="city", pii="indirect", part="city"),
            Column(name="region"),
            Column(name="country", form="country"),
            Column(name="birth_date", pii="direct", kind="birth_date"),
            Column(name="created_at", type="timestamp", nullable=False),
            Column(name="updated_at", type="timestamp", nullable=False),
        ),
        person=Person(prefix="crm", column="contact_id"),
        key=("contact_id", "updated_at"),
        event_time="updated_at",
        purpose="personalisation",
        retention_days=1_095,
        fresh_within=168,
        is_simulated=True,
    ),
)
