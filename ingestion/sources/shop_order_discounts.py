"""Discounts on shop orders: one export a day beside the orders; the shop takes one discount an order."""

import re

from ingestion.source import Source
from warehouse.contracts import Column, Contract

SOURCE = Source(
    pattern=re.compile(r"order_discounts_(?P<arrived>\d{4}-\d\d-\d\d)\.csv(\.gz)?"),
    contract=Contract(
        source="shop_order_discounts",
        description="One row per order with a discount; without a code it was granted by hand.",
        format="csv",
        columns=(
            Column(name="order_id", nullable=False, pii="indirect"),
            Column(name="promotion_code"),
            Column(name="discount_amount", type="decimal", nullable=False, minimum=0, unit="GBP"),
            Column(name="applied_at", type="timestamp", nullable=False),
        ),
        key=("order_id",),
        event_time="applied_at",
        currency="GBP",
        purpose="personalisation",
        retention_days=1_095,
        fresh_within=168,
        is_simulated=True,
    ),
)
