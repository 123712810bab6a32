"""What an offer does to each person, which no export tells: in a null world nothing, in a harmful one only harm.

An offer comes with the newsletter. Where offers do something, a tenth is left out of each by lot, so that what they
do can be measured from the exports alone.
"""

from dataclasses import dataclass

import numpy as np

from simulator.population import BOT, People
from simulator.window import Bools, Floats, Window

NULL, ORDINARY, HARMFUL = "null", "ordinary", "harmful"
WORLDS = (NULL, ORDINARY, HARMFUL)
LASTS_DAYS = 7  # from the day after it was sent
LEFT_OUT = 0.1
ANNOYED = 3.0  # how many times as many unsubscribe where offers harm


@dataclass(frozen=True)
class Economics:
    """How offers act; `offer_effect`, by person, is the log of the factor on the chance of an order a visit."""

    kind: str
    offer_effect: Floats

    @property
    def leaves(self) -> float:
        """How many times as many readers unsubscribe as in a null world."""
        return ANNOYED if self.kind == HARMFUL else 1.0

    def invited(self, day: int, people: int, window: Window) -> Bools:
        """Who is not left out of the newsletter of that day, by person."""
        if self.kind == NULL:
            return np.ones(people, bool)
        return window.random(45, day).random(people) >= LEFT_OUT

    def factor(self, offered: Bools) -> Floats:
        """What the chance of an order is multiplied by, by person, where those `offered` have an offer."""
        return np.exp(np.where(offered, self.offer_effect, 0.0))


def make_economics(kind: str, people: People, window: Window) -> Economics:
    """Draw how offers act on everybody.

    In an ordinary world the thrifty are won, by half as much again on average, and some who would have bought anyway
    are put off; in a harmful one everybody is put off, the less thrifty the more.

    Raises:
        ValueError: there is no such world.
    """
    if kind not in WORLDS:
        raise ValueError(f"world is {kind!r}; allowed: {', '.join(WORLDS)}")
    chance = window.random(44).normal(0.0, 0.2, len(people.kind))
    effects = {
        NULL: np.zeros(len(people.kind)),
        ORDINARY: 1.6 * people.thrift - 0.4 + chance,
        HARMFUL: -np.abs(0.3 + 0.8 * (1 - people.thrift) + chance),
    }
    return Economics(kind, np.where(people.kind == BOT, 0.0, effects[kind]))
