"""Demographic enrichment bought from a provider, matched by e-mail."""

import re

from ingestion.source import Source
from warehouse.contracts import Column, Contract

SOURCE = Source(
    pattern=re.compile(r"demographics_(?P<arrived>\d{4}-\d\d-\d\d)\.parquet"),
    contract=Contract(
        source="demographics",
        description="One row per e-mail and observation.",
        format="parquet",
        columns=(
            Column(name="email", nullable=False, pii="direct", kind="email"),
            Column(name="age_band"),
            Column(name="household_size", type="integer", minimum=1, unit="persons"),
            Column(name="income_band"),
            Column(name="lifestyle"),
            Column(name="observed_at", type="timestamp", nullable=False),
        ),
        key=("email", "observed_at"),
        event_time="observed_at",
        purpose="personalisation",
        retention_days=730,
        fresh_within=2_160,
        is_simulated=True,
    ),
)
