"""CRM consents: what each contact granted or withdrew, for which purpose and channel."""

import re

from ingestion.source import Source
from warehouse.contracts import Column, Contract

_PURPOSES = ("marketing_email", "personalisation", "personalised_advertising", "third_party_sharing")

SOURCE = Source(
    pattern=re.compile(r"consents_(?P<arrived>\d{4}-\d\d-\d\d)\.csv(\.gz)?"),
    contract=Contract(
        source="crm_consents",
        description="One row per contact, purpose, channel and decision.",
        format="csv",
        columns=(
            Column(name="contact_id", nullable=False, pii="indirect"),
            Column(name="purpose", nullable=False, allowed=_PURPOSES),
            Column(name="channel", nullable=False, allowed=("email", "web", "ads", "partner")),
            Column(name="status", nullable=False, allowed=("granted", "withdrawn")),
            Column(name="recorded_at", type="timestamp", nullable=False),
        ),
        key=("contact_id", "purpose", "channel", "recorded_at"),
        event_time="recorded_at",
        purpose="proof_of_consent",
        retention_days=2_190,
        fresh_within=168,
        is_simulated=True,
    ),
)
