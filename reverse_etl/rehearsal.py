"""A dry run: the same sender and the same conversations, over a transport that makes no call that changes anything.

What only reads is asked for, once each; what would change something is kept to be shown, and answered as the connector
assumes. So the bodies are those that are then sent, as long as the destination stays as it is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import orjson

from reverse_etl.connector import Answer, Connector, Record, Rehearsing, Request
from reverse_etl.destination import Refused
from reverse_etl.pace import SystemClock
from reverse_etl.payload import is_success
from reverse_etl.sender import Sender
from reverse_etl.transport import Transport


class _Shown(Exception):
    """The batch has been told as far as can be assumed."""


class _Enough(Exception):
    """So many calls as were asked for."""


@dataclass
class Rehearsal:
    """Carries what reads over `transport`, and keeps in `shown` what would be sent, up to `limit` calls."""

    connector: Connector
    transport: Transport
    limit: int
    shown: list[Request] = field(default_factory=list)
    held: list[tuple[Request, Answer]] = field(default_factory=list)
    is_asking: bool = False

    async def send(self, request: Request) -> Answer:
        """See `Transport`."""
        if len(self.shown) >= self.limit:
            raise _Enough
        assumed = self.connector.assume(request, self.held) if isinstance(self.connector, Rehearsing) else None
        self.is_asking = request.method == "GET" and assumed is None
        if request.method != "GET":
            self.shown.append(request)
            if assumed is None:
                raise _Shown
        answer = assumed or await self._asked(request)
        if is_success(answer):  # another is asked for again
            self.held.append((request, answer))
        return answer

    async def _asked(self, request: Request) -> Answer:
        """What is there is asked for once: it stays as it is."""
        known = (answer for before, answer in self.held if (before.method, before.url) == ("GET", request.url))
        return next(known, None) or await self.transport.send(request)


@dataclass
class _Clock(SystemClock):
    """Waits only between calls that are made."""

    rehearsal: Rehearsal
    passed: float = 0.0

    def now(self) -> float:
        """Seconds, those not waited for included."""
        return super().now() + self.passed

    async def sleep(self, seconds: float) -> None:
        """Wait where somebody is asked."""
        if self.rehearsal.is_asking:
            await super().sleep(seconds)
        else:
            self.passed += seconds


async def rehearse(
    connector: Connector, transport: Transport, plan_id: str, batches: Iterable[list[Record]], limit: int
) -> list[Request]:
    """The first `limit` calls that would change something.

    Raises:
        Refused: the destination does not answer what has to be read before.
    """
    rehearsal = Rehearsal(connector, transport, limit)
    sender = Sender(connector, rehearsal, _Clock(rehearsal), Random(), plan_id)
    for records in batches:
        try:
            outcomes = await sender.send(records)
        except _Shown:
            continue
        except _Enough:
            break
        if lost := {one.code for one in outcomes if one.outcome in ("retry", "unknown")}:
            raise Refused(f"{connector.name} does not answer ({', '.join(map(str, lost))}), and is read for a dry run")
    return rehearsal.shown


def masked(request: Request, pseudonyms: Mapping[str, str]) -> Request:
    """The request with the pseudonym of each address in its place, byte for byte otherwise; JSON only."""

    def mask(told: Any) -> Any:
        if isinstance(told, dict):
            return {name: mask(value) for name, value in told.items()}
        if isinstance(told, list):
            return [mask(value) for value in told]
        return pseudonyms.get(told, told) if isinstance(told, str) else told

    return replace(request, body=orjson.dumps(mask(orjson.loads(request.body))))
