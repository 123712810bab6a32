"""One plan to one destination of records: what is open is settled, the rest sent in windows, each journalled.

A window is begun, sent and ended; killed in between, its batches and those of the one before stay open. With the
destination's batches of one record a window is many calls, with large ones a few: what a kill leaves unknown is never
much.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain, groupby, islice
from pathlib import Path
from random import Random
from typing import TypeVar

import polars as pl

from reverse_etl import rows
from reverse_etl.connector import ACCEPTED, Connector, Outcome, Record
from reverse_etl.journal import Batch, Journal
from reverse_etl.pace import Clock, SystemClock
from reverse_etl.sender import Counts, Sender
from reverse_etl.transport import Transport

_WINDOW = 1_000
_LEAVE_SECONDS = 0.001  # in which calls that were made leave, before the ledger is written
_NO_KEY = Outcome("rejected", "no_key")
Progress = Callable[[int, int], None]
Window = list[tuple[Batch, list[Record]]]
Ended = tuple[Batch, list[Record], list[Outcome]]
Item = TypeVar("Item")


def quiet(done: int, of: int) -> None:
    """Tell nobody that `done` people `of` so many are through."""


def batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """The items in order, so many at a time; `itertools` has it from Python 3.12 on."""
    left = iter(items)
    while part := list(islice(left, size)):
        yield part


@dataclass
class Campaign:
    """Sends plans of one destination; `addresses` are pseudonym → clear e-mail where people are known by it."""

    connector: Connector
    transport: Transport
    journal: Journal
    addresses: dict[str, str] | None = None
    clock: Clock = field(default_factory=SystemClock)
    random: Random = field(default_factory=Random)
    progress: Progress = quiet
    counts: Counts = field(default_factory=Counts)

    async def settle(self, find: Callable[[str], Path], allowed: frozenset[str]) -> int:
        """Send again, or look up, what earlier deliveries left open; the number of batches that still are.

        Whoever may not be sent to any more (not in `allowed`) is not: it is taken that they are there, so that the plan
        that follows removes them.
        """
        open_batches = self.journal.unsettled()
        for plan_id, batches in groupby(open_batches, key=lambda batch: batch.plan_id):
            frame, sender = self._read(find(plan_id)), self._sender(plan_id)
            for window in batched(batches, self._several):
                ended = await asyncio.gather(*(self._settled(sender, frame, batch, allowed) for batch in window))
                self.journal.end_all(ended, self._taken())
        return len(self.journal.unsettled()) if open_batches else 0

    async def _settled(self, sender: Sender, frame: pl.DataFrame, batch: Batch, allowed: frozenset[str]) -> Ended:
        part = frame[batch.first : batch.last + 1]
        known = rows.records(part.filter(pl.col("key").is_not_null()))
        withdrawn = [one for one in known if one.segment_ids and one.customer_id not in allowed]
        rest = [one for one in known if not one.segment_ids or one.customer_id in allowed]
        async with self._slots:
            outcomes = await self._again(sender, rest)
        return batch, [*withdrawn, *rest], [*(ACCEPTED for _ in withdrawn), *outcomes]

    async def _again(self, sender: Sender, records: list[Record]) -> list[Outcome]:
        """Where sending again does not settle what happened, what stands there is read first."""
        if self.connector.traits.replay != "read":
            return await sender.send(records)
        standing = await sender.settled(records)
        if standing is None:
            return [Outcome("unknown", "down") for _ in records]
        left = [one for one in records if one.customer_id not in standing]
        sent = dict(zip((one.customer_id for one in left), await sender.send(left), strict=True))
        return [(standing | sent)[one.customer_id] for one in records]

    async def send(self, plan_id: str, path: Path) -> None:
        """All rows of the plan, until they are through or the destination is down.

        A window is ended when the calls of the next are on their way: neither side waits for the other.
        """
        frame, sender = self._read(path), self._sender(plan_id)
        sent_window: Window = []
        calls: asyncio.Future[list[list[Outcome]]] = asyncio.gather()
        for window in chain(self._windows(plan_id, frame), [[]]):
            sent = await calls
            under_way = [] if sender.is_down else window
            if under_way:
                self.journal.begin(batch for batch, _ in under_way)
            calls = asyncio.gather(*(self._limited(sender, records) for _, records in under_way))
            await asyncio.sleep(_LEAVE_SECONDS)
            if sent_window:
                self._end(sent_window, sent, frame.height)
            if not under_way:
                break
            sent_window = under_way
        self.journal.finish(plan_id, frame.height)

    def _end(self, window: Window, sent: list[list[Outcome]], of: int) -> None:
        ended = [(*one, outcomes) for one, outcomes in zip(window, sent, strict=True)]
        self.journal.end_all(ended, self._taken())
        self.progress(window[-1][0].last + 1, of)

    def _windows(self, plan_id: str, frame: pl.DataFrame) -> Iterator[Window]:
        cuts = rows.cut(frame, self.connector.traits)
        for window in batched(cuts, self._several):
            records = rows.records(frame[window[0][0] : window[-1][1] + 1])
            start = window[0][0]
            yield [(Batch(plan_id, first, last), records[first - start : last + 1 - start]) for first, last in window]

    async def _limited(self, sender: Sender, records: list[Record]) -> list[Outcome]:
        """People without the identifier that the destination knows them by are refused by us."""
        known = [one for one in records if one.key]
        async with self._slots:
            sent = await sender.send(known)
        if len(known) == len(records):
            return sent
        found = dict(zip((one.customer_id for one in known), sent, strict=True))
        return [found.get(one.customer_id, _NO_KEY) for one in records]

    def __post_init__(self) -> None:
        """As many at a time as the destination takes; in a window so many batches that its people are some thousand."""
        traits, self._told = self.connector.traits, replace(self.counts)
        self._slots = asyncio.Semaphore(traits.concurrency)
        self._several = max(traits.concurrency, _WINDOW // traits.batch_records, 1)

    def _taken(self) -> Counts:
        """What was done since this was last asked."""
        taken, self._told = self.counts.less(self._told), replace(self.counts)
        return taken

    def _sender(self, plan_id: str) -> Sender:
        return Sender(self.connector, self.transport, self.clock, self.random, plan_id, self.counts)

    def _read(self, path: Path) -> pl.DataFrame:
        return rows.read(path, self.addresses)
