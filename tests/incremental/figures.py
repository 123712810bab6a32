"""What people come to, twice: of the facts in plain Python, and as a warehouse shows it; by their identifiers.

Written from docs/tables.md, docs/segments.md and the descriptions of the columns: loops over a person's own events.
"""

import math
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb

from tests.incremental import habits
from tests.incremental.facts import Exports, descriptions, facts
from tests.incremental.oracle import PUBLISHED, pseudonym
from tests.pipeline.oracle import SCORED, Person, answer_of
from tests.pipeline.oracle_everybody import quintiles
from tests.pipeline.oracle_files import Event

Key = frozenset[tuple[str, str]]
_DAY = timedelta(days=1)
_GAP = timedelta(minutes=30)
# signal → weight and days after which it counts half
_WEIGHTS = {"product_view": (1.0, 14.0), "add_to_cart": (4.0, 21.0), "purchase": (8.0, 60.0)}
_CUSTOMER = (
    *("contact_id_crm", "region", "state", "journey_stage", "is_bot", "is_active", "primary_device"),
    *("first_seen_at", "last_seen_at", "last_event_at", "last_cart_at", "last_purchase_at"),
    *("events_30d_count", "product_views_7d_count", "sessions_30d_count", "favourite_category"),
    *("orders_count", "cancellations_count", "first_ordered_at", "last_ordered_at"),
    *("spend_total_amount", "spend_365d_amount", "rfm_score"),
    *habits.COLUMNS,
)
_SESSION = (
    *("started_at", "ended_at", "events_count", "entry_page", "is_bounce", "product_views_count"),
    *("has_purchase", "is_bot", "source", "medium"),
)


@dataclass(frozen=True)
class Figures:
    """What is compared: counted where rows may be alike, scores apart for their last bits."""

    customers: dict[Key, dict[str, Any]]
    sessions: Counter[tuple[Any, ...]]
    consents: dict[tuple[Key, str, str], bool]
    memberships: set[tuple[str, Key]]
    interests: dict[tuple[Key, str, str], float]
    shares: dict[tuple[Any, ...], float]  # of habits and favourites

    def differences(self, other: "Figures") -> list[str]:
        """Names of what is not the same; of customers the columns."""
        same = set(self.customers) == set(other.customers)
        both = set(self.customers) & set(other.customers)
        found = set() if same else {"people"}
        for key in both:
            one, two = self.customers[key], other.customers[key]
            found |= {f"customers.{name}" for name in one if not _level(one[name], two[name])}
        for name in ("sessions", "consents", "memberships"):
            found |= set() if getattr(self, name) == getattr(other, name) else {name}
        for name in ("interests", "shares"):
            here, there = getattr(self, name), getattr(other, name)
            if set(here) != set(there) or not all(_level(here[key], there[key]) for key in here):
                found |= {name}
        return sorted(found)


def _level(one: Any, two: Any) -> bool:
    """Equal, but for the last bits of a fraction."""
    return one == two or (isinstance(one, float) and isinstance(two, float | int) and abs(one - two) <= 1e-9)


def expected(exports: Exports, as_of: datetime, batch: int) -> Figures:
    """Of the raw rows alone, by the rules."""
    answer = answer_of(facts(exports, as_of, batch))
    keys = [_key(person) for person in answer.people]
    described = descriptions(exports, as_of, batch)
    people = list(zip(keys, answer.people, strict=True))
    sessions = [(key, _sessions(person)) for key, person in people]
    interests = [(key, _interests(person, as_of, described)) for key, person in people]
    known = habits.relations(exports, answer.people, as_of, batch)
    visits, scores, rfm = dict(sessions), dict(interests), dict(zip(keys, _rfm(answer.people), strict=True))
    return Figures(
        customers={
            key: _customer(person, as_of, visits[key], scores[key])
            | habits.columns(person, as_of, scores[key], known)
            | {"rfm_score": rfm[key]}
            for key, person in people
        },
        sessions=Counter((key, *_session(visit)) for key, made in sessions for visit in made),
        consents={(key, *use): said[1] for key, one in people for use, said in one.permissions.items()},
        memberships={(name, keys[place]) for name, places in answer.members.items() for place in places},
        interests={(key, *of): score for key, scores in interests for of, score in scores.items()},
        shares={
            (key, *of): share for key, one in people for of, share in habits.shares(one, as_of, scores[key]).items()
        },
    )


def found(connection: duckdb.DuckDBPyConnection) -> Figures:
    """As the tables show it."""
    identifiers: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for kind, value, customer in _rows(connection, "identifier_type, identifier_hash, customer_id", "identifiers"):
        identifiers[customer].add((kind, value))
    key = {customer: frozenset(those) for customer, those in identifiers.items()}
    customers = _rows(connection, f"customer_id, {', '.join(_CUSTOMER)}", "customers")
    consents = _rows(connection, "customer_id, purpose, channel, is_granted", "customer_consents")
    interests = _rows(connection, "customer_id, dimension, value, score", "interests")
    sessions = _rows(connection, f"customer_id, {', '.join(_SESSION)}", "sessions")
    members = connection.execute("select segment_id, customer_id from segments.memberships").fetchall()
    return Figures(
        customers={key[row[0]]: dict(zip(_CUSTOMER, row[1:], strict=True)) for row in customers},
        sessions=Counter((key[row[0]], *row[1:]) for row in sessions),
        consents={(key[row[0]], *row[1:3]): row[3] for row in consents},
        memberships={(segment, key[customer]) for segment, customer in members if segment not in SCORED},
        interests={(key[row[0]], *row[1:3]): row[3] for row in interests},
        shares={(key[row[0]], *row[1:-1]): row[-1] for row in _shares(connection)},
    )


