"""What became of entries into trigger segments, counted in whole floors: entries are people."""

from typing import Any

import duckdb

from smalti import summary
from warehouse import ledger
from warehouse.floor import Floor
from warehouse.settings import Settings

STATUSES = ("due", "told", "waiting", "cooled_down", "held_out", "no_consent", "below_floor")
_TRIGGERS = """
select
    definitions.segment_id, cool_down_days, quiet_from_hour, quiet_to_hour,
    count(intents.intent_id) filter (where status = 'due' and due_at <= control.as_of) as due,
    count(told.intent_id) as told,
    count(intents.intent_id) filter (where status = 'due' and due_at > control.as_of) as waiting,
    count(intents.intent_id) filter (where status = 'cooled_down') as cooled_down,
    count(intents.intent_id) filter (where status = 'held_out') as held_out,
    count(intents.intent_id) filter (where status = 'no_consent') as no_consent,
    count(intents.intent_id) filter (where status = 'below_floor') as below_floor
from segments.segment_definitions as definitions
cross join ops.control as control
left join activation.message_intents as intents
    on definitions.segment_id = intents.segment_id and intents.entered_at > control.as_of - interval 30 day
left join told on intents.intent_id = told.intent_id
where cool_down_days is not null
group by all
order by all"""


def counts(settings: Settings) -> list[dict[str, Any]]:
    """A row a trigger: its rules, and what became of the entries of the past 30 days; None for fewer than a floor."""
    floor = Floor(settings.segment_floor)
    with duckdb.connect(settings.current, read_only=True) as connection:
        label = {"simulated": summary.is_simulated(connection)}
        connection.execute("create temp table told as select unnest(?::varchar[]) as intent_id", [_told(settings)])
        found = summary.rows(connection, _TRIGGERS)
    return [row | {name: floor.told(row[name]) or None for name in STATUSES} | label for row in found]


def _told(settings: Settings) -> list[str]:
    """Intents whose message a destination took."""
    if not settings.ledger.exists():
        return []
    with ledger.connect(settings.ledger) as book:
        asked = "select customer_id from accepted where destination like ?"
        return [str(row[0]) for row in book.execute(asked, [ledger.stream("%")])]
