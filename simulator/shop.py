"""Writes a shop's exports as its vendors would, from a seed: the same seed gives the same bytes."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from simulator.economics import NULL
from simulator.export import write_day, write_past_orders, write_registers
from simulator.feed import make_feed
from simulator.pages import make_pages
from simulator.relations import write_relations
from simulator.window import Window
from simulator.world import make_world

Progress = Callable[[str, float], None]
EVENTS_A_DAY = 1.0  # per customer, strangers and bots included


PATTERNS = {
    "crm_contacts": "crm/contacts_*.csv",
    "crm_consents": "crm/consents_*.csv",
    "shop_products": "shop/products_*.csv",
    "shop_orders": "shop/orders_*.csv",
    "shop_order_lines": "shop/order_lines_*.csv",
    "web_events": "web/events_*.jsonl.gz",
    "demographics": "enrichment/demographics_*.parquet",
    "email_engagement": "email/email_engagement_*.jsonl",
    "support_tickets": "support/tickets_*.csv",
    "survey_answers": "surveys/survey_answers_*.csv",
    "loyalty_members": "crm/loyalty_members_*.csv",
    "shop_promotions": "shop/promotions_*.csv",
    "shop_order_discounts": "shop/order_discounts_*.csv",
    "shop_stock": "shop/stock_*.csv",
    "weather": "context/weather_*.csv",
}


class FolderTakenError(FileExistsError):
    """The folder to write into holds something already."""


@dataclass(frozen=True)
class Summary:
    """What was written: rows (repeats included) and files by source, and where."""

    folder: Path
    rows: dict[str, int]
    files: dict[str, int]


def simulate(
    customers: int,
    days: int,
    seed: int,
    out: Path,
    end: date = date(2026, 8, 31),
    events_per_customer: float | None = None,
    progress: Progress | None = None,
    world: str = NULL,
) -> Summary:
    """Write the exports of `days` days up to and including `end` under `out`, in full or not at all.

    About `events_per_customer` times `customers` events are written (strangers' and bots' included; one per customer
    and day unless given). `progress` is told a stage and its share done, 0 to 1. `world` is one of `economics.WORLDS`.

    Raises:
        ValueError: a number is out of its range.
        FolderTakenError: `out` exists and is not an empty folder.
    """
    per_customer = EVENTS_A_DAY * days if events_per_customer is None else events_per_customer
    _check(customers, days, seed, per_customer)
    report = progress or (lambda _stage, _share: None)
    with _in_full(out) as folder:
        report("people", 0.0)
        shop = make_world(customers, per_customer * customers, Window(end, days, seed), world)
        feed = make_feed(make_pages(shop.catalog), shop.devices, shop.contacts)
        rows = write_registers(shop, folder)
        more, reached = write_relations(shop, folder)
        rows |= more
        report("people", 1.0)
        carry = write_past_orders(shop, folder, rows)
        for day in range(days):
            report("days", day / days)
            carry = write_day(day, shop, carry, feed, folder, reached)
        report("days", 1.0)
        files = _files(folder)
    return Summary(out, carry.rows, files)


def _check(customers: int, days: int, seed: int, per_customer: float) -> None:
    """Refuse numbers that make no shop."""
    allowed = {
        "customers": (customers, 1, 20_000_000),
        "days": (days, 1, 1_000),
        "seed": (seed, 0, 2**31 - 1),
        "events_per_customer": (per_customer, 0, 1_000_000),
    }
    for name, (value, low, high) in allowed.items():
        if not low <= value <= high:
            raise ValueError(f"{name} is {value}; allowed: {low} to {high}")


@contextmanager
def _in_full(out: Path) -> Iterator[Path]:
    """Give a folder beside `out` that takes its name once everything is written, and goes away if anything fails."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FolderTakenError(f"{out} is not empty; allowed: a folder that is empty or does not exist yet")
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".tmp", dir=out.parent))
    try:
        yield folder
        folder.chmod(0o755)
        folder.replace(out)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _files(folder: Path) -> dict[str, int]:
    """Count the files of each source."""
    return {source: len(list(folder.glob(pattern))) for source, pattern in PATTERNS.items()}
