"""HubSpot: what an e-mail event of the type STATUSCHANGE changed, as Fivetran's connector keeps the table.

Who and when stand in the event of the same id. `source` says whether the recipient did it, `subscriptions`
(JSON) which kinds of e-mail it is about.
"""

import re

from ingestion.source import Source
from warehouse.contracts import Column, Contract

SOURCE = Source(
    pattern=re.compile(r"(hubspot_)?email_event_status_change(_data)?(_\d{4}-\d\d-\d\d)?\.csv(\.gz)?"),
    contract=Contract(
        source="hubspot_email_status_changes",
        description="One row per change of a subscription and reading; other columns are left out.",
        format="csv",
        columns=(
            Column(name="event_id", header="id", nullable=False, pii="indirect"),
            Column(name="synced_at", header="_fivetran_synced", type="timestamp", nullable=False),
            Column(name="subscription_status", header="portal_subscription_status"),
            Column(name="changed_by", header="source"),
            Column(name="subscriptions"),
        ),
        key=("event_id", "synced_at"),
        event_time="synced_at",
        arrival="event_time",
        redelivery="adds",
        others="leave",
        purpose="proof_of_consent",
        retention_days=2_190,
    ),
)
