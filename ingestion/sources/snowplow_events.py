"""Snowplow: the atomic events of a web tracker, enriched, as a table with a header.

Of about 130 columns those are named that a figure needs; the others, as addresses of the network and places, are left
out. The collector's time says when an event became known. The device's clock and the wait in the tracker are already
corrected in `derived_tstamp`, the time of the event. A row that the collector got twice has the same `event_id`.
"""

import re

from ingestion.source import Source
from warehouse.contracts import Column, Contract

SOURCE = Source(
    pattern=re.compile(r"snowplow_(web_)?events(_\d{4}-\d\d-\d\d(T\d\d)?)?\.csv(\.gz)?"),
    contract=Contract(
        source="snowplow_events",
        description="One row per event; the columns of the atomic table that have a purpose, the others are left out.",
        format="csv",
        columns=(
            Column(name="platform"),
            Column(name="collector_tstamp", type="timestamp", nullable=False),
            Column(name="event_id", nullable=False),
            Column(name="user_id", pii="indirect"),
            Column(name="domain_userid", pii="indirect"),
            Column(name="page_url", form="url"),
            Column(name="page_referrer", form="url"),
            Column(name="mkt_medium"),
            Column(name="mkt_source"),
            Column(name="mkt_campaign"),
            Column(name="useragent", pii="indirect", form="user_agent"),
            Column(name="derived_tstamp", type="timestamp", nullable=False),
            Column(name="event_name", nullable=False),
        ),
        key=("event_id",),
        event_time="collector_tstamp",
        arrival="event_time",
        redelivery="adds",
        others="leave",
        purpose="personalisation",
        retention_days=400,
        fresh_within=6,
    ),
)
