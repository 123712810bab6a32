"""Taobao user behaviour (Alibaba, Tianchi): what users viewed, put into the cart, marked as a favourite and bought.

No header, no key: a row that stands there twice, all values alike, is one event delivered twice. A moment is a Unix
timestamp, so in UTC: the shop's clock in Beijing shows eight hours more. A timestamp has ten digits; one that was cut
off would be a moment of 1970, and its row is rejected. There are no prices: what was bought is an event, not an order.
"""

import re

from ingestion.source import Source
from warehouse.contracts import WHOLE_ROW, Column, Contract

_MOMENT = "if(regexp_full_match(unix_seconds, '[0-9]{10}'), make_timestamp(unix_seconds::bigint * 1000000), null)"

SOURCE = Source(
    pattern=re.compile(r"UserBehavior\.csv(\.gz)?"),
    contract=Contract(
        source="taobao",
        description="One row per event: a user views, wants or buys an item.",
        format="csv",
        has_header=False,
        columns=(
            Column(name="user_id", nullable=False, pii="indirect"),
            Column(name="item_id", nullable=False),
            Column(name="category_id", nullable=False),
            Column(name="behaviour", nullable=False, allowed=("pv", "cart", "fav", "buy")),
            Column(name="unix_seconds", nullable=False),
            Column(name="occurred_at", type="timestamp", nullable=False, derived=_MOMENT),
        ),
        key=(WHOLE_ROW,),
        event_time="occurred_at",
        arrival="event_time",
        purpose="personalisation",
        retention_days=36_500,
    ),
)
