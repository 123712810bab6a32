"""Habits, favourites, prices, letters and tickets of people, in plain Python; written from docs/profiles.md."""

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import mean, median
from typing import Any

from tests.incremental.facts import Exports
from tests.incremental.oracle import Row, known, latest
from tests.pipeline.identity_oracle import Id
from tests.pipeline.oracle import EMAIL, WEB, Person

Shares = dict[tuple[str, ...], float]
_DAY = timedelta(days=1)
_PARTS = ("night", "morning", "afternoon", "evening")
COLUMNS = (
    *("primary_device_class", "primary_daypart", "weekend_share", "favourite_brand", "price_sensitivity"),
    *("is_email_opted_in", "is_web_opted_in", "return_rate", "tickets_per_order", "time_to_solve_365d_hours"),
    *("email_open_90d_rate", "email_click_90d_rate", "email_open_trend"),
)


@dataclass(frozen=True)
class Relations:
    """By account or address: letters as (sent at, whether opened, whether clicked), tickets as they stood last."""

    percentiles: dict[str, float]
    letters: dict[Id, list[tuple[datetime, bool, bool]]] = field(default_factory=dict)
    tickets: dict[Id, list[tuple[datetime, datetime | None]]] = field(default_factory=dict)


def relations(exports: Exports, people: list[Person], as_of: datetime, batch: int) -> Relations:
    """Of the raw rows alone; a ticket is its account's, and its address' where nobody has that account."""
    everybody = {one for person in people for one in person.identifiers}
    return Relations(
        _percentiles(known(exports, "shop_products", "updated_at", as_of, batch)),
        _letters(known(exports, "email_engagement", "occurred_at", as_of, batch)),
        _tickets(known(exports, "support_tickets", "updated_at", as_of, batch), everybody),
    )


def _percentiles(rows: list[Row]) -> dict[str, float]:
    prices: dict[str, list[float]] = defaultdict(list)
    last = latest(rows, "product_id", "updated_at", "_arrived_at")
    for row in last:
        prices[row["category"]].append(row["price_amount"])
    found = {}
    for row in last:
        others, price = prices[row["category"]], row["price_amount"]
        cheaper, level = sum(one < price for one in others), sum(one == price for one in others)
        found[row["product_id"]] = (cheaper + level / 2) / len(others)
    return found


def _letters(rows: list[Row]) -> dict[Id, list[tuple[datetime, bool, bool]]]:
    said: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        said[row["contact_id"], row["message_id"]].append(row)
    found: dict[Id, list[tuple[datetime, bool, bool]]] = defaultdict(list)
    for (contact, _), about in said.items():
        kinds = {row["event_type"] for row in about}
        if "sent" in kinds and "bounced" not in kinds:
            sent = min(row["occurred_at"] for row in about if row["event_type"] == "sent")
            found["user", f"crm:{contact}"].append((sent, bool(kinds & {"opened", "clicked"}), "clicked" in kinds))
    return found


def _tickets(rows: list[Row], everybody: set[Id]) -> dict[Id, list[tuple[datetime, datetime | None]]]:
    changes: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        changes[row["ticket_id"]].append(row)
    found: dict[Id, list[tuple[datetime, datetime | None]]] = defaultdict(list)
    for last in latest(rows, "ticket_id", "_arrived_at", "_batch", "_file", "_position"):
        user, email = ("user", f"crm:{last['contact_id']}"), ("email", last["email_hmac"])
        found[user if user in everybody else email].append(
            (last["opened_at"], _solved_at(changes[last["ticket_id"]], last))
        )
    return found


def _solved_at(changes: list[Row], last: Row) -> datetime | None:
    if last["status"] == "open":
        return None
    waited = max((row["updated_at"] for row in changes if row["status"] == "open"), default=datetime.min)  # noqa: DTZ901
    solved = [row["updated_at"] for row in changes if row["status"] != "open" and row["updated_at"] >= waited]
    return min(solved, default=None)


def day_end(moment: datetime) -> datetime:
    """The end of the run's day: midnight is the end of one."""
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight if moment == midnight else midnight + _DAY


