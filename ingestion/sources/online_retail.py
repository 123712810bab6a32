"""UCI Online Retail: the order lines of a British wholesaler, December 2010 to December 2011, a file a day.

Its lines have no key and some stand twice in the original, so a line is known by its place in its file.
"""

import re

from ingestion.source import Source
from warehouse.contracts import Column, Contract, LawfulBasis

SOURCE = Source(
    pattern=re.compile(r"\d{4}-\d\d-\d\d\.csv(\.gz)?"),
    contract=Contract(
        source="online_retail",
        description="One row per line of an invoice; cancellations have a negative quantity.",
        format="csv",
        columns=(
            Column(name="invoice_no", header="InvoiceNo", nullable=False, pii="indirect"),
            Column(name="stock_code", header="StockCode", nullable=False),
            Column(name="description", header="Description"),
            Column(name="quantity", header="Quantity", type="integer", nullable=False),
            Column(name="invoiced_at", header="InvoiceDate", type="timestamp", nullable=False),
            Column(name="unit_price_amount", header="UnitPrice", type="decimal", nullable=False, unit="GBP"),
            Column(name="customer_no", header="CustomerID", pii="indirect"),
            Column(name="country", header="Country", form="country"),
        ),
        key=("_position",),
        repeats="load",
        event_time="invoiced_at",
        arrival="event_time",
        currency="GBP",
        purpose="personalisation",
        retention_days=36_500,
        lawful_basis=LawfulBasis(purposes=("marketing_email", "personalisation"), channels=("email", "web")),
    ),
)
