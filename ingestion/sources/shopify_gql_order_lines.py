"""Shopify: lines of orders, as Fivetran's connector keeps the table of the GraphQL interface.

The amount is of all pieces of the line, before discounts, in the shop's currency.
"""

import re

from ingestion.source import Source
from warehouse.contracts import Column, Contract

SOURCE = Source(
    pattern=re.compile(r"shopify_gql_order_line(_data)?(_\d{4}-\d\d-\d\d)?\.csv(\.gz)?"),
    contract=Contract(
        source="shopify_gql_order_lines",
        description="One row per line of an order and reading; other columns are left out.",
        format="csv",
        columns=(
            Column(name="synced_at", header="_fivetran_synced", type="timestamp", nullable=False),
            Column(name="line_id", header="id", type="integer", nullable=False),
            Column(name="order_id", nullable=False, pii="indirect"),
            Column(
                name="line_amount",
                header="original_total_set_shop_amount",
                type="decimal",
                nullable=False,
                minimum=0,
                unit="GBP",
            ),
            Column(name="currency", header="original_total_set_shop_currency_code", nullable=False, allowed=("GBP",)),
            Column(name="product_id"),
            Column(name="quantity", type="integer", nullable=False, minimum=0),
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
