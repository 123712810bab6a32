"""How fast and how patiently: a clock that tests can replace, a token bucket, and waiting with jitter."""

import asyncio
import time
from random import Random
from typing import Protocol

_BASE_SECONDS, _LONGEST_SECONDS = 0.5, 60.0
_MOMENT = 1e-9


class Clock(Protocol):
    """Time as delivery knows it."""

    def now(self) -> float:
        """Seconds that only grow."""

    async def sleep(self, seconds: float) -> None:
        """Wait so long."""


class SystemClock:
    """The machine's."""

    def now(self) -> float:
        """Seconds since some moment."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Let others go on meanwhile."""
        await asyncio.sleep(seconds)


class Bucket:
    """Tokens that come at a rate, up to `burst` in store; who takes one when there is none waits.

    As one number, the time at which the store is full again (the generic cell rate algorithm).
    """

    def __init__(self, clock: Clock, rate: float, burst: int) -> None:
        """Full; `rate` is in tokens a second."""
        self._clock, self._seconds, self._burst = clock, 1.0 / rate, burst
        self._full_at = self._paused_until = clock.now()

    async def take(self) -> None:
        """One token."""
        self._full_at = max(self._full_at, self._clock.now()) + self._seconds
        begin = self._full_at - self._burst * self._seconds
        while (wait := max(begin, self._paused_until) - self._clock.now()) > _MOMENT:
            await self._clock.sleep(wait)

    def pause(self, seconds: float) -> None:
        """Give none for so long: the destination said so, for all of its calls."""
        self._paused_until = max(self._paused_until, self._clock.now() + seconds)


def patience(attempt: int, random: Random, told: float | None) -> float:
    """Seconds before the next attempt: what the destination told, and at random up to twice as long each time.

    "Full jitter" of Marc Brooker's "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
    """
    ours = random.uniform(0.0, min(_LONGEST_SECONDS, _BASE_SECONDS * 2.0**attempt))
    return ours if told is None else told + ours / 4
