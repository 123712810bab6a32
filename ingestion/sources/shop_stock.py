"""Stock of the shop: a daily count of every product."""

import re

from ingestion.source import Source
from warehouse.contracts import Column, Contract

SOURCE = Source(
    pattern=re.compile(r"stock_(?P<arrived>\d{4}-\d\d-\d\d)\.csv(\.gz)?"),
    contract=Contract(
        source="shop_stock",
        description="One row per product and count.",
        format="csv",
        columns=(
            Column(name="product_id", nullable=False),
            Column(name="stock_count", type="integer", nullable=False, minimum=0, unit="pieces"),
            Column(name="counted_at", type="timestamp", nullable=False),
        ),
        key=("product_id", "counted_at"),
        event_time="counted_at",
        purpose="catalogue",
        retention_days=3_650,
        fresh_within=72,
        is_simulated=True,
    ),
)
