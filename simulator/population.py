"""Everybody who can turn up, with hidden traits the exports never tell: customers, guests, strangers, bots."""

from dataclasses import dataclass

import numpy as np

from simulator.catalog import CATEGORY_COUNT
from simulator.window import Bools, Floats, Ints, Window

CUSTOMER, GUEST, STRANGER, BOT = 0, 1, 2, 3
KINDS = ("customer", "guest", "stranger", "bot")
GUEST_SHARE, STRANGER_SHARE, BOT_SHARE = 0.05, 0.33, 0.004  # per customer
EVENT_SHARE = (0.68, 0.03, 0.19, 0.09)  # of all events, by kind
MEAN_EVENTS = (7.4, 7.4, 7.3, 45.0)  # in one session, by kind
MARKET_SESSIONS, MARKET_ORDERS = 1.5, 10.0  # what being in the market adds to the usual rates
NEVER = 1_000_000
TOGETHER, OFFLINE, ENTHUSIASTS, NEW, LAPSED, SHOPPERS = 0.12, 0.2, 0.2, 0.07, 0.1, 0.65  # shares of customers


@dataclass(frozen=True)
class People:
    """Hidden traits, one entry a person; rates are per day, days count from the window's first.

    `taste` (people by categories) is cumulative along its rows. A person is in the market for `stay` of every
    `cycle` days. `created` is the day of sign-up, `lapsed` the day of the last possible order.
    """

    kind: Ints
    taste: Floats
    session_rate: Floats
    order_rate: Floats
    store_share: Floats
    thrift: Floats
    burst: Floats
    hour: Floats
    created: Ints
    lapsed: Ints
    household: Ints
    cycle: Ints
    stay: Ints
    phase: Ints

    def in_market(self, day: int) -> Bools:
        """Who is looking to buy on a day: they come more often, and more of their visits end in an order."""
        return (day + self.phase) % self.cycle < self.stay

    def where(self, kind: int) -> Ints:
        """The numbers of the people of a kind."""
        return np.flatnonzero(self.kind == kind)


def make_people(customers: int, events: float, window: Window) -> People:
    """Draw everybody; session rates are scaled so that the window holds about `events` events."""
    rng = window.random(3)
    kind = _kinds(customers)
    n = len(kind)
    household = np.arange(n)
    together = (rng.random(n) < TOGETHER) & (kind == CUSTOMER) & (household > 0)
    household[together] -= 1
    created, lapsed = _lifetimes(kind, window, rng)
    order_rate = _order_rates(kind, rng)
    cycle = rng.integers(30, 61, n)
    stay = rng.integers(6, 16, n)
    activity = rng.lognormal(0, 0.8, n) * (0.35 + np.sqrt(order_rate * 365 / 2.0).clip(0, 3))
    activity *= np.where(lapsed < NEVER, 0.3, 1.0)
    offline = (kind == CUSTOMER) & (rng.random(n) < OFFLINE)
    activity[offline] = 0.0
    return People(
        kind=kind,
        taste=np.cumsum(rng.dirichlet(np.full(CATEGORY_COUNT, 0.35), n), axis=1),
        session_rate=_session_rates(kind, activity, cycle, stay, events / window.days),
        order_rate=order_rate,
        store_share=np.where(offline, 1.0, rng.beta(1, 6, n)),
        thrift=rng.beta(2, 2, n),
        burst=np.where(rng.random(n) < ENTHUSIASTS, 0.12, 0.008),
        hour=rng.choice([8.0, 12.5, 18.0, 20.5], n, p=[0.15, 0.2, 0.25, 0.4]),
        created=created,
        lapsed=lapsed,
        household=household,
        cycle=cycle,
        stay=stay,
        phase=rng.integers(0, 1_000, n),
    )


def _kinds(customers: int) -> Ints:
    """Customers first, so that a customer's number is also their first contact's."""
    shares = (1.0, GUEST_SHARE, STRANGER_SHARE, BOT_SHARE)
    counts = [max(round(customers * share), 2) if k else customers for k, share in enumerate(shares)]
    return np.repeat(np.arange(len(shares)), counts)


def _lifetimes(kind: Ints, window: Window, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Day of sign-up (7 % of customers in the window) and day of the last order."""
    n = len(kind)
    created = np.where(rng.random(n) < NEW, rng.integers(0, window.days, n), -rng.integers(1, 1_100, n))
    created[kind != CUSTOMER] = -NEVER
    gone = window.days - rng.integers(91, 330, n)
    lapsed = np.where((rng.random(n) < LAPSED) & (kind == CUSTOMER) & (created < gone), gone, NEVER)
    return created, lapsed


def _order_rates(kind: Ints, rng: np.random.Generator) -> Floats:
    """Orders a day: 65 % of customers are shoppers, a few of them frequent; guests order now and then."""
    n = len(kind)
    yearly = np.where(rng.random(n) < SHOPPERS, rng.lognormal(np.log(1.9), 1.05, n).clip(0, 40), 0.02)
    yearly[kind == GUEST] = rng.lognormal(np.log(1.2), 0.4, int((kind == GUEST).sum()))
    yearly[kind >= STRANGER] = 0.0
    return yearly / 365


def _session_rates(kind: Ints, activity: Floats, cycle: Ints, stay: Ints, events_a_day: float) -> Floats:
    """Sessions a day, so that each kind of person makes its share of the events."""
    activity = np.where(kind == BOT, 1.0, activity)
    weight = activity * (1 + MARKET_SESSIONS * stay / cycle)
    sums = np.bincount(kind, weights=weight, minlength=len(KINDS))
    per_kind = events_a_day * np.array(EVENT_SHARE) / np.array(MEAN_EVENTS) / np.maximum(sums, 1e-9)
    rate: Floats = activity * per_kind[kind]
    return rate
