"""What is exported about people and the world besides behaviour: letters, service, opinion, loyalty, weather, stock.

Each export draws from generators of its own, so that the ones before it stay as they are, byte for byte.
"""

from pathlib import Path

import numpy as np
import polars as pl

from simulator.campaigns import campaign, campaign_days, make_readers
from simulator.files import Rows, write_csv
from simulator.loyalty import members_export
from simulator.promotions import make_calendar, promotions_export
from simulator.service import answers_export, make_tickets, tickets_export
from simulator.stock import stock_export
from simulator.weather import weather_export
from simulator.window import Bools
from simulator.world import World

Reached = dict[int, Bools]  # by the day on which a newsletter was sent: the people whom it reached


def write_relations(world: World, folder: Path) -> tuple[Rows, Reached]:
    """Write these exports for the whole window; the rows of each source, and whom each newsletter reached.

    A day without rows has no file.
    """
    for name in ("email", "support", "surveys", "context"):
        (folder / name).mkdir()
    tickets = make_tickets(world)
    window, end = world.window, world.window.end
    registers = {
        "loyalty_members": ("crm/loyalty_members", members_export(world)),
        "shop_promotions": ("shop/promotions", promotions_export(make_calendar(window), window)),
        "weather": ("context/weather", weather_export(window)),
    }
    for name, frame in registers.values():
        write_csv(frame, folder / f"{name}_{end}.csv")
    rows = {source: len(frame) for source, (_, frame) in registers.items()}
    rows["support_tickets"] = _by_day(tickets_export(tickets, world), folder / "support" / "tickets", world)
    rows["survey_answers"] = _by_day(answers_export(tickets, world), folder / "surveys" / "survey_answers", world)
    rows["shop_stock"] = _by_day(stock_export(world.catalog, window), folder / "shop" / "stock", world)
    rows["email_engagement"], reached = _write_campaigns(world, folder / "email")
    return rows, reached


def _by_day(frame: pl.DataFrame, stem: Path, world: World) -> int:
    """Write a CSV for each value of `day`, the window's day before holding the back-log."""
    for (day,), part in frame.group_by("day", maintain_order=True):
        write_csv(part.drop("day"), stem.with_name(f"{stem.name}_{world.window.date(int(str(day)))}.csv"))
    return len(frame)


def _write_campaigns(world: World, folder: Path) -> tuple[int, Reached]:
    """Write each campaign's events to the files of its days; their rows, and whom each reached."""
    readers = make_readers(world.contacts, world.people, world.window)
    gone, rows, reached = np.zeros(len(world.contacts.person), bool), 0, Reached()
    for day in campaign_days(world.window):
        events, reached[day] = campaign(day, world, readers, gone)
        rows += len(events)
        for (date,), part in events.group_by(pl.col("occurred_at").dt.date(), maintain_order=True):
            moment = part["occurred_at"].dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
            part.with_columns(moment).write_ndjson(folder / f"email_engagement_{date}.jsonl")
    return rows, reached
