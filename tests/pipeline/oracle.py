"""Who belongs where, computed from the raw exports in plain Python: the pipeline must come to the same.

Written from the specification alone: dicts and loops, no SQL, and nothing of the pipeline is imported.
"""

import hashlib
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from tests.pipeline.identity_oracle import Account, Graph, Record
from tests.pipeline.oracle_everybody import RULES_OF_EVERYBODY
from tests.pipeline.oracle_files import Contact, Event, Facts, Id, Order, read

_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
_BIG_SPENDER = Decimal("500.00")
_NORTH = {"North East", "North West", "Yorkshire and the Humber"}
WEB, EMAIL = ("personalisation", "web"), ("marketing_email", "email")
REFUSED_BY_GPC = (("personalised_advertising", "ads"), ("third_party_sharing", "partner"))
HOLDOUT, GLOBAL_CONTROL = 0.05, 0.01
ACTIVATIONS = {
    "browsers_no_purchase": WEB,
    "category_enthusiast": WEB,
    "cart_abandoned": EMAIL,
    "currently_browsing_premium": WEB,
    "frequent_cart_abandoners": EMAIL,
    "high_engagement": WEB,
    "high_value": EMAIL,
    "lapsed_big_spenders": EMAIL,
    "likely_buyers": EMAIL,
    "loyal_customers": EMAIL,
    "new_visitors": WEB,
    "northern_app_browsers": WEB,
    "northern_evening_app_readers": WEB,
    "price_sensitive": EMAIL,
    "repeat_buyers": EMAIL,
    "rfm_at_risk": EMAIL,
    "rfm_champions": EMAIL,
    "trend_seekers": WEB,
}
# what a model said of somebody → the segment that it puts them into; no rule decides these
PERSONAS = {
    "persona_dormant": ("lapsed buyers", "dormant visitors", "not seen of late", "quiet this quarter", "rare visitors"),
    "persona_explorers": ("browsers", "searchers", "explorers", "frequent visitors", "cart fillers"),
    "persona_regulars": ("active buyers", "frequent buyers", "recent buyers", "long-standing customers"),
    "persona_spenders": ("big spenders", "big spenders this quarter", "big baskets"),
}
SAID = {"high": "likely_buyers", "medium": "possible_buyers", "low": "unlikely_buyers"}
SAID["churn high"] = "likely_to_churn"
SAID["lookalike_category_enthusiast high"] = "like_category_enthusiast"
SAID |= {persona: segment for segment, personas in PERSONAS.items() for persona in personas}
# what they are likeliest to buy from next, told apart by what they have bought
SAID["cross sell"] = "cross_sell_candidates"
SCORED = tuple(sorted(set(SAID.values())))


@dataclass
class Person:
    """One person: all identifiers that were joined, and all that they did."""

    identifiers: set[Id] = field(default_factory=set)
    contacts: list[Contact] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    permissions: dict[tuple[str, str], tuple[datetime, bool]] = field(default_factory=dict)
    first_seen: datetime = datetime.max  # noqa: DTZ901

    @property
    def is_bot(self) -> bool:
        """Whether any event came from a bot."""
        return any(event.is_bot for event in self.events)

    @property
    def completed(self) -> list[Order]:
        """The orders that count."""
        return [order for order in self.orders if order.status == "completed"]

    @property
    def contact(self) -> Contact | None:
        """The contact updated last; of several the one of the smallest id."""
        last = max((contact.updated_at for contact in self.contacts), default=None)
        latest = [contact for contact in self.contacts if contact.updated_at == last]
        return min(latest, key=lambda contact: contact.contact_id, default=None)

    @property
    def contact_id(self) -> str | None:
        """The id of the contact that speaks for them."""
        return self.contact.contact_id if self.contact else None

    @property
    def region(self) -> str | None:
        """Of the contacts that know one, that of the contact updated last; of several the one of the smallest id."""
        told = [contact for contact in self.contacts if contact.region]
        last = max((contact.updated_at for contact in told), default=None)
        return next(
            (one.region for one in sorted(told, key=lambda one: one.contact_id) if one.updated_at == last), None
        )

    def may(self, use: tuple[str, str]) -> bool:
        """Whether the latest word on this purpose and channel is yes."""
        return self.permissions.get(use, (None, False))[1]

    def is_active(self, as_of: datetime) -> bool:
        """Whether they did or ordered anything in the last thirty days."""
        times = [event.at for event in self.events if not event.is_bot] + [order.at for order in self.orders]
        return any(as_of - 30 * _DAY < at <= as_of for at in times)

    def spend(self, as_of: datetime, days: int) -> Decimal:
        """Revenue of the last days."""
        return sum((order.amount for order in self.completed if as_of - days * _DAY < order.at <= as_of), Decimal(0))


