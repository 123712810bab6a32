"""E-shop clothing 2008 (UCI): five months of clicks in a Polish web shop for expectant mothers, one file.

Every click is the view of a product. It has a date and its place in the session but no time of day, so its moment is
made: midnight of the date (UTC), and a second for each click of the session. Order within a session so holds; time
spent and hours of the day mean nothing. A session is an anonymous id: who came back is not known.
`page 1` is the category (1 trousers, 2 skirts, 3 blouses, 4 sale), `page 2` the product, `price` its price in US
dollars; country, colour, location, photography and the page's number are codes of the shop and stay as they came.
"""

import re

from ingestion.source import Source
from warehouse.contracts import Column, Contract

_MOMENT = (
    "try_strptime(concat_ws('-', year, month, day), '%Y-%m-%d') + to_seconds(coalesce(try_cast(click as smallint), 0))"
)

SOURCE = Source(
    pattern=re.compile(r"e-shop clothing 2008\.csv(\.gz)?"),
    contract=Contract(
        source="eshop2008",
        description="One row per click: a session sees a product.",
        format="csv",
        delimiter=";",
        columns=(
            Column(name="year", nullable=False),
            Column(name="month", nullable=False),
            Column(name="day", nullable=False),
            Column(name="click", header="order", type="integer", nullable=False, minimum=1),
            Column(name="country_code", header="country", type="integer"),
            Column(name="session_id", header="session ID", nullable=False, pii="indirect"),
            Column(
                name="category_code",
                header="page 1 (main category)",
                nullable=False,
                allowed=("1", "2", "3", "4"),
            ),
            Column(name="product_id", header="page 2 (clothing model)", nullable=False),
            Column(name="colour_code", header="colour", type="integer"),
            Column(name="location_code", header="location", type="integer"),
            Column(name="photography_code", header="model photography", type="integer"),
            Column(name="price_amount", header="price", type="decimal", nullable=False, minimum=0, unit="USD"),
            Column(name="is_above_average", header="price 2", type="integer"),
            Column(name="page_number", header="page", type="integer"),
            Column(name="viewed_at", type="timestamp", nullable=False, derived=_MOMENT),
        ),
        key=("session_id", "click"),
        event_time="viewed_at",
        arrival="event_time",
        currency="USD",
        purpose="personalisation",
        retention_days=36_500,
    ),
)
