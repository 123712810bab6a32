"""The web feed: which hourly file an event arrives in, and its line of JSON."""

import gzip
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from simulator import words
from simulator.contacts import Contacts
from simulator.devices import Devices, scrambled
from simulator.orders import order_ids
from simulator.pages import Pages, members
from simulator.window import HOUR, Ints, Window

LATE, REPEATED = 0.01, 0.01
LATEST_HOURS, REPEAT_HOURS = 48, 24
REPEATED_AT_ONCE = 0.5  # of the repeated: in the same file
WRITERS = 2


@dataclass(frozen=True)
class Feed:
    """Parts of lines that many events share, by number; contact and referrer end with an empty one for none.

    `searches` is how many search pages there are.
    """

    page: pl.Series
    device: pl.Series
    contact: pl.Series
    referrer: pl.Series
    searches: int


def make_feed(pages: Pages, devices: Devices, contacts: Contacts) -> Feed:
    """Write out what is said about each page, device, login and referrer."""
    visitors = [
        members({visitor_column(p): i, "platform": words.PLATFORMS[p], "user_agent": a})
        + (members({"global_privacy_control": True}) if gpc else "")
        for p, i, a, gpc in zip(
            devices.platform.tolist(), devices.ids.to_list(), devices.agent, devices.sends_gpc.tolist(), strict=True
        )
    ]
    users = pl.select(pl.lit(',"user_id":"') + contacts.ids + pl.lit('"')).to_series()
    none = pl.Series([""])
    return Feed(
        page=pages.members,
        device=pl.Series(visitors),
        contact=pl.concat([users.rename(""), none]),
        referrer=pl.Series([*(members({"referrer": url}) for url in words.REFERRERS), ""]),
        searches=pages.searches,
    )


def visitor_column(platform: int) -> str:
    """The column that a device's id stands in: apps have an install id, browsers a cookie."""
    return "anonymous_id" if platform == words.WEB else "device_id"


def schedule(clicks: pl.DataFrame, day: int, window: Window) -> pl.DataFrame:
    """Add `file`, the hour (since 1970) whose file brings the event: mostly its own.

    One in a hundred comes up to 48 hours late; one in a hundred comes twice, the same line again in the same file
    or a later one. Nothing comes after the window's last hour.
    """
    rng = window.random(33, day)
    n = len(clicks)
    own = clicks["at"].to_numpy() // HOUR
    late = np.where(rng.random(n) < LATE, rng.integers(1, LATEST_HOURS + 1, n), 0)
    last = window.at(window.days) // HOUR - 1
    file = np.minimum(own + late, last)
    once = clicks.with_columns(pl.Series("file", file))
    again = np.flatnonzero(rng.random(n) < REPEATED)
    delay = np.where(rng.random(len(again)) < REPEATED_AT_ONCE, 0, rng.integers(1, REPEAT_HOURS + 1, len(again)))
    twice = once[again.tolist()].with_columns(pl.Series("file", np.minimum(file[again] + delay, last)))
    return pl.concat([once, twice])


def deliver(events: pl.DataFrame, day: int, feed: Feed, window: Window, folder: Path) -> pl.DataFrame:
    """Write the day's 24 files from the events due by then, and hand back those that come later."""
    midnight = window.at(day + 1) // HOUR
    due = events.filter(pl.col("file") < midnight).sort("file", "at", "number", maintain_order=True)
    lines = _lines(due, feed, window.seed)
    hours = np.arange(window.at(day) // HOUR, midnight)
    cuts = np.searchsorted(due["file"].to_numpy(), np.append(hours, midnight))
    paths = [folder / f"events_{window.date(day)}T{hour:02d}.jsonl.gz" for hour in range(24)]
    parts = (lines[a:b] for a, b in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True))
    with ThreadPoolExecutor(WRITERS) as pool:  # compressing runs outside the interpreter's lock
        list(pool.map(_write, paths, parts))
    return events.filter(pl.col("file") >= midnight)


def _lines(events: pl.DataFrame, feed: Feed, seed: int) -> pl.Series:
    """One line of JSON an event; what does not apply is absent."""
    column = {name: events[name].to_numpy() for name in ("page", "device", "contact", "referrer", "order", "value")}
    moment = events["at"].cast(pl.Datetime("ms")).dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
    parts = pl.DataFrame(
        {
            "id": scrambled(events["number"].to_numpy(), seed, 8).cast(pl.String),
            "moment": moment,
            "page": feed.page.gather(column["page"]),
            "device": feed.device.gather(column["device"]),
            "contact": feed.contact.gather(_or_last(column["contact"], feed.contact)),
            "referrer": feed.referrer.gather(_or_last(column["referrer"], feed.referrer)),
            "order": _order_members(column["order"], column["value"]),
        }
    )
    line = pl.concat_str(
        pl.lit('{"event_id":"e'), "id", pl.lit('","occurred_at":"'), "moment", pl.lit('"'),
        "page", "device", "contact", "referrer", "order", pl.lit("}\n"),
    )  # fmt: skip
    return parts.select(line.alias("line")).to_series()


def _order_members(order: Ints, value: Ints) -> pl.Series:
    """Order number and total in pounds for purchases, empty for everything else."""
    bought = np.flatnonzero(order >= 0)
    pounds, pence = (pl.Series(part).cast(pl.String) for part in divmod(value[bought], 100))
    parts = pl.DataFrame({"order": order_ids(order[bought]), "pounds": pounds, "pence": pence.str.zfill(2)})
    text = parts.select(pl.format(',"order_id":"{}","value_amount":{}.{}', "order", "pounds", "pence").alias("text"))
    place = np.full(len(order), len(bought))
    place[bought] = np.arange(len(bought))
    return pl.concat([text.to_series(), pl.Series("text", [""])]).gather(place)


def _or_last(number: Ints, fragments: pl.Series) -> Ints:
    return np.where(number < 0, len(fragments) - 1, number)


def _write(path: Path, lines: pl.Series) -> None:
    """Write one compressed file; its header carries no time, so the same lines are the same bytes."""
    text = "".join(lines.to_list())
    path.write_bytes(gzip.compress(text.encode(), compresslevel=1, mtime=0))
