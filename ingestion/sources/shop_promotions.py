"""Shop promotions: a full export; each change of a promotion is one row."""

import re

from ingestion.source import Source
from warehouse.contracts import Column, Contract

SOURCE = Source(
    pattern=re.compile(r"promotions_(?P<arrived>\d{4}-\d\d-\d\d)\.csv(\.gz)?"),
    contract=Contract(
        source="shop_promotions",
        description="One row per promotion and change; one without a category covers everything.",
        format="csv",
        columns=(
            Column(name="promotion_code", nullable=False),
            Column(name="discount_percent", type="decimal", nullable=False, minimum=0, unit="percent"),
            Column(name="category"),
            Column(name="valid_from", type="timestamp", nullable=False),
            Column(name="valid_to", type="timestamp", nullable=False),
            Column(name="updated_at", type="timestamp", nullable=False),
        ),
        key=("promotion_code", "updated_at"),
        event_time="updated_at",
        purpose="catalogue",
        retention_days=3_650,
        is_simulated=True,
    ),
)
