"""One batch to its end: sent, sent again, taken apart, or looked up, until each record has an outcome.

What nobody knows is settled before anything is sent twice; what a destination will not take by itself does not keep the
others from it; and when it is down, the rest is left for later.
"""

import hashlib
from collections.abc import Generator, Sequence
from dataclasses import astuple, dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random
from typing import TypeVar

from reverse_etl.connector import (
    ACCEPTED,
    Answer,
    BatchRefused,
    Connector,
    Outcome,
    Record,
    Renewing,
    Request,
    Unreadable,
)
from reverse_etl.destination import Refused
from reverse_etl.pace import Bucket, Clock, patience
from reverse_etl.transport import Lost, NotSent, Transport

_TRIES = 8
_PARTS = 8
_NOT_SENT = "not_sent"
_DOWN = 25  # calls in a row that came to nothing
_MANY, _TIMEOUT, _TOO_LARGE, _EXPIRED, _FORBIDDEN = 429, 408, 413, 401, 403
_REDIRECT, _REFUSED, _ERROR = 300, 400, 500

Told = TypeVar("Told")


class Again(Exception):
    """The call came to nothing, for sure or perhaps (`is_unknown`); the destination may have told how long to wait."""

    def __init__(self, code: str, *, is_unknown: bool, after: float | None = None) -> None:
        """Keep what is known."""
        super().__init__(code)
        self.code, self.is_unknown, self.after = code, is_unknown, after


@dataclass
class Counts:
    """What a delivery took: calls made, records in them, those that only read, and waits for what came to nothing."""

    calls: int = 0
    sends: int = 0
    reads: int = 0
    waits: int = 0
    waited_seconds: float = 0.0

    def less(self, before: "Counts") -> "Counts":
        """What came to it since."""
        now, then = astuple(self), astuple(before)
        return Counts(*(mine - theirs for mine, theirs in zip(now, then, strict=True)))


