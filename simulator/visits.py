"""Who visits on a day, on which device, logged in or not, and what comes of it."""

from dataclasses import dataclass

import numpy as np

from simulator.orders import GUEST_CHECKOUT, Orders, as_contact, taste
from simulator.population import BOT, MARKET_ORDERS, MARKET_SESSIONS, People
from simulator.window import Bools, Floats, Ints
from simulator.words import WEB
from simulator.world import World

NOT_AT_ALL = 1 << 30
WEEKDAYS = (0.94, 0.94, 0.94, 0.94, 0.94, 1.15, 1.15)
TO_BUY, TO_PUT_IN_CART = 4, 3  # the fewest events it takes
LATER_PAGE = 0.5  # how often a visit goes on by one page after the cart
BOUNCE, LONGEST, LONGEST_BOT = 0.18, 40, 200
LOGIN_WEB, LOGIN_APP, HALF_WAY = 0.55, 0.85, 0.4
DAYS_BEFORE_SIGN_UP = 3


@dataclass(frozen=True)
class Visits:
    """Visits of one day. `count` events each; `contact` stands on events from place `login` on (places from 0).

    `cart` is the place of the add-to-cart, -1 for none; `focus` the product it is about.
    """

    person: Ints
    device: Ints
    contact: Ints
    login: Ints
    count: Ints
    category: Ints
    focus: Ints
    burst: Bools
    cart: Ints
    buys: Bools
    is_bot: Bools


def day_visits(day: int, world: World, offered: Bools) -> Visits:
    """Draw the visits of one day, on which an offer stands for the people who are `offered`."""
    people, devices, window = world.people, world.devices, world.window
    rng = window.random(30, day)
    looking = people.in_market(day)
    rate = visit_rate(day, world)
    person = np.repeat(np.arange(len(rate)), rng.poisson(rate))
    n = len(person)
    is_bot = people.kind[person] == BOT
    buys = rng.random(n) < buying_chance(day, people, world.economics.factor(offered))[person]
    cart_chance = 0.12 + 0.1 * looking[person] + 0.08 * people.thrift[person]
    carts = (rng.random(n) < cart_chance) & ~is_bot & ~buys
    burst = (rng.random(n) < people.burst[person] * (1 + 0.5 * looking[person])) & ~is_bot
    count = _counts(is_bot, burst, rng)
    count = np.maximum(count, np.where(buys, TO_BUY, np.where(carts, TO_PUT_IN_CART, 1)))
    device = devices.pick(person, rng.random(n))
    category = taste(person, people, rng.random(n))
    contact = np.where(people.created[person] < day, as_contact(person, window.at(day), world, rng.random(n)), -1)
    at_checkout = count - np.where(buys, 3, 0)
    return Visits(
        person=person,
        device=device,
        contact=contact,
        login=_logins(contact, devices.platform[device], buys, at_checkout, rng),
        count=count,
        category=category,
        focus=world.catalog.pick(category, rng.random(n), people.thrift[person]),
        burst=burst,
        cart=np.where(
            buys, count - 2, np.where(carts, count - 1 - ((count > TO_PUT_IN_CART) & (rng.random(n) < LATER_PAGE)), -1)
        ),
        buys=buys,
        is_bot=is_bot,
    )


def bought(visits: Visits, at: Ints, platform: Ints) -> Orders:
    """The orders that visits end in. `at` is the moment of each purchase (ms), `platform` of each device.

    Who is not logged in at the end has ordered as a guest.
    """
    chosen = np.flatnonzero(visits.buys)
    known = visits.login[chosen] < visits.count[chosen]
    return Orders(
        person=visits.person[chosen],
        contact=np.where(known, visits.contact[chosen], -1),
        at=at,
        channel=platform[visits.device[chosen]],
        first_product=visits.focus[chosen],
    )


def visit_rate(day: int, world: World) -> Floats:
    """Visits expected on a day, by person."""
    people = world.people
    rate = people.session_rate * (1 + MARKET_SESSIONS * people.in_market(day))
    weekday = WEEKDAYS[world.window.date(day).weekday()]
    expected: Floats = rate * (people.created - DAYS_BEFORE_SIGN_UP <= day) * weekday
    return expected


def buying_chance(day: int, people: People, factor: Floats) -> Floats:
    """Chance that a visit ends in an order, by person: their orders a day come to their rate times the factor."""
    looking, in_market = people.in_market(day), people.stay / people.cycle
    online = people.order_rate * (1 - people.store_share) * (people.created < day) * (day < people.lapsed)
    orders = online * (1 + MARKET_ORDERS * looking) / (1 + MARKET_ORDERS * in_market)
    sessions = people.session_rate * (1 + MARKET_SESSIONS * looking)
    return np.minimum(factor * orders / np.maximum(sessions, 1e-9), 0.6)


def _counts(is_bot: Bools, burst: Bools, rng: np.random.Generator) -> Ints:
    """Events in each visit: some are one page, a burst of viewing is at least seven, bots take dozens."""
    n = len(is_bot)
    usual = 1 + (rng.random(n) > BOUNCE) * (1 + rng.poisson(6.6, n))
    count = np.minimum(np.where(burst, 7 + rng.poisson(4, n), usual), LONGEST)
    return np.where(is_bot, np.minimum(1 + rng.geometric(1 / 44, n), LONGEST_BOT), count)


def _logins(contact: Ints, platform: Ints, buys: Bools, at_checkout: Ints, rng: np.random.Generator) -> Ints:
    """The place from which each visit is logged in: at once, half-way, at checkout at the latest, or not at all."""
    n = len(contact)
    wants = rng.random(n) < np.where(platform == WEB, LOGIN_WEB, LOGIN_APP)
    late = rng.random(n) < HALF_WAY
    place = np.where(late, (rng.random(n) * np.maximum(at_checkout, 1)).astype(np.int64) + 1, 0)
    place = np.where(wants, place, NOT_AT_ALL)
    guest = rng.random(n) < GUEST_CHECKOUT
    place = np.where(buys, np.where(guest, NOT_AT_ALL, np.minimum(place, at_checkout)), place)
    return np.where(contact >= 0, place, NOT_AT_ALL)
