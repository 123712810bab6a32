"""REES46: what visitors of a shop of many categories viewed, put into the cart and bought, a file a month.

The export has no key: a row that stands there twice, all nine values alike, is one event delivered twice.
`user_id` is whoever is logged in and identifies a person; `user_session` does not. A third of the categories have no
`category_code`, but all have a `category_id`. Prices at or below 0 are kept, and counted in the raw profile.
The publisher names no currency: amounts are taken as the base currency.
"""

import re

from ingestion.source import Source
from warehouse.contracts import WHOLE_ROW, Column, Contract

SOURCE = Source(
    pattern=re.compile(r"\d{4}-(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\.csv(\.gz)?"),
    contract=Contract(
        source="rees46",
        description="One row per event; of a purchase, one row per product.",
        format="csv",
        columns=(
            Column(name="event_time", type="timestamp", nullable=False),
            Column(name="event_type", nullable=False, allowed=("view", "cart", "remove_from_cart", "purchase")),
            Column(name="product_id", nullable=False),
            Column(name="category_id", nullable=False),
            Column(name="category_code"),
            Column(name="brand"),
            Column(name="price_amount", header="price", type="decimal", nullable=False),
            Column(name="user_id", nullable=False, pii="indirect"),
            Column(name="user_session", pii="indirect"),
        ),
        key=(WHOLE_ROW,),
        event_time="event_time",
        arrival="event_time",
        purpose="personalisation",
        retention_days=36_500,
    ),
)
