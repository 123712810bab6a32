"""Shopify: orders, as Fivetran's connector keeps the table of the REST interface.

A shop has one currency, and an order in another one is rejected: for a shop that does not sell in pounds, change
`allowed` and `currency` here and in the files of the lines. An order comes again whenever the connector finds it
changed.
"""

import re

from ingestion.source import Source
from warehouse.contracts import Column, Contract

SOURCE = Source(
    pattern=re.compile(r"shopify_order(_data)?(_\d{4}-\d\d-\d\d)?\.csv(\.gz)?"),
    contract=Contract(
        source="shopify_orders",
        description="One row per order and reading; other columns are left out.",
        format="csv",
        columns=(
            Column(name="order_id", header="id", nullable=False, pii="indirect"),
            Column(name="email", pii="direct", kind="email"),
            Column(name="currency", nullable=False, allowed=("GBP",)),
            Column(name="created_at", type="timestamp", nullable=False),
            Column(name="customer_id", pii="indirect"),
            Column(name="financial_status"),
            Column(name="cancelled_at", type="timestamp"),
            Column(name="source_name"),
            Column(name="is_test", header="test", type="boolean"),
            Column(name="synced_at", header="_fivetran_synced", type="timestamp", nullable=False),
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
