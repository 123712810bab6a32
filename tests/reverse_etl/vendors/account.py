"""A connector, configured as in production, before a vendor on loopback; the core carries what they say."""

import asyncio
import importlib
import pkgutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from types import ModuleType

import pytest

from reverse_etl import destinations
from reverse_etl.connector import Connector, Outcome, Record
from reverse_etl.options import Options
from reverse_etl.sender import Sender
from reverse_etl.transport import Https
from tests.reverse_etl.vendors import description
from tests.reverse_etl.vendors.server import Server, Vendor, serving

SECONDS = 20.0


class StoppedClock:
    """Time passes only while somebody sleeps; `slept` adds up."""

    def __init__(self) -> None:
        self.slept = 0.0

    def now(self) -> float:
        return self.slept

    async def sleep(self, seconds: float) -> None:
        self.slept += seconds
        await asyncio.sleep(0)


@dataclass
class Account:
    """One connector and its vendor. `seconds` is how long an answer may take."""

    connector: Connector
    server: Server
    clock: StoppedClock = field(default_factory=StoppedClock)

    def send(self, records: Sequence[Record], plan_id: str = "plan-1", seconds: float = SECONDS) -> list[Outcome]:
        """The outcomes of one batch at its end."""

        async def held() -> list[Outcome]:
            async with Https((), 2, seconds, loopback=True) as transport:
                return await Sender(self.connector, transport, self.clock, Random(1), plan_id).send(records)

        return asyncio.run(held())

    def read(self, records: Sequence[Record]) -> list[tuple[str, ...]]:
        """What stands there, nobody as nothing."""

        async def held() -> Sequence[tuple[str, ...] | None]:
            async with Https((), 2, SECONDS, loopback=True) as transport:
                sender = Sender(self.connector, transport, self.clock, Random(1), "plan-1")
                return await sender._talk(self.connector.read(records))

        return [there or () for there in asyncio.run(held())]

    def attributes(self, key: str) -> dict[str, str]:
        """What is told of somebody beside the segments, where it holds something."""
        found: dict[str, str] = self.server.vendor.attributes().get(key, {})  # type: ignore[attr-defined]
        return found

    def holds(self, key: str) -> tuple[str, ...]:
        return self.server.vendor.standing().get(key, ())


@contextmanager
def opened(name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """A fresh account; at the end each request that it was sent is held against its description, where there is one."""
    fake = vendor(name)
    monkeypatch.setitem(Options.model_config, "env_file", None)
    with serving(fake) as server:
        for variable, value in fake.environment(server.url).items():
            monkeypatch.setenv(variable, value)
        yield Account(module(name).connect(), server)
        if not description.missing(fake):
            for call in server.calls:
                description.check(fake, call)


def connectors() -> list[str]:
    """Every module of destinations that connects, by name: a new one is held to the contract without being named."""
    return [name for name in modules() if hasattr(module(name), "connect")]


def module(name: str) -> ModuleType:
    return importlib.import_module(f"{destinations.__name__}.{name}")


def vendor(name: str) -> Vendor:
    """Its fake: the class of its name in `tests/reverse_etl/vendors/<name>.py`."""
    found: Vendor = getattr(importlib.import_module(f"tests.reverse_etl.vendors.{name}"), name.title())()
    return found


def modules() -> list[str]:
    """Every destination there is."""
    return sorted(found.name for found in pkgutil.iter_modules(destinations.__path__))


def person(name: str, *segment_ids: str, left: Sequence[str] = ()) -> Record:
    """Somebody who entered these segments and left those."""
    return Record(f"id-{name}", f"{name}@example.test", segment_ids, segment_ids, tuple(left))
