"""CDNOW: what 23,570 people who first bought CDs in early 1997 bought until June 1998, one file of 69,659 rows.

A row says who bought, on which day, how many CDs and for how much; the products are not told. 255 rows stand there
again, for a person may buy the same twice a day: a row is known by its place in its file. The dollars are US dollars,
so that loading it asks for `SMALTI_CURRENCY=USD`.
"""

import re

from ingestion.source import Source
from warehouse.contracts import Column, Contract, LawfulBasis

SOURCE = Source(
    pattern=re.compile(r"CDNOW_master\.txt(\.gz)?"),
    contract=Contract(
        source="cdnow",
        description="One row per purchase of a customer; two alike are two purchases.",
        format="aligned",
        columns=(
            Column(name="customer_id", nullable=False, pii="indirect"),
            Column(name="day", header="date", nullable=False),
            Column(name="cds_count", header="number_of_cds", type="integer", nullable=False, minimum=1),
            Column(name="total_amount", header="dollar_value", type="decimal", nullable=False, minimum=0, unit="USD"),
            Column(name="bought_at", type="timestamp", nullable=False, derived="try_strptime(day, '%Y%m%d')"),
        ),
        key=("_position",),
        repeats="load",
        event_time="bought_at",
        arrival="event_time",
        currency="USD",
        purpose="personalisation",
        retention_days=36_500,
        lawful_basis=LawfulBasis(purposes=("marketing_email", "personalisation"), channels=("email", "web")),
    ),
)
