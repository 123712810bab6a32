"""Browsers and app installs: one to three a person, a few of them shared by two people of one household."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from simulator import words
from simulator.population import BOT, CUSTOMER, People
from simulator.window import Bools, Floats, Ints, Window, in_chunks

SLOTS = 3
SHARED = 0.006  # pairs of people per customer
SENDS_GPC = 0.06  # of browsers: Global Privacy Control is on


@dataclass(frozen=True)
class Devices:
    """`of` (people by 3) numbers each person's devices, -1 for none; the last device is the uptime checker's."""

    of: Ints
    count: Ints
    platform: Ints
    agent: tuple[str, ...]
    ids: pl.Series
    shared: Ints
    sends_gpc: Bools

    def pick(self, person: Ints, luck: Floats) -> Ints:
        """One of each person's devices, mostly the first."""
        slot = (self.count[person] * luck**1.7).astype(np.int64)
        return self.of[person, slot]


def make_devices(people: People, window: Window) -> Devices:
    """Draw everybody's devices. Bots and strangers are on the web or have one install."""
    rng = window.random(4)
    n = len(people.kind)
    count = np.where(people.kind == CUSTOMER, rng.choice([1, 2, 3], n, p=[0.55, 0.33, 0.12]), 1)
    person, slot = in_chunks(count)
    platform = np.append(_platforms(people.kind[person], slot, rng), words.WEB)
    of = np.full((n, SLOTS), -1)
    of[person, slot] = np.arange(len(person))
    agent_number = rng.integers(0, 1 << 16, len(platform))
    is_bot = np.append(people.kind[person] == BOT, [True])
    shared = _share(people, of, count, rng)
    number = scrambled(np.arange(len(platform)), window.seed, 7)
    return Devices(
        of=of,
        count=count,
        platform=platform,
        agent=_agents(platform, agent_number, is_bot),
        ids=pl.Series(["c", "d", "d"]).gather(platform) + number.cast(pl.String),
        shared=shared,
        sends_gpc=(rng.random(len(platform)) < SENDS_GPC) & (platform == words.WEB),
    )


def _platforms(kind: Ints, slot: Ints, rng: np.random.Generator) -> Ints:
    first = rng.choice([words.WEB, words.IOS, words.ANDROID], len(kind), p=[0.7, 0.16, 0.14])
    later = rng.choice([words.WEB, words.IOS, words.ANDROID], len(kind), p=[0.4, 0.33, 0.27])
    return np.where(kind == BOT, words.WEB, np.where(slot == 0, first, later))


def _share(people: People, of: Ints, count: Ints, rng: np.random.Generator) -> Ints:
    """Let some housemates (person i and i - 1) also use each other's first device: changes `of` and `count`."""
    lively = people.session_rate > np.median(people.session_rate)
    second = np.flatnonzero((people.household != np.arange(len(count))) & lively)
    second = second[lively[second - 1]]
    wanted = max(1, round(SHARED * int((people.kind == CUSTOMER).sum())))
    chosen = np.sort(rng.permutation(second)[:wanted])
    slot = np.minimum(count[chosen], SLOTS - 1)
    of[chosen, slot] = of[chosen - 1, 0]
    count[chosen] = slot + 1
    return chosen


def _agents(platform: Ints, number: Ints, is_bot: Bools) -> tuple[str, ...]:
    """Choose the user agent of each device; the last of the bots' is the uptime checker's alone."""
    usual = {p: words.AGENTS[p] for p in words.AGENTS}
    names = [
        words.BOT_AGENTS[k % (len(words.BOT_AGENTS) - 1)] if bot else usual[p][k % len(usual[p])]
        for p, k, bot in zip(platform.tolist(), number.tolist(), is_bot.tolist(), strict=True)
    ]
    return (*names[:-1], words.BOT_AGENTS[-1])


def scrambled(numbers: Ints, seed: int, stream: int) -> pl.Series:
    """Distinct 64-bit numbers that look random, one for each number (splitmix64: a bijection, so none repeats)."""
    step, first, second = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
    offset = np.uint64((seed * 1_000_003 + stream) % (1 << 32)) << np.uint64(31)
    z = (numbers.astype(np.uint64) + offset) * step
    z = (z ^ (z >> np.uint64(30))) * first
    z = (z ^ (z >> np.uint64(27))) * second
    return pl.Series(z ^ (z >> np.uint64(31)))
