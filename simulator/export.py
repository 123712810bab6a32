"""The files: registers once, orders and web events day by day, so that no more than a day is in memory."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from simulator.catalog import products
from simulator.clicks import day_clicks, uptime_checks
from simulator.contacts import contacts_export
from simulator.economics import LASTS_DAYS
from simulator.feed import Feed, deliver, schedule
from simulator.files import Rows, write_csv
from simulator.orders import (
    Basket,
    Orders,
    fill,
    joined,
    lines_export,
    order_ids,
    orders_export,
    past_orders,
    store_orders,
)
from simulator.pages import PURCHASE_PAGE
from simulator.people_exports import consents_export, demographics_export
from simulator.promotions import discounts_export
from simulator.relations import Reached
from simulator.truth import people_truth
from simulator.visits import bought, day_visits
from simulator.window import Bools
from simulator.world import World


@dataclass(frozen=True)
class Carry:
    """What one day hands to the next: the next order and event numbers, events still to come, rows so far."""

    order: int
    event: int
    pending: tuple[pl.DataFrame, ...]
    rows: Rows


def write_registers(world: World, folder: Path) -> Rows:
    """Write what is exported once, in full, and the truth beside it; the rows of each source."""
    for name in ("crm", "shop", "web", "enrichment", "_truth"):
        (folder / name).mkdir()
    people_truth(world).write_parquet(folder / "_truth" / "people.parquet")
    contacts, window = world.contacts, world.window
    demographics = demographics_export(contacts, world.people, window)
    demographics.write_parquet(folder / "enrichment" / f"demographics_{window.end}.parquet")
    registers = {
        "crm_contacts": ("crm/contacts", contacts_export(contacts, world.people, window)),
        "crm_consents": ("crm/consents", consents_export(contacts, window)),
        "shop_products": ("shop/products", products(world.catalog, window)),
    }
    for name, frame in registers.values():
        write_csv(frame, folder / f"{name}_{window.end}.csv")
    return {source: len(frame) for source, (_, frame) in registers.items()} | {"demographics": len(demographics)}


def write_past_orders(world: World, folder: Path, rows: Rows) -> Carry:
    """Write the back-log of orders, dated the day before the window."""
    carry = Carry(order=1, event=0, pending=(), rows=rows)
    orders = past_orders(world)
    basket = fill(orders, world.people, world.catalog, world.window.random(22))
    more = _write_orders(-1, orders, basket, carry, world, folder)
    return replace(carry, order=1 + len(orders), rows=_sum(rows, more))


def write_day(day: int, world: World, carry: Carry, feed: Feed, folder: Path, reached: Reached) -> Carry:
    """Write one day's orders, their lines and the 24 files of events, after the newsletters that reached people."""
    visits = day_visits(day, world, _offered(day, reached, len(world.people.kind)))
    clicks = day_clicks(day, visits, world, feed.searches)
    moments = clicks.filter(pl.col("page") == PURCHASE_PAGE)["at"].to_numpy()
    orders = joined(bought(visits, moments, world.devices.platform), store_orders(day, world))
    basket = fill(orders, world.people, world.catalog, world.window.random(23, day))
    rows = _write_orders(day, orders, basket, carry, world, folder)
    clicks = pl.concat([clicks, uptime_checks(day, world)])
    events = schedule(_numbered(clicks, basket, carry), day, world.window)
    waiting = pl.concat([*carry.pending, events])
    later = deliver(waiting, day, feed, world.window, folder / "web")
    rows["web_events"] = len(waiting) - len(later)
    return Carry(carry.order + len(orders), carry.event + len(clicks), (later,), _sum(carry.rows, rows))


def _offered(day: int, reached: Reached, people: int) -> Bools:
    """For whom the offer of a newsletter stands on a day."""
    lately = [who for sent, who in reached.items() if sent < day <= sent + LASTS_DAYS]
    offered: Bools = np.any([np.zeros(people, bool), *lately], axis=0)
    return offered


def _numbered(clicks: pl.DataFrame, basket: Basket, carry: Carry) -> pl.DataFrame:
    """Number the events, and give each purchase its order and the order's total: both go in order of visits."""
    bought_at = np.flatnonzero(clicks["page"].to_numpy() == PURCHASE_PAGE)
    order, value = np.full(len(clicks), -1), np.full(len(clicks), -1)
    order[bought_at] = carry.order + np.arange(len(bought_at))
    value[bought_at] = basket.total[: len(bought_at)]
    number = carry.event + np.arange(len(clicks))
    return clicks.with_columns(pl.Series("number", number), pl.Series("order", order), pl.Series("value", value))


def _write_orders(day: int, orders: Orders, basket: Basket, carry: Carry, world: World, folder: Path) -> Rows:
    """Write the orders of one file, numbered from where the last file ended, their lines and discounts."""
    rng = world.window.random(24, day)
    ids = order_ids(carry.order + np.arange(len(orders)))
    parts = {
        "orders": orders_export(orders, ids, world.contacts, rng),
        "order_lines": lines_export(basket, ids, world.catalog, rng),
        "order_discounts": discounts_export(day, orders, basket, ids, world),
    }
    for name, frame in parts.items():
        write_csv(frame, folder / "shop" / f"{name}_{world.window.date(day)}.csv")
    return {f"shop_{name}": len(frame) for name, frame in parts.items()}


def _sum(rows: Rows, more: Rows) -> Rows:
    return rows | {source: rows.get(source, 0) + count for source, count in more.items()}
