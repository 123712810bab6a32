"""Shopify: customers, as Fivetran's connector keeps the table of the GraphQL interface.

The state of consent has its own moment. Staging takes these rows and those of `shopify_customers` together.
"""

import re

from ingestion.source import Source
from warehouse.contracts import Column, Contract, Person

SOURCE = Source(
    pattern=re.compile(r"shopify_gql_customer(_data)?(_\d{4}-\d\d-\d\d)?\.csv(\.gz)?"),
    contract=Contract(
        source="shopify_gql_customers",
        description="One row per customer and reading; other columns are left out.",
        format="csv",
        columns=(
            Column(name="synced_at", header="_fivetran_synced", type="timestamp", nullable=False),
            Column(name="created_at", type="timestamp", nullable=False),
            Column(name="email", pii="direct", kind="email"),
            Column(name="consent_state", header="email_marketing_consent_state"),
            Column(name="consent_updated_at", header="email_marketing_consent_updated_at", type="timestamp"),
            Column(name="first_name", pii="direct", kind="name", part="given_name"),
            Column(name="customer_id", header="id", nullable=False, pii="indirect"),
            Column(name="last_name", pii="direct", kind="name", part="surname"),
            Column(name="phone", pii="direct", kind="phone"),
            Column(name="updated_at", type="timestamp", nullable=False),
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
