"""Shop catalogue: a full export; each change of a product is one row."""

import re

from ingestion.source import Source
from warehouse.contracts import Column, Contract

SOURCE = Source(
    pattern=re.compile(r"products_(?P<arrived>\d{4}-\d\d-\d\d)\.csv(\.gz)?"),
    contract=Contract(
        source="shop_products",
        description="One row per product and change, from the shop's full export.",
        format="csv",
        columns=(
            Column(name="product_id", nullable=False),
            Column(name="name", nullable=False),
            Column(name="category", nullable=False),
            Column(name="brand"),
            Column(name="price_amount", type="decimal", nullable=False, minimum=0, unit="GBP"),
            Column(name="updated_at", type="timestamp", nullable=False),
        ),
        key=("product_id", "updated_at"),
        event_time="updated_at",
        currency="GBP",
        purpose="catalogue",
        retention_days=3_650,
        fresh_within=8_760,  # a catalogue speaks when it changes
        is_simulated=True,
    ),
)
