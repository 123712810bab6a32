"""Behaviour in the web shop and the apps: one file an hour."""

import re

from ingestion.source import Source
from warehouse.contracts import Column, Contract

_TYPES = ("page_view", "product_view", "search", "add_to_cart", "purchase")

SOURCE = Source(
    pattern=re.compile(r"events_(?P<arrived>\d{4}-\d\d-\d\dT\d\d)\.jsonl(\.gz)?"),
    contract=Contract(
        source="web_events",
        description="One row per event; user_id is there only while the visitor is logged in.",
        format="jsonl",
        columns=(
            Column(name="event_id", nullable=False),
            Column(name="event_type", nullable=False, allowed=_TYPES),
            Column(name="occurred_at", type="timestamp", nullable=False),
            Column(name="anonymous_id", pii="indirect"),
            Column(name="device_id", pii="indirect"),
            Column(name="user_id", pii="indirect"),
            Column(name="platform", nullable=False, allowed=("web", "ios", "android")),
            Column(name="user_agent", pii="indirect", form="user_agent"),
            Column(name="url", form="url"),
            Column(name="referrer", form="url"),
            Column(name="product_id"),
            Column(name="category"),
            Column(name="search_query", pii="indirect", form="query"),
            Column(name="order_id", pii="indirect"),
            Column(name="value_amount", type="decimal", unit="GBP"),
            Column(name="global_privacy_control", type="boolean"),
        ),
        key=("event_id",),
        event_time="occurred_at",
        currency="GBP",
        purpose="personalisation",
        retention_days=400,
        fresh_within=6,
        is_simulated=True,
    ),
)
