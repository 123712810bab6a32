"""A receiver to measure against: takes batches as JSON, keeps who has which segments, and counts calls and effects.

Told to, a share of its calls fails, a third each with 429, 500 before anything was done, and 500 after; and a batch
whose `Idempotency-Key` it has taken is answered and not done again. It runs in a process of its own.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx
import orjson
from aiohttp import web

_FAULTS = ("429", "500 before", "500 after")
_LARGEST = 64 * 1024 * 1024


@dataclass
class Receiver:
    """What stands there, and what it took; an effect is one person's set written, once more or for the first time."""

    share: float = 0.0
    knows_keys: bool = True
    random: Random = field(default_factory=lambda: Random(11))
    members: dict[str, list[str]] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    calls: int = 0
    sent: int = 0
    effects: int = 0
    acknowledged: int = 0
    first_at: float = 0.0
    last_at: float = 0.0

    async def take(self, request: web.Request) -> web.Response:
        """One batch."""
        self.first_at = self.first_at or time.monotonic()
        records = orjson.loads(await request.read())["records"]
        self.calls += 1
        self.sent += len(records)
        fault = self.random.choice(_FAULTS) if self.random.random() < self.share else ""
        if fault == "429":
            return web.Response(status=429, headers={"Retry-After": "1"})
        if fault == "500 before":
            return web.Response(status=500)
        self._apply(records, request.headers.get("Idempotency-Key", ""))
        if fault == "500 after":
            return web.Response(status=500)
        self.acknowledged += len(records)
        self.last_at = time.monotonic()
        return web.json_response({})

    def _apply(self, records: list[dict[str, Any]], key: str) -> None:
        if self.knows_keys and key:
            if key in self.seen:
                return
            self.seen.add(key)
        self.effects += len(records)
        for record in records:
            if record["segment_ids"]:
                self.members[record["id"]] = record["segment_ids"]
            else:
                self.members.pop(record["id"], None)

    async def told(self, _: web.Request) -> web.Response:
        """What it took since it was last asked; what stands there stays."""
        names = ("calls", "sent", "effects", "acknowledged", "first_at", "last_at")
        found = {name: getattr(self, name) for name in names}
        self.calls = self.sent = self.effects = self.acknowledged = 0
        self.first_at = self.last_at = 0.0
        return web.json_response(found)

    async def standing(self, _: web.Request) -> web.Response:
        """Who has which segments."""
        return web.Response(body=orjson.dumps(self.members), content_type="application/json")

    async def empty(self, request: web.Request) -> web.Response:
        """Nothing stands there any more, and what is faulty from now on."""
        self.__init__(**await request.json())  # type: ignore[misc]
        return web.json_response({})


@dataclass(frozen=True)
class Sink:
    """The receiver, from outside."""

    base: str

    @property
    def url(self) -> str:
        """Where it takes batches."""
        return f"{self.base}/people"

    def told(self) -> dict[str, float]:
        """Calls, records and effects since last asked, and when the first and the last acknowledged call came."""
        found: dict[str, float] = httpx.get(f"{self.base}/told").json()
        return found

    def standing(self) -> dict[str, list[str]]:
        """Who has which segments there."""
        found: dict[str, list[str]] = orjson.loads(httpx.get(f"{self.base}/standing", timeout=60).content)
        return found

    def empty(self, share: float = 0.0, *, knows_keys: bool = True) -> None:
        """Begin again, with so large a share of faulty calls."""
        httpx.post(f"{self.base}/empty", json={"share": share, "knows_keys": knows_keys}).raise_for_status()


@contextmanager
def started() -> Iterator[Sink]:
    """A sink on a free port of this machine, ended with the block."""
    command = [sys.executable, "-m", "benchmarks.sink"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield Sink(f"http://127.0.0.1:{int(process.stdout.readline())}")
        finally:
            process.terminate()


async def serve() -> None:
    """Take batches until ended; the port is printed."""
    receiver, app = Receiver(), web.Application(client_max_size=_LARGEST)
    app.router.add_post("/people", receiver.take)
    app.router.add_get("/told", receiver.told)
    app.router.add_get("/standing", receiver.standing)
    app.router.add_post("/empty", receiver.empty)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve())
