"""Help desk: each ticket comes again on every day on which it changed.

Subject and text are not part of the export: they are free text about people, and no figure needs them. A file that
brings them has another header and is quarantined unread.
"""

import re

from ingestion.source import Source
from warehouse.contracts import Column, Contract

SOURCE = Source(
    pattern=re.compile(r"tickets_(?P<arrived>\d{4}-\d\d-\d\d)\.csv(\.gz)?"),
    contract=Contract(
        source="support_tickets",
        description="One row per ticket and change; who has no account is known by e-mail.",
        format="csv",
        columns=(
            Column(name="ticket_id", nullable=False, pii="indirect"),
            Column(name="contact_id", pii="indirect"),
            Column(name="email", pii="direct", kind="email"),
            Column(name="topic", allowed=("delivery", "return", "product", "payment", "account")),
            Column(name="channel", nullable=False, allowed=("email", "chat", "phone")),
            Column(name="opened_at", type="timestamp", nullable=False),
            Column(name="status", nullable=False, allowed=("open", "pending", "solved", "closed")),
            Column(name="updated_at", type="timestamp", nullable=False),
        ),
        key=("ticket_id", "updated_at"),
        event_time="updated_at",
        others="refuse",
        purpose="customer_service",
        retention_days=1_095,
        fresh_within=168,
        is_simulated=True,
    ),
)
