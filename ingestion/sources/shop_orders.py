"""Shop orders: one export a day, and a back-log before the first."""

import re

from ingestion.source import Source
from warehouse.contracts import Column, Contract

SOURCE = Source(
    pattern=re.compile(r"orders_(?P<arrived>\d{4}-\d\d-\d\d)\.csv(\.gz)?"),
    contract=Contract(
        source="shop_orders",
        description="One row per order and status; guests have no contact_id, everyone has an e-mail.",
        format="csv",
        columns=(
            Column(name="order_id", nullable=False, pii="indirect"),
            Column(name="contact_id", pii="indirect"),
            Column(name="email", pii="direct", kind="email"),
            Column(name="ordered_at", type="timestamp", nullable=False),
            Column(name="status", nullable=False, allowed=("completed", "cancelled", "returned")),
            Column(name="channel", nullable=False, allowed=("web", "ios", "android", "store")),
            Column(name="currency", nullable=False, form="currency", allowed=("GBP",)),
        ),
        # an order comes again when its status changes; the same order and status is a repeat
        key=("order_id", "status"),
        event_time="ordered_at",
        currency="GBP",
        purpose="personalisation",
        retention_days=1_095,
        fresh_within=48,
        is_simulated=True,
    ),
)
