"""Which messages are due: entries into trigger segments that nobody was told of yet, and who may still be told.

`activation.message_intents` decides what follows from an entry, once. Here it is held against what is true at the send:
the person is in the audience with that segment (consent, floor, control group, suppression), the hour has come and is
not long past, and no destination has it. What became of a message stands in the ledger under the destination's stream,
an intent in the place of a person: so plans, receipts, batches and what is left open by a kill are those of delivery.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from reverse_etl import rows
from reverse_etl.accepted import accepted, dead_letters, last_finished
from reverse_etl.connector import Conversation, Messaging, Reading, Record, Traits
from reverse_etl.destination import Refused
from warehouse import ledger
from warehouse.settings import Settings
from warehouse.version import hand, tell

LATE_HOURS = 24
_THERE = """
select count(*) > 0 from information_schema.tables
where table_catalog = 'published' and table_schema = 'activation' and table_name = 'message_intents'
"""
_NONE = """
create table messages (
    intent_id text, customer_id text, contact_id_crm text, segment_id text, reason text, entered_at timestamp,
    due_at timestamp, purpose text, channel text
);
create table allowed (intent_id text)
"""
# an hour long past is no hour for a message: neither a past day made again nor a destination that was down tells it
_ALLOWED = f"""
create or replace table allowed as
select
    intents.intent_id, intents.customer_id, audience.contact_id_crm, intents.segment_id, intents.reason,
    intents.entered_at, intents.due_at, intents.purpose, intents.channel
from published.activation.message_intents as intents
inner join audience
    on intents.customer_id = audience.customer_id and list_contains(audience.segment_ids, intents.segment_id)
where
    intents.destination = getvariable('destination') and intents.status = 'due'
    and intents.due_at <= cast(getvariable('now') as timestamp)
    and intents.due_at > cast(getvariable('now') as timestamp) - interval {LATE_HOURS} hour
"""
_MESSAGES = "create or replace table messages as from allowed anti join told using (intent_id)"
_DIGEST = """
select sha256(concat_ws(chr(10), getvariable('stream'), getvariable('previous'), string_agg(intent_id, ' ' order by 1)))
from (select intent_id from messages order by intent_id)
"""
_TOLD = """
select
    intent_id as id, customer_id, contact_id_crm, segment_id, reason, purpose, channel,
    strftime(entered_at, '%Y-%m-%dT%H:%M:%SZ') as entered_at, strftime(due_at, '%Y-%m-%dT%H:%M:%SZ') as due_at
from messages order by due_at, intent_id
"""
_ROWS = """
select
    id as customer_id, {key} as key, [segment_id] as segment_ids, [segment_id] as entered, []::text[] as left_ids,
    cast(to_json({{
        reason: reason, entered_at: entered_at, due_at: due_at, purpose: purpose, channel: channel
    }}) as text) as attributes,
    []::text[] as cleared
from ({told})
"""


@dataclass(frozen=True)
class Stream:
    """A destination's messages as a connector of their own: a record is an intent, and is told by itself.

    So the key of a call is that of its message, whatever plan it stands in and whoever stands beside it.
    """

    target: Messaging

    @property
    def name(self) -> str:
        """Under which the ledger keeps it."""
        return ledger.stream(self.target.name)

    @property
    def traits(self) -> Traits:
        """Those of the destination, one by one; a call whose fate is unknown is made again with its key."""
        return replace(self.target.traits, mode="upsert", on_exit="nothing", batch_records=1, replay="keyed")

    def write(self, records: Sequence[Record], key: str) -> Conversation:  # noqa: ARG002  # the message has its own
        """Tell of the one."""
        [record] = records
        return self.target.notify(record)

    def read(self, records: Sequence[Record]) -> Reading:  # noqa: ARG002  # nothing of theirs can be asked
        """Nobody can say which messages were sent on."""
        raise Refused(f"{self.name} cannot be read")


def find(connection: duckdb.DuckDBPyConnection, settings: Settings, destination: str, now: datetime) -> int:
    """Make the tables `allowed` and `messages` beside `audience`; how many are to be told at this moment (UTC)."""
    connection.execute(_NONE)
    [(is_there,)] = connection.execute(_THERE).fetchall()
    if not is_there:  # a version from before there were intents
        return 0
    tell(connection, now=now.isoformat(sep=" "))
    connection.execute(_ALLOWED)
    hand(connection, settings, "told", _told(settings.ledger, ledger.stream(destination)))
    connection.execute(_MESSAGES)
    [(count,)] = connection.execute("select count(*) from messages").fetchall()
    return int(count)


def _told(path: Path, stream: str) -> pl.DataFrame:
    """Intents that were taken, or refused for good."""
    frames = (accepted(path, stream), dead_letters(path, stream))
    return pl.concat([frame.select(intent_id="customer_id") for frame in frames]).unique()


def digest(connection: duckdb.DuckDBPyConnection, settings: Settings, stream: str) -> str:
    """The id of the plan of these messages: the same for the same ones after the same plan."""
    tell(connection, stream=stream, previous=last_finished(settings.ledger, stream) or "")
    [(found,)] = connection.execute(_DIGEST).fetchall()
    return str(found)[:16]


def freeze(connection: duckdb.DuckDBPyConnection, target: Path, traits: Traits) -> None:
    """Write the rows of the plan, as `rows.freeze` does for people."""
    if traits.key == "email":
        raise Refused("messages are told by customer_id or contact_id_crm, which is what a destination of them knows")
    rows.write(connection, _ROWS.format(key=traits.key, told=_TOLD), target)


def told(connection: duckdb.DuckDBPyConnection) -> Iterator[dict[str, Any]]:
    """Each message as it is told to whoever is handed files, the first due first."""
    cursor = connection.cursor().execute(_TOLD)
    names = [column[0] for column in cursor.description or ()]
    return (dict(zip(names, row, strict=True)) for row in cursor.fetchall())


def utc(moment: datetime) -> datetime:
    """Without an offset, as the warehouse has it."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
