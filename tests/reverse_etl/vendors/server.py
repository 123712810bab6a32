"""A vendor on loopback: answers over real HTTP, keeps what a real one keeps, and fails as it is told to."""

import asyncio
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Protocol

from aiohttp import web

HANG_SECONDS = 30.0
PAGE = "<!doctype html><title>Bad gateway</title>"

Standing = dict[str, tuple[str, ...]]
Attributes = dict[str, dict[str, str]]


class Fault(Enum):
    """What goes wrong with one call that writes."""

    THROTTLED = auto()
    PAGE_BEFORE = auto()
    ERROR_BEFORE = auto()
    ERROR_AFTER = auto()
    HANG_AFTER = auto()
    PAGE_AFTER = auto()
    BROKEN_AFTER = auto()
    EMPTY_AFTER = auto()
    EXPIRED = auto()


@dataclass(frozen=True)
class Call:
    """A request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def content(self) -> Any:
        return json.loads(self.body)


class Vendor(Protocol):
    """The account that a fake keeps; `refuses` are the keys that it does not take.

    `is_silent`: a success says nothing but its status. One that is told attributes has `attributes()`: by key, those
    that hold something.
    """

    name: str
    is_silent: bool
    refuses: set[str]

    def environment(self, url: str) -> dict[str, str]:
        """The options under which the connector finds it."""

    def answer(self, call: Call) -> tuple[int, Any]:
        """Status and content; None is an empty body."""

    def writes(self, call: Call) -> bool:
        """Whether that call changes something."""

    def standing(self) -> Standing:
        """The segments of ours that stand there, by key."""

    def others(self) -> object:
        """What somebody else put there beside ours."""

    def paths(self) -> dict[str, Any]:
        """OpenAPI path items: those of ours, and None for those that the vendor's own description has."""


@dataclass
class Server:
    """A vendor behind a socket. `changes` counts who entered or left a segment: effects, not calls."""

    vendor: Vendor
    calls: list[Call] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    always: Fault | None = None
    changes: int = 0
    url: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        call = Call(request.method, request.path, dict(request.headers), await request.read())
        self.calls.append(call)
        fault = self._fault(call)
        if fault is Fault.THROTTLED:
            return web.json_response({"message": "slow down"}, status=429, headers={"Retry-After": "7"})
        if fault is Fault.EXPIRED:
            return web.json_response({"message": "expired"}, status=401)
        if fault is Fault.ERROR_BEFORE:
            return web.json_response({"message": "no"}, status=500)
        if fault is Fault.PAGE_BEFORE:
            return web.Response(text=PAGE, content_type="text/html")
        status, content = self._take(call)
        return await self._answer(fault, status, content)

    @property
    def written(self) -> list[Call]:
        return [call for call in self.calls if self.vendor.writes(call)]

    def _fault(self, call: Call) -> Fault | None:
        if not self.vendor.writes(call):
            return None
        return self.faults.pop(0) if self.faults else self.always

    def _take(self, call: Call) -> tuple[int, Any]:
        before = self.vendor.standing()
        answered = self.vendor.answer(call)
        after = self.vendor.standing()
        self.changes += sum(len({*before.get(key, ())} ^ {*after.get(key, ())}) for key in before | after)
        return answered

    async def _answer(self, fault: Fault | None, status: int, content: Any) -> web.StreamResponse:
        if fault is Fault.ERROR_AFTER:
            return web.json_response({"message": "no"}, status=500)
        if fault is Fault.HANG_AFTER:
            await asyncio.sleep(HANG_SECONDS)
        if fault is Fault.PAGE_AFTER:
            return web.Response(text=PAGE, content_type="text/html")
        if fault is Fault.BROKEN_AFTER:
            return web.Response(text='{"', content_type="application/json", status=status)
        if fault is Fault.EMPTY_AFTER:
            return web.json_response({}, status=200)
        return web.Response(status=status) if content is None else web.json_response(content, status=status)


@contextmanager
def serving(vendor: Vendor) -> Iterator[Server]:
    """The vendor, reachable until the block ends; its loop has a thread of its own."""
    server, loop = Server(vendor), asyncio.new_event_loop()
    app = web.Application(client_max_size=16 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        server.url = asyncio.run_coroutine_threadsafe(_listen(runner), loop).result(10)
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _listen(runner: web.AppRunner) -> str:
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    return f"http://{host}:{port}"