@dataclass(frozen=True)
class Answer:
    """The people of the shop, and the members (positions in `people`) of each rule segment."""

    as_of: datetime
    people: list[Person]
    members: dict[str, set[int]]

    def active(self, members: Iterable[int]) -> int:
        """How many of these are active."""
        return sum(self.people[member].is_active(self.as_of) for member in members)

    def due(self, scored: dict[str, set[int]], floor: int) -> set[tuple[str, int]]:
        """Segment and person who may be sent; `scored` holds the segments that a model decides."""
        return {
            (segment, member)
            for segment, members in (self.members | scored).items()
            if segment in ACTIVATIONS and self.active(members) >= floor
            for member in members
            if self.people[member].may(ACTIVATIONS[segment])
        }

    def audience(self, due: set[tuple[str, int]], is_control: Callable[[str, int], bool]) -> dict[int, list[str]]:
        """Person → segments delivered: of those who may be sent all but the control groups."""
        found: dict[int, list[str]] = defaultdict(list)
        for segment, member in sorted(due):
            if not is_control(segment, member):
                found[member].append(segment)
        return dict(found)


def lot(namespace: str, unit: str, customer: str) -> float:
    """A person's lot for this unit, from 0 to below 1: the first 52 bits of a hash under the secret namespace."""
    text = uuid.UUID(namespace).bytes + f"holdout:{unit}:{customer}".encode()
    return int(hashlib.sha256(text).hexdigest()[:13], 16) / 2**52


def is_control(namespace: str, segment: str, customer: str) -> bool:
    """Whether the person is held out of this segment, or of everything."""
    everywhere = lot(namespace, "everything", customer) < GLOBAL_CONTROL
    return everywhere or lot(namespace, f"segment:{segment}", customer) < HOLDOUT


def answer(folder: Path) -> Answer:
    """The whole answer for one folder of exports."""
    return answer_of(read(folder))


def answer_of(facts: Facts) -> Answer:
    """The whole answer for what exports say."""
    people = _people(facts)
    members = {
        name: {place for place, person in enumerate(people) if not person.is_bot and rule(person, facts.as_of)}
        for name, rule in RULES.items()
    }
    for name, of_everybody in RULES_OF_EVERYBODY.items():
        found = of_everybody(people, facts.as_of, facts.prices)
        members[name] = {place for place in found if not people[place].is_bot}
    return Answer(facts.as_of, people, members)


def _people(facts: Facts) -> list[Person]:
    """Everybody with at least one identifier, with what is theirs."""
    found: dict[Id, Person] = {}
    records = _records(facts)
    for group in Graph(records, _accounts(facts), separations=[], rank=facts.rank).people():
        found.update(dict.fromkeys(group, Person(identifiers=group)))
    _what_they_did(facts, found)
    for record in records:
        for one in record.identifiers:
            if one in found:  # a phone alone is nobody
                found[one].first_seen = min(found[one].first_seen, record.at)
    _consents(facts, found)
    return list({id(person): person for person in found.values()}.values())


def _what_they_did(facts: Facts, found: dict[Id, Person]) -> None:
    for event in facts.events:
        if owner := event.user or event.device or event.browser:
            found[owner].events.append(event)
    for order in facts.orders:
        if owner := order.user or order.email:
            found[owner].orders.append(order)
    for contact in facts.contacts:
        if contact.user:
            found[contact.user].contacts.append(contact)


def _consents(facts: Facts, found: dict[Id, Person]) -> None:
    said = [(one.user, one.use, one.at, one.is_granted) for one in facts.consents]
    # a browser refuses for whoever is logged in, else for the person whose it is
    signals = [(one.user or one.device or one.browser, one.at) for one in facts.events if one.sends_gpc]
    said += [(owner, use, at, False) for owner, at in signals for use in REFUSED_BY_GPC]
    for who, use, at, is_granted in said:
        person = found.get(who) if who else None
        if person is None or at > facts.as_of:
            continue
        last, was_granted = person.permissions.get(use, (datetime.min, True))  # noqa: DTZ901
        if at > last or (at == last and was_granted):
            person.permissions[use] = (at, is_granted)


def _records(facts: Facts) -> list[Record]:
    """The identifiers that stood together in each record."""
    rows = [(row.created_at, (row.user, row.email, row.phone)) for row in facts.contacts]
    rows += [(row.at, (row.user, row.email, None)) for row in facts.orders]
    rows += [(row.joined_at, (row.user, row.email, row.loyalty)) for row in facts.members]
    rows += [(event.at, (event.user, event.device, event.browser)) for event in facts.events]
    return [Record(at, tuple(one for one in identifiers if one)) for at, identifiers in rows]