@dataclass
class Sender:
    """Sends the batches of one plan to one destination; holds what they share: pace, patience, the credential."""

    connector: Connector
    transport: Transport
    clock: Clock
    random: Random
    plan_id: str
    counts: Counts = field(default_factory=Counts)

    def __post_init__(self) -> None:
        """Full of tokens, and the credential untried."""
        traits = self.connector.traits
        self._bucket = Bucket(self.clock, traits.calls_per_second, traits.burst)
        self._failures = 0
        self._renewed = False

    @property
    def is_down(self) -> bool:
        """Whether so many calls in a row came to nothing that it is of no use to make more."""
        return self._failures >= _DOWN

    async def send(self, records: Sequence[Record]) -> list[Outcome]:
        """An outcome for each record, in order; `retry` for those that are to be planned again.

        Raises:
            Refused: the address or the credential is not accepted: no call will be.
        """
        if not records:
            return []
        pending = Outcome("retry", "down")
        found: dict[str, Outcome] = {}
        left = list(records)
        for attempt in range(_TRIES):
            if not left or self.is_down:
                break
            try:
                outcomes = await self._write(left)
            except Again as again:
                is_unknown = again.is_unknown or pending.outcome == "unknown"
                pending = Outcome("unknown" if is_unknown else "retry", again.code)
                await self._wait(attempt, again)
                if is_unknown and (standing := await self.settled(left)) is not None:
                    found |= standing
                    pending = Outcome("retry", again.code)
            except BatchRefused as refused:
                found |= await self._apart(left, refused.code)
            else:
                found |= {record.customer_id: one for record, one in zip(left, outcomes, strict=True)}
                if any(one.outcome == "retry" for one in outcomes):
                    pending = Outcome("retry", "not_taken")
                    await self._wait(attempt, Again("not_taken", is_unknown=False))
            left = [one for one in left if one.customer_id not in found or found[one.customer_id].outcome == "retry"]
        return [found.get(record.customer_id, pending) for record in records]

    async def settled(self, records: Sequence[Record]) -> dict[str, Outcome] | None:
        """Those of the records whose planned set stands there already; None where nobody can say.

        Only asked where sending again would not settle it. While nobody can say, nothing is sent.
        """
        if self.connector.traits.replay != "read":
            return None
        for attempt in range(_TRIES):
            try:
                standing = await self._talk(self.connector.read(records))
            except Again as again:
                await self._wait(attempt, again)
                continue
            pairs = zip(records, standing, strict=True)
            # what else is told is not read back: whoever has attributes is sent again, which sets a state
            is_read = [(one, there) for one, there in pairs if not (one.attributes or one.cleared)]
            return {one.customer_id: ACCEPTED for one, there in is_read if set(there or ()) == set(one.segment_ids)}
        self._failures = _DOWN
        return None

    async def _write(self, records: Sequence[Record]) -> Sequence[Outcome]:
        try:
            outcomes = await self._talk(self.connector.write(records, batch_key(self.plan_id, records)))
        except Again as again:
            self.counts.sends += len(records) if again.code != _NOT_SENT else 0
            raise
        except BatchRefused:
            self.counts.sends += len(records)
            raise
        self.counts.sends += len(records)
        if len(outcomes) != len(records):
            raise Again("unreadable", is_unknown=True)
        return outcomes

    async def _apart(self, records: Sequence[Record], code: str) -> dict[str, Outcome]:
        """An eighth by itself; where it is taken, the fault is in the rest, which is not tried whole.

        Of a thousand records of which one is at fault an eighth at a time sends 70 in vain, in 18 calls or so; halves
        would send 500, in 10.
        """
        if len(records) == 1:
            return {records[0].customer_id: Outcome("rejected", code)}
        size = -(-len(records) // _PARTS)
        first, rest = records[:size], records[size:]
        found = dict(zip((one.customer_id for one in first), await self.send(first), strict=True))
        if len(rest) > 1 and all(one.outcome == "accepted" for one in found.values()):
            return found | await self._apart(rest, code)
        return found | dict(zip((one.customer_id for one in rest), await self.send(rest), strict=True))

    async def _talk(self, conversation: Generator[Request, Answer, Told]) -> Told:
        """Hold the conversation to its end."""
        try:
            request = next(conversation)
            while True:
                request = conversation.send(await self._call(request))
        except StopIteration as done:
            told: Told = done.value
            return told
        except Unreadable:
            raise self._failed("unreadable", is_unknown=True) from None
        finally:
            conversation.close()

    async def _call(self, request: Request) -> Answer:
        if request.after_seconds:
            await self.clock.sleep(request.after_seconds)
        await self._bucket.take()
        self.counts.calls += 1
        self.counts.reads += request.method == "GET"
        try:
            answer = await self.transport.send(request)
        except NotSent:
            raise self._failed(_NOT_SENT, is_unknown=False) from None
        except Lost:
            raise self._failed("lost", is_unknown=True) from None
        return await self._understood(answer)

    async def _understood(self, answer: Answer) -> Answer:
        """The answer, where it is for the connector; what every destination means alike is understood here."""
        status, code = answer.status, f"http_{answer.status}"
        if status in (_MANY, _TIMEOUT) or status >= _ERROR:
            after = retry_after(answer)
            self._bucket.pause(after or 0.0)
            raise self._failed(code, is_unknown=status != _MANY, after=after)
        if status == _EXPIRED and isinstance(self.connector, Renewing) and not self._renewed:
            self._renewed = True
            await self._talk(self.connector.renew())
            raise Again(code, is_unknown=False, after=0.0)
        if status in (_EXPIRED, _FORBIDDEN) or _REDIRECT <= status < _REFUSED:
            raise Refused(f"{self.connector.name} answers {status}; allowed is a credential that may write there")
        self._failures = 0
        if status == _TOO_LARGE:
            raise BatchRefused("too_large")
        return answer

    def _failed(self, code: str, *, is_unknown: bool, after: float | None = None) -> Again:
        self._failures += 1
        return Again(code, is_unknown=is_unknown, after=after)

    async def _wait(self, attempt: int, again: Again) -> None:
        seconds = patience(attempt, self.random, again.after)
        self.counts.waits += 1
        self.counts.waited_seconds += seconds
        await self.clock.sleep(seconds)


def batch_key(plan_id: str, records: Sequence[Record]) -> str:
    """Names the batch: the same people of the same plan have the same, whenever and however often they are sent."""
    digest = hashlib.blake2b(plan_id.encode(), digest_size=16)
    digest.update("".join(f"{record.customer_id}\0" for record in records).encode())
    return digest.hexdigest()


def retry_after(answer: Answer) -> float | None:
    """Seconds that the answer asks to wait (RFC 9110, 10.2.3: a number or a date); None where it does not say."""
    told = answer.headers.get("retry-after", "").strip()
    if told.isdigit():
        return float(told)
    try:
        return max(0.0, (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds())
    except ValueError:
        return None
