"""What was begun and what came of it, by batch, in the ledger: so that a kill leaves nothing unknown for long.

A batch is a run of rows of the plan's file. It is `open` from before its first call until its outcomes are kept; what a
process that died left open is settled by the next before anything else is sent.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import orjson

from reverse_etl.connector import Outcome, Record
from reverse_etl.sender import Counts
from warehouse import ledger

# what became of people, until it is written down: a statement a table, not one a person
_TOLD = """
create temp table if not exists told (
    customer_id text primary key, segment_ids text not null, attributes text, outcome text not null, code text
) without rowid
"""
_KEEP = (
    """
    insert or replace into receipts (plan_id, destination, customer_id, outcome, code, attempted_at)
    select :plan_id, :destination, customer_id, outcome, code, :at from told order by customer_id
    """,
    """
    insert or replace into accepted (destination, customer_id, segment_ids, accepted_at, plan_id, attributes)
    select :destination, customer_id, segment_ids, :at, :plan_id, attributes
    from told where outcome = 'accepted' and segment_ids <> '[]' order by customer_id
    """,
    """
    delete from accepted where destination = :destination and customer_id in (
        select customer_id from told where outcome = 'accepted' and segment_ids = '[]'
    )
    """,
    """
    delete from dead_letters where destination = :destination and exists (
        select 1 from told where told.customer_id = dead_letters.customer_id and outcome = 'accepted'
    )
    """,
    """
    insert or replace into dead_letters
    (destination, customer_id, segment_ids, code, plan_id, rejected_at, attributes)
    select :destination, customer_id, segment_ids, code, :plan_id, :at, attributes from told where outcome = 'rejected'
    """,
)
_STATE = "update batches set state = ? where plan_id = ? and first = ?"
_FINISH = """
update plans set status = case
    when exists (select 1 from receipts where plan_id = :plan_id and outcome <> 'accepted') then 'partial'
    when (select count(*) from receipts where plan_id = :plan_id) < :rows then 'partial'
    else 'delivered' end
where plan_id = :plan_id
"""
_TOOK = """
update plans set
    calls = coalesce(calls, 0) + :calls, records_sent = coalesce(records_sent, 0) + :sends,
    waits = coalesce(waits, 0) + :waits, waited_seconds = coalesce(waited_seconds, 0) + :waited_seconds
where plan_id = :plan_id
"""
_OPEN = """
select plan_id, first, last from batches join plans using (plan_id)
where destination = ? and state = 'open' order by plans.rowid, first
"""


class Batch(NamedTuple):
    """Rows `first` to `last` of a plan's file, both included."""

    plan_id: str
    first: int
    last: int


@dataclass(frozen=True)
class Journal:
    """The ledger as one delivery writes it; each call is one transaction."""

    book: sqlite3.Connection
    destination: str
    at: str

    def begin(self, batches: Iterable[Batch]) -> None:
        """They are about to be sent."""
        with ledger.transaction(self.book):
            self.book.executemany("insert or replace into batches values (?, ?, ?, 'open')", batches)

    def end_all(self, ended: Sequence[tuple[Batch, Sequence[Record], Sequence[Outcome]]], taken: Counts) -> None:
        """Keep what became of batches of one plan, and what that took; one with an outcome nobody knows stays open."""
        plan_id = ended[0][0].plan_id
        values = {"plan_id": plan_id, "destination": self.destination, "at": self.at} | vars(taken)
        told = (
            (record.customer_id, _text(record.segment_ids), record.attributes or None, *outcome)
            for _, records, outcomes in ended
            for record, outcome in zip(records, outcomes, strict=True)
        )
        with ledger.transaction(self.book):
            self.book.execute("delete from told")
            self.book.executemany("insert into told values (?, ?, ?, ?, ?)", told)
            for statement in (*_KEEP, _TOOK):
                self.book.execute(statement, values)
            self.book.executemany(_STATE, [(_state(outcomes), plan_id, batch.first) for batch, _, outcomes in ended])

    def finish(self, plan_id: str, rows: int) -> None:
        """The plan was gone through: it is delivered, or in part."""
        with ledger.transaction(self.book):
            self.book.execute(_FINISH, {"plan_id": plan_id, "rows": rows})

    def unsettled(self) -> list[Batch]:
        """What earlier deliveries to this destination left open, oldest first."""
        return [Batch(*row) for row in self.book.execute(_OPEN, [self.destination])]


def _state(outcomes: Sequence[Outcome]) -> str:
    """An outcome that nobody knows keeps the batch open."""
    return "open" if any(one.outcome == "unknown" for one in outcomes) else "done"


@lru_cache(maxsize=1 << 16)
def _text(segment_ids: tuple[str, ...]) -> str:
    return orjson.dumps(segment_ids).decode()


@contextmanager
def opened(path: Path, destination: str, at: str) -> Iterator[Journal]:
    """The journal of one delivery; `at` is its moment, ISO 8601."""
    with ledger.session(path) as book:
        book.execute(_TOLD)
        yield Journal(book, destination, at)
