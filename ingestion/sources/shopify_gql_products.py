"""Shopify: products, as Fivetran's connector keeps the table of the GraphQL interface.

Prices are the variants' and stand in the order lines: a product has none of its own.
"""

import re

from ingestion.source import Source
from warehouse.contracts import Column, Contract

SOURCE = Source(
    pattern=re.compile(r"shopify_gql_product(_data)?(_\d{4}-\d\d-\d\d)?\.csv(\.gz)?"),
    contract=Contract(
        source="shopify_gql_products",
        description="One row per product and reading; other columns are left out.",
        format="csv",
        columns=(
            Column(name="is_deleted", header="_fivetran_deleted", type="boolean"),
            Column(name="synced_at", header="_fivetran_synced", type="timestamp", nullable=False),
            Column(name="product_id", header="id", nullable=False),
            Column(name="category", header="product_type"),
            Column(name="name", header="title"),
            Column(name="updated_at", type="timestamp", nullable=False),
            Column(name="brand", header="vendor"),
        ),
        key=("product_id", "synced_at"),
        event_time="synced_at",
        arrival="event_time",
        redelivery="adds",
        others="leave",
        purpose="catalogue",
        retention_days=3_650,
    ),
)