def _accounts(facts: Facts) -> dict[Id, Account]:
    return {row.user: Account("crm", row.first_name, row.birth_date) for row in facts.contacts if row.user}


def _category_enthusiast(person: Person, as_of: datetime) -> bool:
    views: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for event in person.events:
        is_view = event.kind == "product_view" and event.category and event.product
        if is_view and as_of - 30 * _DAY < event.at <= as_of:
            views[str(event.category)].append((event.at, str(event.product)))
    return any(
        len({product for at, product in seen if start <= at <= start + timedelta(seconds=600)}) >= 5
        for seen in views.values()
        for start, _ in seen
    )


def _cart_abandoned(person: Person, as_of: datetime) -> bool:
    added = [event.at for event in person.events if event.kind == "add_to_cart"]
    bought = [event.at for event in person.events if event.kind == "purchase"]
    if not added or not as_of - 7 * _DAY < max(added) <= as_of - _HOUR:
        return False
    return not any(max(added) <= at <= max(added) + _HOUR for at in bought)


def _frequent_abandoner(person: Person, as_of: datetime) -> bool:
    recent = [event for event in person.events if as_of - 30 * _DAY < event.at <= as_of]
    added = {event.at for event in recent if event.kind == "add_to_cart"}
    bought = {event.at for event in recent if event.kind == "purchase"}
    abandoned = {
        at
        for at in added
        if at <= as_of - _HOUR
        and not any(at < later <= at + _HOUR for later in added)
        and not any(at <= later <= at + _HOUR for later in bought)
    }
    return len(abandoned) >= 3


def _lapsed(person: Person, as_of: datetime) -> bool:
    return _high_value(person, as_of) and max(order.at for order in person.completed) < as_of - 90 * _DAY


def _high_value(person: Person, as_of: datetime) -> bool:
    return person.spend(as_of, 365) >= _BIG_SPENDER


def _browsers(person: Person, as_of: datetime) -> bool:
    return not person.completed and any(event.at > as_of - 30 * _DAY for event in person.events)


def _high_engagement(person: Person, as_of: datetime) -> bool:
    views: dict[str, list[datetime]] = defaultdict(list)
    for event in person.events:
        if event.kind == "product_view" and event.product and as_of - 30 * _DAY < event.at <= as_of:
            views[event.product].append(event.at)
    return any(
        sum(start <= at <= start + timedelta(seconds=600) for at in seen) > 3
        for seen in views.values()
        for start in seen
    )


def _loyal(person: Person, as_of: datetime) -> bool:
    times = sorted(order.at for order in person.completed)
    return len(times) >= 3 and times[0] <= as_of - 180 * _DAY and times[-1] >= as_of - 90 * _DAY


def _new(person: Person, as_of: datetime) -> bool:
    return not person.completed and person.first_seen > as_of - 7 * _DAY


def _northern_readers(person: Person, as_of: datetime) -> bool:
    views = [
        event
        for event in person.events
        if event.kind == "product_view"
        and event.category == "books"
        and event.platform in ("ios", "android")
        and as_of - 30 * _DAY < event.at <= as_of
        and 17 <= event.at.hour < 22
    ]
    return person.region in _NORTH and len(views) >= 2


def _northern_app_browsers(person: Person, as_of: datetime) -> bool:
    products = {
        event.product
        for event in person.events
        if event.kind == "product_view" and event.platform in ("ios", "android") and event.at > as_of - 30 * _DAY
    }
    return person.region in _NORTH and len(products - {None}) > 10


def _price_sensitive(person: Person, _: datetime) -> bool:
    discounted = sum(order.is_discounted for order in person.completed)
    return len(person.completed) >= 3 and 100 * discounted >= 60 * len(person.completed)


def _repeat(person: Person, _: datetime) -> bool:
    return len(person.completed) > 1


RULES: dict[str, Callable[[Person, datetime], bool]] = {
    "browsers_no_purchase": _browsers,
    "cart_abandoned": _cart_abandoned,
    "category_enthusiast": _category_enthusiast,
    "frequent_cart_abandoners": _frequent_abandoner,
    "high_engagement": _high_engagement,
    "high_value": _high_value,
    "lapsed_big_spenders": _lapsed,
    "loyal_customers": _loyal,
    "new_visitors": _new,
    "northern_app_browsers": _northern_app_browsers,
    "northern_evening_app_readers": _northern_readers,
    "price_sensitive": _price_sensitive,
    "repeat_buyers": _repeat,
}
NAMES = sorted({*RULES, *RULES_OF_EVERYBODY})
