"""How requests travel: over HTTPS, to addresses of the outside world only."""

import ipaddress
import socket
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from reverse_etl.connector import Answer, Request
from reverse_etl.destination import Refused

_LONGEST_ANSWER = 8 * 1024 * 1024


class NotSent(Exception):
    """The request did not leave: nothing has happened there."""


class Lost(Exception):
    """The request left and no answer came: nobody knows what has happened there."""


class Transport(Protocol):
    """Whoever carries a request to its destination."""

    async def send(self, request: Request) -> Answer:
        """The answer, of whatever status.

        Raises:
            NotSent: no connection came about.
            Lost: it broke off, or took too long, after that.
            Refused: the address is not allowed.
        """


class Outside(AbstractResolver):
    """Names to addresses, of which only public ones are given: an address checked is the address used."""

    def __init__(self) -> None:
        """With the system's resolver behind it."""
        self._system = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The public addresses of a name.

        Raises:
            Refused: there is none.
        """
        found = await self._system.resolve(host, port, family)
        public = [one for one in found if is_public(one["host"])]
        if found and not public:
            raise Refused(f"{host} is in a private network; allowed are public addresses")
        return public

    async def close(self) -> None:
        """Nothing is held."""
        await self._system.close()


def is_public(address: str) -> bool:
    """Whether an address is one of the outside world: not of this machine, this network or a reserved block."""
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_global and not found.is_multicast


class Https:
    """Keeps few connections open, follows no redirect, and gives an answer up after `seconds`."""

    def __init__(
        self, hosts: Iterable[str], connections: int, seconds: float = 30.0, *, loopback: bool = False
    ) -> None:
        """`hosts` are those allowed; `loopback` allows this machine too, without TLS: for tests and tools on it."""
        self._hosts, self._connections, self._loopback = frozenset(hosts), connections, loopback
        self._timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=min(10.0, seconds))
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the pool."""
        resolver = aiohttp.ThreadedResolver() if self._loopback else Outside()
        connector = aiohttp.TCPConnector(limit=self._connections, resolver=resolver)
        jar = aiohttp.DummyCookieJar()
        self._session = aiohttp.ClientSession(connector=connector, timeout=self._timeout, cookie_jar=jar)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        if self._session:
            await self._session.close()

    async def send(self, request: Request) -> Answer:
        """See `Transport`."""
        assert self._session is not None
        self._check(request.url)
        options: dict[str, Any] = {"headers": dict(request.headers), "data": request.body or None}
        try:
            async with self._session.request(request.method, request.url, allow_redirects=False, **options) as response:
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status, headers, await _body(response))
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.__cause__, Refused):
                raise error.__cause__ from None
            raise NotSent from None
        except (aiohttp.ClientError, TimeoutError):
            raise Lost from None

    def _check(self, url: str) -> None:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if self._loopback and host in ("127.0.0.1", "localhost", "::1"):
            return
        if parts.scheme != "https" or host not in self._hosts or parts.username or _is_private(host):
            allowed = ", ".join(f"https://{one}" for one in sorted(self._hosts)) or "none"
            raise Refused(f"address {parts.scheme}://{host} is refused; allowed are: {allowed}")


async def _body(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for part in response.content.iter_chunked(1 << 16):
        body += part
        if len(body) > _LONGEST_ANSWER:
            raise Lost
    return bytes(body)


def _is_private(host: str) -> bool:
    try:
        return not is_public(host)
    except ValueError:  # a name, which is looked up when it is used
        return False
