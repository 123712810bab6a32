"""Shopify: lines of orders, as Fivetran's connector keeps the table of the REST interface.

The price is of one piece, before discounts, in the shop's currency.
"""

import re

from ingestion.source import Source
from warehouse.contracts import Column, Contract

SOURCE = Source(
    pattern=re.compile(r"shopify_order_line(_data)?(_\d{4}-\d\d-\d\d)?\.csv(\.gz)?"),
    contract=Contract(
        source="shopify_order_lines",
        description="One row per line of an order and reading; other columns are left out.",
        format="csv",
        columns=(
            Column(name="order_id", nullable=False, pii="indirect"),
            Column(name="line_id", header="id", type="integer", nullable=False),
            Column(name="product_id"),
            Column(name="unit_price_amount", header="price", type="decimal", nullable=False, minimum=0, unit="GBP"),
            Column(name="quantity", type="integer", nullable=False, minimum=0),
            Column(name="synced_at", header="_fivetran_synced", type="timestamp", nullable=False),
        ),
        key=("line_id", "synced_at"),
        event_time="synced_at",
        arrival="event_time",
        redelivery="adds",
        others="leave",
        currency="GBP",
        purpose="personalisation",
        retention_days=1_095,
    ),
)
