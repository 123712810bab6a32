"""Promotions by the fortnight, and the orders that used one: who is thrifty uses a code whenever there is one."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from simulator import words
from simulator.catalog import CATEGORY_COUNT, Catalog
from simulator.orders import Basket, Orders
from simulator.window import DAY, HISTORY_DAYS, Floats, Ints, Window
from simulator.world import World

FORTNIGHT = 14
FIRST_DAY = -HISTORY_DAYS - FORTNIGHT
EVERYTHING_PERCENT, CATEGORY_PERCENT, GOODWILL_PERCENT = 10, 25, 5
LEAST_USE, MOST_USE, GOODWILL = 0.03, 0.92, 0.015


@dataclass(frozen=True)
class Calendar:
    """One code for everything and one for a category in each fortnight from FIRST_DAY on; `category` by fortnight."""

    category: Ints
    everything_codes: pl.Series
    category_codes: pl.Series


def make_calendar(window: Window) -> Calendar:
    """Draw the category of each fortnight."""
    count = (window.days - FIRST_DAY) // FORTNIGHT + 1
    category = window.random(40).integers(0, CATEGORY_COUNT, count)
    names = [words.CATEGORIES[c][0].upper() for c in category.tolist()]
    return Calendar(
        category=category,
        everything_codes=pl.Series([f"SAVE{EVERYTHING_PERCENT}-{number:03}" for number in range(count)]),
        category_codes=pl.Series([f"{name}{CATEGORY_PERCENT}-{number:03}" for number, name in enumerate(names)]),
    )


def promotions_export(calendar: Calendar, window: Window) -> pl.DataFrame:
    """Write every promotion up to the window's end, two a fortnight; `valid_to` is the first moment after it."""
    start = window.at(0) + (FIRST_DAY + FORTNIGHT * np.arange(len(calendar.category))) * DAY
    known = start < window.at(window.days)
    categories = pl.Series([c[0] for c in words.CATEGORIES]).gather(calendar.category)
    kinds = (
        (calendar.everything_codes, EVERYTHING_PERCENT, pl.repeat(None, len(start), dtype=pl.String, eager=True)),
        (calendar.category_codes, CATEGORY_PERCENT, categories),
    )
    parts = [
        pl.DataFrame(
            {
                "promotion_code": codes,
                "discount_percent": pl.repeat(percent, len(start), dtype=pl.Int64, eager=True),
                "category": category,
                "valid_from": pl.Series(start).cast(pl.Datetime("ms")),
                "valid_to": pl.Series(start + FORTNIGHT * DAY).cast(pl.Datetime("ms")),
                "updated_at": pl.Series(start - DAY).cast(pl.Datetime("ms")),
            }
        ).filter(pl.Series(known))
        for codes, percent, category in kinds
    ]
    return pl.concat(parts).sort("valid_from", "promotion_code")


def discounts_export(day: int, orders: Orders, basket: Basket, ids: pl.Series, world: World) -> pl.DataFrame:
    """One row an order that a promotion or, without a code, goodwill made cheaper; the percentage of what it covers."""
    rng, calendar = world.window.random(41, day), make_calendar(world.window)
    fortnight = ((orders.at - world.window.at(0)) // DAY - FIRST_DAY) // FORTNIGHT
    covered = _worth_of_category(basket, fortnight, calendar, world.catalog, len(orders))
    wants = rng.random(len(orders)) < _use(world.people.thrift[orders.person])
    goodwill = ~wants & (rng.random(len(orders)) < GOODWILL)
    whole = np.where(wants, EVERYTHING_PERCENT, GOODWILL_PERCENT) * basket.total
    pence = np.where(wants & (covered > 0), CATEGORY_PERCENT * covered, whole) // 100
    code = pl.select(
        pl.when(pl.Series(goodwill))
        .then(None)
        .when(pl.Series(covered > 0))
        .then(calendar.category_codes.gather(fortnight))
        .otherwise(calendar.everything_codes.gather(fortnight))
    ).to_series()
    frame = pl.DataFrame(
        {
            "order_id": ids,
            "promotion_code": code,
            "discount_amount": pence / 100,
            "applied_at": pl.Series(orders.at).cast(pl.Datetime("ms")),
        }
    )
    return frame.filter(pl.Series((wants | goodwill) & (pence > 0))).sort("applied_at", "order_id")


def _use(thrift: Floats) -> Floats:
    """How often an order uses a code: the thriftier, the more."""
    share: Floats = LEAST_USE + (MOST_USE - LEAST_USE) * thrift**1.5
    return share


def _worth_of_category(basket: Basket, fortnight: Ints, calendar: Calendar, catalog: Catalog, orders: int) -> Ints:
    """Pence of each order's lines that are in its fortnight's category."""
    is_covered = catalog.category[basket.product] == calendar.category[fortnight[basket.order]]
    worth = (catalog.price[basket.product] * basket.quantity * is_covered).astype(float)
    return np.bincount(basket.order, weights=worth, minlength=orders).astype(np.int64)
