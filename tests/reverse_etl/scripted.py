"""A destination in memory that does what it is told to: takes, refuses, forgets to answer, and counts its effects."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Literal

from reverse_etl.connector import (
    ACCEPTED,
    Answer,
    BatchRefused,
    Conversation,
    Outcome,
    Reading,
    Record,
    Request,
    Traits,
    Unreadable,
)
from reverse_etl.transport import Lost, NotSent

Fault = Literal["429", "500 before", "500 after", "lost before", "lost after", "not sent", "html", "killed", ""]
FAULTS: tuple[Fault, ...] = ("429", "500 before", "500 after", "lost before", "lost after", "not sent", "html")


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Clock:
    """Time that passes only where somebody waits."""

    seconds: float = 0.0

    def now(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass
class Server:
    """What stands there; an effect is somebody's set written, by a call that it could not tell from a new one."""

    random: Random
    poison: frozenset[str] = frozenset()
    share: float = 0.0  # of calls that are faulty
    faults: tuple[Fault, ...] = FAULTS
    knows_keys: bool = True
    names_records: bool = False  # refuses a record by itself, not the batch
    people: dict[str, list[str]] = field(default_factory=dict)
    effects: Counter[str] = field(default_factory=Counter)
    seen: set[str] = field(default_factory=set)
    calls: int = 0
    kill_at: int | None = None

    async def send(self, request: Request) -> Answer:
        self.calls += 1
        if self.calls == self.kill_at:
            self.kill_at = None
            if self.random.random() < 0.5:
                self._apply(request)
            raise Killed
        fault = self.random.choice(self.faults) if self.random.random() < self.share else ""
        if fault == "429":
            return Answer(429, {"retry-after": "2"})
        if fault == "500 before":
            return Answer(500)
        if fault == "lost before":
            raise Lost
        if fault == "not sent":
            raise NotSent
        answer = self._apply(request)
        if fault == "500 after":
            return Answer(500)
        if fault == "lost after":
            raise Lost
        return Answer(200, {}, b"<html>sorry</html>") if fault == "html" else answer

    def _apply(self, request: Request) -> Answer:
        told = json.loads(request.body)
        if request.method == "GET":
            return Answer(200, {}, json.dumps([self.people.get(one) for one in told]).encode())
        bad = [n for n, (one, _) in enumerate(told) if one in self.poison]
        if bad and not self.names_records:
            return Answer(422)
        key = request.headers["idempotency-key"]
        if not (self.knows_keys and key in self.seen):
            self.seen.add(key)
            for number, (one, segments) in enumerate(told):
                if number not in bad:
                    self.effects[one] += 1
                    self.people[one] = segments
                    if not segments:
                        del self.people[one]
        return Answer(200, {}, json.dumps(bad).encode())


@dataclass(frozen=True)
class Scripted:
    """The connector to it."""

    traits: Traits
    name: str = "scripted"

    def write(self, records: Sequence[Record], key: str) -> Conversation:
        body = json.dumps([[one.key, list(one.segment_ids)] for one in records]).encode()
        answer = yield Request("POST", "https://scripted.example/people", {"idempotency-key": key}, body)
        if answer.status == 422:
            raise BatchRefused("invalid")
        bad = set(_parsed(answer))
        return [Outcome("rejected", "invalid") if n in bad else ACCEPTED for n in range(len(records))]

    def read(self, records: Sequence[Record]) -> Reading:
        body = json.dumps([one.key for one in records]).encode()
        answer = yield Request("GET", "https://scripted.example/people", {}, body)
        return [None if there is None else tuple(there) for there in _parsed(answer)]


def _parsed(answer: Answer) -> list[list[str] | None] | list[int]:
    try:
        found: list[int] = json.loads(answer.body)
    except ValueError:
        raise Unreadable from None
    return found