def shares(person: Person, as_of: datetime, interests: dict[tuple[str, str], float]) -> Shares:
    """By dimension, rank and value: of habits, and of the first three of what is of interest."""
    found: Shares = {}
    for dimension, counts in _habits(person, as_of).items():
        for rank, value in enumerate(_by_count(counts), 1):
            found[dimension, str(rank), value] = counts[value] / counts.total()
    for dimension in ("category", "brand"):
        scores = ranked(interests, dimension)
        total = sum(score for _, score in scores)
        for rank, (value, score) in enumerate(scores[:3], 1):
            found["favourite", dimension, str(rank), value] = score / total
    return found


def _habits(person: Person, as_of: datetime) -> dict[str, Counter[str]]:
    """Events of 90 days, the run's the last, by what they say of the person."""
    recent = [event for event in person.events if event.at >= day_end(as_of) - 90 * _DAY]
    return {
        "device_class": Counter(event.device_class for event in recent if event.device_class),
        "daypart": Counter(_PARTS[event.at.hour // 6] for event in recent),
        "weekpart": Counter("weekend" if event.at.weekday() >= 5 else "weekday" for event in recent),
    }


def _by_count(counts: Counter[str]) -> list[str]:
    return sorted(counts, key=lambda value: (-counts[value], value))


def ranked(interests: dict[tuple[str, str], float], dimension: str) -> list[tuple[str, float]]:
    """Values by their score, which is published to nine decimals and counts to six."""
    scores = {value: _millionths(score) for (of, value), score in interests.items() if of == dimension}
    return sorted(((v, s) for v, s in scores.items() if s > 0), key=lambda one: (-one[1], one[0]))


def _millionths(score: float) -> float:
    return math.floor(round(score, 9) * 1e6 + 0.5) / 1e6


def columns(
    person: Person, as_of: datetime, interests: dict[tuple[str, str], float], known: Relations
) -> dict[str, Any]:
    """What `customers` shows of it."""
    habits = _habits(person, as_of)
    devices, parts, week = habits["device_class"], habits["daypart"], habits["weekpart"]
    row = {
        "primary_device_class": next(iter(_by_count(devices)), None),
        "primary_daypart": next(iter(_by_count(parts)), None),
        "weekend_share": week["weekend"] / week.total() if week else None,
        "favourite_brand": next((value for value, _ in ranked(interests, "brand")), None),
        "price_sensitivity": _price_sensitivity(person, known.percentiles),
        "is_email_opted_in": person.may(EMAIL),
        "is_web_opted_in": person.may(WEB),
    }
    return row | _service(person, as_of, known) | _engagement(person, as_of, known)


def _price_sensitivity(person: Person, percentiles: dict[str, float]) -> float | None:
    bought = [percentiles[one] for order in person.completed for one in order.products if one in percentiles]
    if len(person.completed) < 2 or not bought:
        return None
    return (mean(order.is_discounted for order in person.completed) + 1 - mean(bought)) / 2


def _service(person: Person, as_of: datetime, known: Relations) -> dict[str, Any]:
    completed = len(person.completed)
    returned = sum(order.status == "returned" for order in person.orders)
    tickets = [ticket for one in person.identifiers for ticket in known.tickets.get(one, [])]
    hours = [
        (solved - opened) / timedelta(hours=1)
        for opened, solved in tickets
        if solved is not None and solved > day_end(as_of) - 365 * _DAY
    ]
    return {
        "return_rate": returned / (completed + returned) if completed + returned else None,
        "tickets_per_order": len(tickets) / completed if completed else None,
        "time_to_solve_365d_hours": median(hours) if hours else None,
    }


def _engagement(person: Person, as_of: datetime, known: Relations) -> dict[str, Any]:
    letters = [letter for one in person.identifiers for letter in known.letters.get(one, [])]
    end = day_end(as_of)
    sent = [letter for letter in letters if letter[0] > end - 90 * _DAY]
    now = [is_opened for at, is_opened, _ in sent if at > end - 30 * _DAY]
    before = [is_opened for at, is_opened, _ in sent if at <= end - 30 * _DAY]
    return {
        "email_open_90d_rate": mean(is_opened for _, is_opened, _ in sent) if sent else None,
        "email_click_90d_rate": mean(is_clicked for _, _, is_clicked in sent) if sent else None,
        "email_open_trend": mean(now) - mean(before) if min(len(now), len(before)) >= 3 else None,
    }
