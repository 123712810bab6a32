"""Shopify: orders, as Fivetran's connector keeps the table of the GraphQL interface.

An order in another currency than the shop's is rejected, as in `shopify_orders`.
"""

import re

from ingestion.source import Source
from warehouse.contracts import Column, Contract

SOURCE = Source(
    pattern=re.compile(r"shopify_gql_order(_data)?(_\d{4}-\d\d-\d\d)?\.csv(\.gz)?"),
    contract=Contract(
        source="shopify_gql_orders",
        description="One row per order and reading; other columns are left out.",
        format="csv",
        columns=(
            Column(name="is_deleted", header="_fivetran_deleted", type="boolean"),
            Column(name="synced_at", header="_fivetran_synced", type="timestamp", nullable=False),
            Column(name="cancelled_at", type="timestamp"),
            Column(name="created_at", type="timestamp", nullable=False),
            Column(name="currency", header="currency_code", nullable=False, allowed=("GBP",)),
            Column(name="customer_id", pii="indirect"),
            Column(name="financial_status", header="display_financial_status"),
            Column(name="email", pii="direct", kind="email"),
            Column(name="order_id", header="id", nullable=False, pii="indirect"),
            Column(name="source_name"),
            Column(name="is_test", header="test", type="boolean"),
        ),
        key=("order_id", "synced_at"),
        event_time="synced_at",
        arrival="event_time",
        redelivery="adds",
        others="leave",
        currency="GBP",
        purpose="personalisation",
        retention_days=1_095,
    ),
)
