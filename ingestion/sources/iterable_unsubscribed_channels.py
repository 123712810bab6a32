"""Iterable: the channels that an address has unsubscribed from, as Fivetran's connector keeps the history."""

import re

from ingestion.source import Source
from warehouse.contracts import Column, Contract

SOURCE = Source(
    pattern=re.compile(r"(iterable_)?user_unsubscribed_channel_history(_data)?(_\d{4}-\d\d-\d\d)?\.csv(\.gz)?"),
    contract=Contract(
        source="iterable_unsubscribed_channels",
        description="One row per address, channel and moment; other columns are left out.",
        format="csv",
        columns=(
            Column(name="email", pii="direct", kind="email"),
            Column(name="channel_id", nullable=False),
            Column(name="updated_at", type="timestamp", nullable=False),
            Column(name="synced_at", header="_fivetran_synced", type="timestamp", nullable=False),
        ),
        key=("email", "channel_id", "updated_at"),
        event_time="synced_at",
        arrival="event_time",
        redelivery="adds",
        others="leave",
        purpose="proof_of_consent",
        retention_days=2_190,
    ),
)
