"""Orders and their lines: a back-log before the window, then a file a day."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from simulator import words
from simulator.catalog import Catalog
from simulator.contacts import Contacts, spelled
from simulator.population import CUSTOMER, People
from simulator.window import DAY, HISTORY_DAYS, HOUR, SECOND, Floats, Ints, in_chunks
from simulator.world import World

STORE = len(words.PLATFORMS)
CHANNELS = pl.Series([*words.PLATFORMS, "store"])
STATUSES = pl.Series(["completed", "cancelled", "returned"])
STATUS_SHARES = (0.91, 0.04, 0.05)
LINES = (0.42, 0.28, 0.16, 0.09, 0.05)
GUEST_CHECKOUT = 0.06
OTHER_CONTACT = 0.35  # how often those who have two contacts use the second
REPEATED = 0.004


@dataclass(frozen=True)
class Orders:
    """Orders of one stretch of time: who (and as which contact, -1 for a guest), when (ms), how, what first."""

    person: Ints
    contact: Ints
    at: Ints
    channel: Ints
    first_product: Ints

    def __len__(self) -> int:
        """How many orders."""
        return len(self.person)


@dataclass(frozen=True)
class Basket:
    """The lines of orders, grouped by order; `total` is by order, in pence."""

    order: Ints
    number: Ints
    product: Ints
    quantity: Ints
    total: Ints


def past_orders(world: World) -> Orders:
    """Draw what was ordered in the 400 days before the window, in order of time."""
    people, devices = world.people, world.devices
    rng = world.window.random(20)
    begin = np.maximum(people.created + 1, -HISTORY_DAYS)
    length = np.maximum(np.minimum(people.lapsed, 0) - begin, 0)
    person = np.repeat(np.arange(len(length)), rng.poisson(people.order_rate * length))
    day = begin[person] + (rng.random(len(person)) * length[person]).astype(np.int64)
    at = world.window.at(0) + day * DAY + _moments(len(person), rng)
    by_time = np.lexsort((person, at))
    person, at = person[by_time], at[by_time]
    in_store = rng.random(len(person)) < people.store_share[person]
    online = devices.platform[devices.pick(person, rng.random(len(person)))]
    return Orders(
        person=person,
        contact=_contact(person, at, world, rng),
        at=at,
        channel=np.where(in_store, STORE, online),
        first_product=_products(person, people, world.catalog, rng),
    )


def store_orders(day: int, world: World) -> Orders:
    """Draw what was ordered in the shops on one day of the window: no web event tells of it."""
    people = world.people
    rng = world.window.random(21, day)
    open_to_buy = (people.created < day) & (day < people.lapsed)
    person = np.repeat(np.arange(len(people.kind)), rng.poisson(people.order_rate * people.store_share * open_to_buy))
    at = world.window.at(day) + _moments(len(person), rng)
    return Orders(
        person=person,
        contact=_contact(person, at, world, rng),
        at=at,
        channel=np.full(len(person), STORE),
        first_product=_products(person, people, world.catalog, rng),
    )


def joined(first: Orders, second: Orders) -> Orders:
    """Two lots of orders as one, the first's before the second's."""
    return Orders(*(np.append(a, b) for a, b in zip(_columns(first), _columns(second), strict=True)))


def fill(orders: Orders, people: People, catalog: Catalog, rng: np.random.Generator) -> Basket:
    """Draw one to five lines for each order: the first is known, the others follow the person's taste."""
    counts = rng.choice(np.arange(1, len(LINES) + 1), len(orders), p=LINES)
    order, number = in_chunks(counts)
    product = _products(orders.person[order], people, catalog, rng)
    product = np.where(number == 0, orders.first_product[order], product)
    quantity = rng.choice([1, 2, 3, 4], len(order), p=[0.82, 0.12, 0.04, 0.02])
    worth = (catalog.price[product] * quantity).astype(float)
    total = np.bincount(order, weights=worth, minlength=len(orders)).astype(np.int64)
    return Basket(order=order, number=number + 1, product=product, quantity=quantity, total=total)


def order_ids(numbers: Ints) -> pl.Series:
    """Order numbers as the shop prints them."""
    return pl.select(pl.lit("O") + pl.Series(numbers).cast(pl.String).str.zfill(9)).to_series()


def orders_export(orders: Orders, ids: pl.Series, contacts: Contacts, rng: np.random.Generator) -> pl.DataFrame:
    """One row an order, and a few rows twice, in order of time."""
    n = len(orders)
    known = pl.concat([contacts.ids, pl.Series([None], dtype=pl.String)])
    frame = pl.DataFrame(
        {
            "order_id": ids,
            "contact_id": known.gather(np.where(orders.contact < 0, len(contacts.ids), orders.contact)),
            "email": spelled(contacts.email.gather(orders.person), rng.random(n)),
            "ordered_at": pl.Series(orders.at).cast(pl.Datetime("ms")),
            "status": STATUSES.gather(rng.choice(len(STATUSES), n, p=STATUS_SHARES)),
            "channel": CHANNELS.gather(orders.channel),
            "currency": pl.repeat("GBP", n, dtype=pl.String, eager=True),
        }
    )
    return repeat_some(frame.sort("ordered_at", "order_id"), rng)


def lines_export(basket: Basket, ids: pl.Series, catalog: Catalog, rng: np.random.Generator) -> pl.DataFrame:
    """One row a line, and a few rows twice."""
    frame = pl.DataFrame(
        {
            "order_id": ids.gather(basket.order),
            "line_number": basket.number,
            "product_id": pl.Series(catalog.ids).gather(basket.product),
            "quantity": basket.quantity,
            "unit_price_amount": catalog.price[basket.product] / 100,
        }
    )
    return repeat_some(frame, rng)


def repeat_some(frame: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Add a few rows once more at the end, as a vendor's job that was restarted does."""
    again = np.flatnonzero(rng.random(len(frame)) < REPEATED)
    return pl.concat([frame, frame[again.tolist()]])


def _columns(orders: Orders) -> tuple[Ints, ...]:
    return orders.person, orders.contact, orders.at, orders.channel, orders.first_product


def as_contact(person: Ints, at: Ints | int, world: World, luck: Floats) -> Ints:
    """Choose the contact customers act as: those who have two by then use either; -1 for everybody else."""
    twin = world.contacts.twin[person]
    has_two = (twin >= 0) & (world.contacts.created[twin] < at)
    own = np.where(has_two & (luck < OTHER_CONTACT), twin, person)
    return np.where(world.people.kind[person] == CUSTOMER, own, -1)


def _contact(person: Ints, at: Ints, world: World, rng: np.random.Generator) -> Ints:
    known = as_contact(person, at, world, rng.random(len(person)))
    return np.where(rng.random(len(person)) < GUEST_CHECKOUT, -1, known)


def _products(person: Ints, people: People, catalog: Catalog, rng: np.random.Generator) -> Ints:
    category = taste(person, people, rng.random(len(person)))
    return catalog.pick(category, rng.random(len(person)), people.thrift[person])


def taste(person: Ints, people: People, luck: Floats) -> Ints:
    """Draw a category for each person from their taste."""
    found: Ints = (people.taste[person] < luck[:, None]).sum(axis=1)
    return found.clip(max=people.taste.shape[1] - 1)


def _moments(n: int, rng: np.random.Generator) -> Ints:
    """Moments within a shop's day, in whole seconds."""
    return (rng.triangular(8 * HOUR, 15 * HOUR, 21 * HOUR, n) // SECOND).astype(np.int64) * SECOND
