"""Daily weather by region, as a weather service publishes it and corrects it later."""

import re

from ingestion.source import Source
from warehouse.contracts import Column, Contract

SOURCE = Source(
    pattern=re.compile(r"weather_(?P<arrived>\d{4}-\d\d-\d\d)\.csv(\.gz)?"),
    contract=Contract(
        source="weather",
        description="One row per region, day and publication; a correction is published later.",
        format="csv",
        columns=(
            Column(name="region", nullable=False),
            Column(name="observed_on", type="date", nullable=False),
            Column(name="temperature_min_celsius", type="decimal", unit="celsius"),
            Column(name="temperature_max_celsius", type="decimal", unit="celsius"),
            Column(name="precipitation_mm", type="decimal", minimum=0, unit="mm"),
            Column(name="published_at", type="timestamp", nullable=False),
        ),
        key=("region", "observed_on", "published_at"),
        event_time="published_at",
        purpose="context",
        retention_days=3_650,
        fresh_within=72,
        is_simulated=True,
    ),
)
