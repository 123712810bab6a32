"""How likely everybody really is to order: what a score can at best come to, and what an offer would change.

Visits and orders in shops come as Poisson processes whose rates are known here, so that chances are exact. For
evaluation only; the pipeline never reads it.
"""

import numpy as np

from simulator.orders import STATUS_SHARES
from simulator.visits import buying_chance, visit_rate
from simulator.window import Bools, Floats
from simulator.world import World


def expected_orders(world: World, first_day: int, days: int, offered: Bools | None = None) -> Floats:
    """Orders that each person is expected to place in these days, by person; `offered` have an offer all the while."""
    people = world.people
    factor = world.economics.factor(np.zeros(len(people.kind), bool) if offered is None else offered)
    total = np.zeros(len(people.kind))
    for day in range(first_day, first_day + days):
        online = visit_rate(day, world) * buying_chance(day, people, factor)
        open_to_buy = (people.created < day) & (day < people.lapsed)
        total += online + people.order_rate * people.store_share * open_to_buy
    return total


def order_chance(world: World, first_day: int, days: int, offered: Bools | None = None) -> Floats:
    """The chance of at least one order in these days that is neither cancelled nor returned, by person."""
    return 1.0 - np.exp(-STATUS_SHARES[0] * expected_orders(world, first_day, days, offered))
