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

_RECEIPT = "insert or replace into receipts values (?, ?, ?, ?, ?, ?)"
_ACCEPT = (
    "insert or replace into accepted (destination, customer_id, segment_ids, accepted_at, plan_id, attributes)"
    " values (?, ?, ?, ?, ?, ?)"
)
_LEFT = "delete from accepted where destination = ? and customer_id = ?"
_BURY = (
    "insert or replace into dead_letters"
    " (destination, customer_id, segment_ids, code, plan_id, rejected_at, attributes) values (?, ?, ?, ?, ?, ?, ?)"
)
_REVIVE = "delete from dead_letters where destination = ? and customer_id = ?"
_ANY_DEAD = "select 1 from dead_letters where destination = ? limit 1"
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
        with ledger.transaction(self.book):
            for batch, records, outcomes in ended:
                self._keep(batch, records, outcomes)
            self.book.execute(_TOOK, {"plan_id": ended[0][0].plan_id} | vars(taken))

    def _keep(self, batch: Batch, records: Sequence[Record], outcomes: Sequence[Outcome]) -> None:
        plan, name, at, book = batch.plan_id, self.destination, self.at, self.book
        pairs = list(zip(records, outcomes, strict=True))
        book.executemany(_RECEIPT, [(plan, name, r.customer_id, o.outcome, o.code, at) for r, o in pairs])
        taken = [r for r, o in pairs if o.outcome == "accepted"]
        book.executemany(
            _ACCEPT,
            [
                (name, r.customer_id, _text(r.segment_ids), at, plan, r.attributes or None)
                for r in taken
                if r.segment_ids
            ],
        )
        book.executemany(_LEFT, [(name, r.customer_id) for r in taken if not r.segment_ids])
        if book.execute(_ANY_DEAD, [name]).fetchone():
            book.executemany(_REVIVE, [(name, r.customer_id) for r in taken])
        dead = [(r, o) for r, o in pairs if o.outcome == "rejected"]
        book.executemany(
            _BURY,
            [(name, r.customer_id, _text(r.segment_ids), o.code, plan, at, r.attributes or None) for r, o in dead],
        )
        state = "open" if any(o.outcome == "unknown" for o in outcomes) else "done"
        book.execute("update batches set state = ? where plan_id = ? and first = ?", (state, plan, batch.first))

    def finish(self, plan_id: str, rows: int) -> None:
        """The plan was gone through: it is delivered, or in part."""
        with ledger.transaction(self.book):
            self.book.execute(_FINISH, {"plan_id": plan_id, "rows": rows})

    def unsettled(self) -> list[Batch]:
        """What earlier deliveries to this destination left open, oldest first."""
        return [Batch(*row) for row in self.book.execute(_OPEN, [self.destination])]


@lru_cache(maxsize=1 << 16)
def _text(segment_ids: tuple[str, ...]) -> str:
    return orjson.dumps(segment_ids).decode()


@contextmanager
def opened(path: Path, destination: str, at: str) -> Iterator[Journal]:
    """The journal of one delivery; `at` is its moment, ISO 8601."""
    with ledger.session(path) as book:
        yield Journal(book, destination, at)
