"""Loyalty programme: a full export; each change of a membership is one row."""

import re

from ingestion.source import Source
from warehouse.contracts import Column, Contract

SOURCE = Source(
    pattern=re.compile(r"loyalty_members_(?P<arrived>\d{4}-\d\d-\d\d)\.csv(\.gz)?"),
    contract=Contract(
        source="loyalty_members",
        description="One row per member and change; who joined in a shop may have an e-mail only.",
        format="csv",
        columns=(
            Column(name="loyalty_number", nullable=False, pii="indirect"),
            Column(name="contact_id", pii="indirect"),
            Column(name="email", pii="direct", kind="email"),
            Column(name="tier", nullable=False, allowed=("bronze", "silver", "gold")),
            Column(name="points", type="integer", nullable=False, minimum=0, unit="points"),
            Column(name="joined_at", type="timestamp", nullable=False),
            Column(name="updated_at", type="timestamp", nullable=False),
        ),
        key=("loyalty_number", "updated_at"),
        event_time="updated_at",
        purpose="personalisation",
        retention_days=1_095,
        fresh_within=168,
        is_simulated=True,
    ),
)