def _shares(connection: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    favourite = "customer_id, 'favourite', dimension, rank::varchar, value, interest_share"
    return [
        *_rows(connection, "customer_id, dimension, rank::varchar, value, events_share", "customer_habits"),
        *_rows(connection, favourite, "customer_favourites"),
    ]


def _rows(connection: duckdb.DuckDBPyConnection, columns: str, table: str) -> list[tuple[Any, ...]]:
    return connection.execute(f"select {columns} from profiles.{table}").fetchall()


def _key(person: Person) -> Key:
    return frozenset((PUBLISHED[one[0]], pseudonym(one)) for one in person.identifiers)


def _sessions(person: Person) -> list[list[Event]]:
    made: list[list[Event]] = []
    for event in sorted(person.events, key=lambda event: (event.at, event.event_id)):
        if made and event.at - made[-1][-1].at <= _GAP:
            made[-1].append(event)
        else:
            made.append([event])
    return made


def _session(events: list[Event]) -> tuple[Any, ...]:
    kinds = [event.kind for event in events]
    tagged = [event.url for event in events if _parameter(event.url, "utm_source")]
    came_from = [_parameter(tagged[0], name) if tagged else None for name in ("utm_source", "utm_medium")]
    counts = len(events), events[0].url.split("?")[0], len(events) == 1, kinds.count("product_view")
    return (events[0].at, events[-1].at, *counts, "purchase" in kinds, any(e.is_bot for e in events), *came_from)


def _parameter(url: str, name: str) -> str | None:
    said = re.search(rf"[?&]{name}=([^&]*)", url)
    return said[1] if said else None


def _customer(
    person: Person, as_of: datetime, sessions: list[list[Event]], interests: dict[tuple[str, str], float]
) -> dict[str, Any]:
    events, ordered = [event.at for event in person.events], [order.at for order in person.orders]
    row = {
        "contact_id_crm": person.contact_id,
        "region": person.contact.region if person.contact else None,
        "is_bot": person.is_bot,
        "is_active": person.is_active(as_of),
        "primary_device": _most([event.platform for event in person.events if event.platform]),
        "first_seen_at": person.first_seen,
        "last_seen_at": max([*events, *ordered, person.first_seen]),
        "last_event_at": max(events, default=None),
        "last_cart_at": _last(person, "add_to_cart"),
        "last_purchase_at": _last(person, "purchase"),
        "events_30d_count": sum(at > as_of - 30 * _DAY for at in events),
        "product_views_7d_count": _views(person, as_of),
        "sessions_30d_count": sum(visit[0].at > as_of - 30 * _DAY for visit in sessions),
        "favourite_category": next((value for value, _ in habits.ranked(interests, "category")), None),
    }
    return row | _ordered(person, as_of) | {"state": _state(person, as_of), "journey_stage": _stage(person, as_of)}


def _ordered(person: Person, as_of: datetime) -> dict[str, Any]:
    times = [order.at for order in person.completed]
    return {
        "orders_count": len(times),
        "cancellations_count": len(person.orders) - len(times),
        "first_ordered_at": min(times, default=None),
        "last_ordered_at": max(times, default=None),
        "spend_total_amount": sum((order.amount for order in person.completed), Decimal(0)),
        "spend_365d_amount": person.spend(as_of, 365),
    }


def _most(names: list[str]) -> str | None:
    counts = Counter(names)
    return min(counts, key=lambda name: (-counts[name], name), default=None)


def _last(person: Person, kind: str) -> datetime | None:
    return max((event.at for event in person.events if event.kind == kind), default=None)


def _views(person: Person, as_of: datetime) -> int:
    return sum(event.kind == "product_view" and event.at > as_of - 7 * _DAY for event in person.events)


def _state(person: Person, as_of: datetime) -> str:
    times = [order.at for order in person.completed]
    cart = _last(person, "add_to_cart")
    if times:
        bought = "loyal" if len(times) >= 3 else "customer"
        return "lapsed" if max(times) < as_of - 90 * _DAY else bought
    return "considering" if (cart and cart > as_of - 7 * _DAY) or _views(person, as_of) >= 3 else "browsing"


def _stage(person: Person, as_of: datetime) -> str:
    cart, bought = _last(person, "add_to_cart"), _last(person, "purchase")
    if any(order.at > as_of - 7 * _DAY for order in person.completed):
        return "post_purchase"
    if cart and as_of - 7 * _DAY < cart <= as_of - timedelta(hours=1) and (bought is None or bought < cart):
        return "cart_abandoned"
    return "browsing"


def _interests(
    person: Person, as_of: datetime, described: dict[str, tuple[str, str | None]]
) -> dict[tuple[str, str], float]:
    """Each signal counts half after each of its half-lives: the sum, in closed form."""
    terms: dict[tuple[str, str], list[float]] = defaultdict(list)

    def add(signal: str, at: datetime, category: str | None, brand: str | None) -> None:
        weight, half_life = _WEIGHTS[signal]
        term = weight * 2 ** (-((habits.day_end(as_of) - at) / _DAY) / half_life)
        for dimension, value in (("category", category), ("brand", brand)):
            if value:
                terms[dimension, value].append(term)

    for event in person.events:
        if event.kind in ("product_view", "add_to_cart") and not event.is_bot:
            category, brand = described.get(event.product or "", (None, None))
            add(event.kind, event.at, event.category or category, brand)
    for order in person.completed:
        for product in order.products:
            add("purchase", order.at, *described.get(product, (None, None)))
    return {of: math.fsum(some) for of, some in terms.items()}


def _rfm(people: list[Person]) -> list[str | None]:
    """Quintiles among buyers, 5 is best."""
    return ["".join(map(str, found)) if found else None for found in quintiles(people)]
