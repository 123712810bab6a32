"""Shop order lines: one export a day beside the orders."""

import re

from ingestion.source import Source
from warehouse.contracts import Column, Contract

SOURCE = Source(
    pattern=re.compile(r"order_lines_(?P<arrived>\d{4}-\d\d-\d\d)\.csv(\.gz)?"),
    contract=Contract(
        source="shop_order_lines",
        description="One row per line of an order; its time is the order's.",
        format="csv",
        columns=(
            Column(name="order_id", nullable=False, pii="indirect"),
            Column(name="line_number", type="integer", nullable=False, minimum=1),
            Column(name="product_id", nullable=False),
            Column(name="quantity", type="integer", nullable=False, minimum=1),
            Column(name="unit_price_amount", type="decimal", nullable=False, minimum=0, unit="GBP"),
        ),
        key=("order_id", "line_number"),
        currency="GBP",
        purpose="personalisation",
        retention_days=1_095,
        fresh_within=48,
        is_simulated=True,
    ),
)
