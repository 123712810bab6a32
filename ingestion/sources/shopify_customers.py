"""Shopify: customers, as Fivetran's connector keeps the table of the REST interface.

A row comes again whenever the connector finds it changed, so that the time of its reading is part of the key.
`accepts_marketing` is what the customer last chose at the checkout or in the account.
"""

import re

from ingestion.source import Source
from warehouse.contracts import Column, Contract, Person

SOURCE = Source(
    pattern=re.compile(r"shopify_customer(_data)?(_\d{4}-\d\d-\d\d)?\.csv(\.gz)?"),
    contract=Contract(
        source="shopify_customers",
        description="One row per customer and reading; other columns are left out.",
        format="csv",
        columns=(
            Column(name="customer_id", header="id", nullable=False, pii="indirect"),
            Column(name="first_name", pii="direct", kind="name", part="given_name"),
            Column(name="last_name", pii="direct", kind="name", part="surname"),
            Column(name="email", pii="direct", kind="email"),
            Column(name="phone", pii="direct", kind="phone"),
            Column(name="created_at", type="timestamp", nullable=False),
            Column(name="updated_at", type="timestamp", nullable=False),
            Column(name="accepts_marketing", type="boolean"),
            Column(name="synced_at", header="_fivetran_synced", type="timestamp", nullable=False),
        ),
        person=Person(prefix="shopify", column="customer_id"),
        key=("customer_id", "synced_at"),
        event_time="synced_at",
        arrival="event_time",
        redelivery="adds",
        others="leave",
        purpose="personalisation",
        retention_days=1_095,
    ),
)
