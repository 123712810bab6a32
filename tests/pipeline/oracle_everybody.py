"""Rules that a person alone cannot decide: what is a trend, what is premium and who is a champion depends on everybody.

Written from docs/segments.md: dicts and loops, no SQL, and nothing of the pipeline is imported.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.pipeline.oracle import Person

_DAY = timedelta(days=1)
_GAP = timedelta(minutes=30)
Prices = Mapping[str, Decimal]
Quintiles = tuple[int, int, int]


def quintiles(people: list[Person]) -> list[Quintiles | None]:
    """Recency, frequency and spend among buyers, 5 is best; equal values share the better one."""
    measures: list[Callable[[Person], Any]] = [
        lambda person: max(order.at for order in person.completed),
        lambda person: len(person.completed),
        lambda person: sum(order.amount for order in person.completed),
    ]
    buyers = [person for person in people if person.completed]
    values = [sorted(measure(person) for person in buyers) for measure in measures]
    ranks = [{value: place for place, value in enumerate(of, 1)} for of in values]  # of equal ones the last

    def of(person: Person) -> Quintiles:
        one, two, three = (
            math.ceil(5 * (rank[m(person)] / len(buyers))) for rank, m in zip(ranks, measures, strict=True)
        )
        return one, two, three

    return [of(person) if person.completed else None for person in people]


def _rfm(rule: Callable[[int, int, int, int], bool]) -> Rule:
    def members(people: list[Person], _: datetime, __: Prices) -> set[int]:
        known = enumerate(zip(people, quintiles(people), strict=True))
        return {place for place, (person, found) in known if found and rule(*found, len(person.completed))}

    return members


def _trend_seekers(people: list[Person], as_of: datetime, _: Prices) -> set[int]:
    views = [
        [(event.product, event.at > as_of - 7 * _DAY) for event in person.events if _is_view(event, as_of)]
        for person in people
    ]
    counts = Counter(view for seen in views for view in seen)
    trending = {
        product for product, is_new in counts if is_new and counts[product, True] >= max(20, 2 * counts[product, False])
    }
    return {
        place
        for place, seen in enumerate(views)
        if len({product for product, is_new in seen if is_new} & trending) >= 3
    }


def _is_view(event: Any, as_of: datetime) -> bool:
    is_known = event.kind == "product_view" and event.product and not event.is_bot
    return bool(is_known) and as_of - 14 * _DAY < event.at <= as_of


def _premium_browsers(people: list[Person], as_of: datetime, prices: Prices) -> set[int]:
    places = {price: place for place, price in enumerate(sorted(prices.values()), 1)}
    premium = {product for product, price in prices.items() if places[price] / len(prices) > 0.8}
    return {place for place, person in enumerate(people) if len(_seen_now(person, as_of) & premium) >= 2}


def _seen_now(person: Person, as_of: datetime) -> set[str | None]:
    """The products viewed in the session that is open, if one is."""
    events = sorted((event for event in person.events if event.at <= as_of), key=lambda event: event.at, reverse=True)
    seen, last = set(), as_of
    for event in events:
        if last - event.at > _GAP:
            break
        last = event.at
        if event.kind == "product_view" and event.at > as_of - _DAY:
            seen.add(event.product)
    return seen


Rule = Callable[[list["Person"], datetime, Prices], set[int]]
RULES_OF_EVERYBODY: dict[str, Rule] = {
    "currently_browsing_premium": _premium_browsers,
    "rfm_at_risk": _rfm(lambda recency, often, much, orders: recency <= 2 and often >= 4 <= much and orders >= 2),
    "rfm_champions": _rfm(lambda *found: min(found[:3]) >= 4 and found[3] >= 2),
    "rfm_hibernating": _rfm(lambda recency, _, much, __: recency <= 2 >= much),
    "rfm_newcomers": _rfm(lambda recency, _, __, orders: recency >= 4 and orders == 1),
    "rfm_promising": _rfm(lambda *found: found[0] >= 4 > min(found[1:3]) and found[3] >= 2),
    "trend_seekers": _trend_seekers,
}
