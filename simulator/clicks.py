"""Visits become events: what is looked at, in what order, and when."""

import numpy as np
import polars as pl

from simulator import words
from simulator.catalog import CATEGORY_COUNT, Catalog
from simulator.pages import CART_PAGE, CATEGORY_PAGE, PRODUCT_PAGE, PURCHASE_PAGE, SEARCH_PAGE
from simulator.population import People
from simulator.visits import Visits
from simulator.window import DAY, HOUR, SECOND, Ints, in_chunks
from simulator.world import World

LONGEST_GAP = 20 * 60 * SECOND
VIEWS, SEARCHES = 0.6, 0.12  # of events; what is left are pages
CATEGORY_PAGES, ELSEWHERE = 0.55, 0.45  # of pages; of product views: another category than the visit's


def day_clicks(day: int, visits: Visits, world: World, searches: int) -> pl.DataFrame:
    """Draw the events of one day's visits, one row each, visit by visit.

    Columns (integers, -1 for none): visit, at (ms), page, device, contact, referrer.
    """
    rng = world.window.random(31, day)
    visit, place = in_chunks(visits.count)
    at = world.window.at(day) + _times(visits, world.people, visit, place, rng)
    page = _pages(visits, world, searches, visit, place, rng)
    at = np.where(page == PURCHASE_PAGE, at // SECOND * SECOND, at)
    referrer = rng.integers(-2, len(words.REFERRERS), len(visit))
    return pl.DataFrame(
        {
            "visit": visit,
            "at": at,
            "page": page,
            "device": visits.device[visit],
            "contact": np.where(place >= visits.login[visit], visits.contact[visit], -1),
            "referrer": np.where(place == 0, np.maximum(referrer, -1), -1),
        }
    )


def uptime_checks(day: int, world: World) -> pl.DataFrame:
    """One page view in every hour by the shop's own uptime checker: no hour of the export is empty."""
    hours = np.arange(24)
    minute = world.window.random(32, day).integers(0, 60, 24)
    none = np.full(24, -1)
    return pl.DataFrame(
        {
            "visit": none,
            "at": world.window.at(day) + hours * HOUR + minute * 60 * SECOND,
            "page": np.zeros(24, np.int64),
            "device": np.full(24, len(world.devices.platform) - 1),
            "contact": none,
            "referrer": none,
        }
    )


def _times(visits: Visits, people: People, visit: Ints, place: Ints, rng: np.random.Generator) -> Ints:
    """Draw moments in ms from midnight: gaps of two seconds to twenty minutes; a visit ends on the day it began."""
    mean = np.where(visits.is_bot, 0.2, np.where(visits.burst, 18.0, 75.0))[visit]
    gap = (2 + rng.exponential(mean)) * SECOND
    gap = np.where(place == 0, 0, np.minimum(gap, LONGEST_GAP)).astype(np.int64)
    elapsed = np.cumsum(gap)
    first = np.cumsum(visits.count) - visits.count
    elapsed -= elapsed[first][visit]
    length = elapsed[first + visits.count - 1]
    hour = np.where(visits.is_bot, rng.uniform(0, 24, len(length)), rng.normal(people.hour[visits.person], 2.5))
    start = ((hour % 24) * HOUR).astype(np.int64)
    moments: Ints = np.minimum(start, DAY - SECOND - length)[visit] + elapsed
    return moments


def _pages(visits: Visits, world: World, searches: int, visit: Ints, place: Ints, rng: np.random.Generator) -> Ints:
    """Draw what each event is. A visit begins on a page; what goes into the cart was looked at just before."""
    n = len(visit)
    burst = visits.burst[visit]
    what = rng.random(n)
    viewed = PRODUCT_PAGE + _products(visits, world.people, world.catalog, visit, place, rng)
    around = np.where(
        rng.random(n) < CATEGORY_PAGES, CATEGORY_PAGE + visits.category[visit], rng.integers(0, CATEGORY_PAGE, n)
    )
    searched = SEARCH_PAGE + rng.integers(0, searches, n)
    page = np.where(what < VIEWS, viewed, np.where(what < VIEWS + SEARCHES, searched, around))
    page = np.where(burst, viewed, page)
    page = np.where(place == 0, around, page)
    cart, focus = visits.cart[visit], visits.focus[visit]
    page = np.where((cart > 0) & (place == cart - 1) & (place > 0), PRODUCT_PAGE + focus, page)
    page = np.where((cart >= 0) & (place == cart), CART_PAGE + focus, page)
    return np.where(visits.buys[visit] & (place == visits.count[visit] - 1), PURCHASE_PAGE, page)


def _products(
    visits: Visits, people: People, catalog: Catalog, visit: Ints, place: Ints, rng: np.random.Generator
) -> Ints:
    """Draw the product of each view: in a burst one after the other of a category, else mostly of one category."""
    n = len(visit)
    category = visits.category[visit]
    elsewhere = rng.random(n) < ELSEWHERE
    category = np.where(elsewhere & ~visits.burst[visit], rng.integers(0, CATEGORY_COUNT, n), category)
    person = visits.person[visit]
    chosen = catalog.pick(category, rng.random(n), people.thrift[person])
    step = (visits.focus[visit] - catalog.first[category] + place) % catalog.size[category]
    return np.where(visits.burst[visit], catalog.first[category] + step, chosen)
