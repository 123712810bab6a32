"""The raw exports of a shop as plain Python rows: repeated keys once, values blocked or malformed dropped.

Written from the specification alone: no SQL, and nothing of the pipeline is imported.
"""

import csv
import gzip
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

Row = dict[str, str | None]
Id = tuple[str, str]
BLOCKED = {
    "test@test.com", "test@example.com", "noreply@example.com", "no-reply@example.com", "a@a.a", "none@none.com",
    "unknown@unknown.com", "00000000-0000-0000-0000-000000000000", "null", "undefined", "none", "unknown",
    "anonymous", "0", "+440000000000", "+441111111111", "+441234567890", "+447000000000", "+447123456789",
}  # fmt: skip
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
# of the agents in these exports alone: the pipeline asks lists of thousands. CUBOT makes phones
_BOT = re.compile("(?<!cu)bot|crawl|spider|headless|python-requests", re.IGNORECASE)


@dataclass(frozen=True)
class Event:
    """What somebody did; the identifiers are those that may identify a person."""

    kind: str
    at: datetime
    user: Id | None
    device: Id | None
    browser: Id | None
    product: str | None
    category: str | None
    is_bot: bool
    platform: str | None = None
    event_id: str = ""
    url: str = ""
    device_class: str | None = None
    sends_gpc: bool = False


@dataclass(frozen=True)
class Order:
    """What somebody ordered, with the sum of its lines."""

    at: datetime
    status: str
    user: Id | None
    email: Id | None
    amount: Decimal
    is_discounted: bool = False
    products: tuple[str, ...] = ()


@dataclass(frozen=True)
class Contact:
    """One contact as it stood last."""

    user: Id | None
    email: Id | None
    contact_id: str
    region: str
    created_at: datetime
    updated_at: datetime
    phone: Id | None = None
    first_name: str | None = None
    birth_date: str | None = None


@dataclass(frozen=True)
class Member:
    """One membership of the loyalty programme as it stood last."""

    loyalty: Id | None
    user: Id | None
    email: Id | None
    joined_at: datetime


@dataclass(frozen=True)
class Consent:
    """One record of a permission or a refusal."""

    user: Id | None
    use: tuple[str, str]
    is_granted: bool
    at: datetime


@dataclass(frozen=True)
class Facts:
    """Everything the exports of one folder say."""

    as_of: datetime
    contacts: list[Contact]
    consents: list[Consent]
    orders: list[Order]
    events: list[Event]
    members: list[Member] = field(default_factory=list)
    prices: dict[str, Decimal] = field(default_factory=dict)  # of products, as they stood last
    rank: Callable[[Id], str] = lambda one: one[1]  # between identifiers that are otherwise level


def identifier(kind: str, value: str | None) -> Id | None:
    """The identifier as it joins people; None where it identifies nobody."""
    text = (value or "").strip()
    if kind == "email":
        text = text.lower()
        if not _EMAIL.fullmatch(text):
            return None
    if kind == "phone":
        text = re.sub(r"^(\+44|0044|0)", "+44", re.sub(r"[^+\d]", "", text))
    return (kind, text) if text and text.lower() not in BLOCKED else None


def moment(text: str | None) -> datetime:
    """A naive UTC time of an ISO 8601 text."""
    found = datetime.fromisoformat(text or "")
    return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found


def exports(folder: Path, pattern: str) -> list[Path]:
    """The matching files at any depth; folders that start with `_` hold no exports."""
    found = (path for path in folder.rglob(pattern) if path.is_file())
    return sorted(path for path in found if not any(part[0] == "_" for part in path.relative_to(folder).parts))


def csv_rows(folder: Path, pattern: str) -> Iterator[Row]:
    """Every record of the matching CSV files, in order of arrival."""
    for path in sorted(exports(folder, pattern), key=_known_at):
        with path.open(newline="") as stream:
            yield from csv.DictReader(stream)


def json_rows(folder: Path, pattern: str = "events_*.jsonl.gz") -> Iterator[Row]:
    """Every line of the matching files, compressed or not; of the web's hourly files unless told."""
    for path in exports(folder, pattern):
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as stream:
            yield from map(json.loads, stream)


def once(rows: Iterator[Row], *keys: str) -> list[Row]:
    """The first row of each key."""
    found: dict[tuple[str | None, ...], Row] = {}
    for row in rows:
        found.setdefault(tuple(row[key] for key in keys), row)
    return list(found.values())


def read(folder: Path) -> Facts:
    """The facts of one folder of exports."""
    events = [_event(row) for row in once(json_rows(folder), "event_id")]
    known = max([_known_at(path) for path in exports(folder, "*_*.*")] + [event.at for event in events])
    return Facts(
        as_of=_hour_up(known),
        contacts=_latest(once(csv_rows(folder, "contacts_*.csv"), "contact_id", "updated_at")),
        consents=[_consent(row) for row in csv_rows(folder, "consents_*.csv")] + _unsubscribed(folder),
        orders=_orders(folder),
        events=events,
        members=_members(folder),
        prices=_prices(folder),
    )


def _known_at(path: Path) -> datetime:
    found = re.search(r"_(\d{4}-\d\d-\d\d)(?:T(\d\d))?\.", path.name)
    assert found, f"no date in the name {path.name}"
    day = datetime.fromisoformat(found[1])
    return day + timedelta(hours=int(found[2]) + 1) if found[2] else day + timedelta(days=1)


def _hour_up(at: datetime) -> datetime:
    down = at.replace(minute=0, second=0, microsecond=0)
    return down if down == at else down + timedelta(hours=1)


def _event(row: Row) -> Event:
    text: Callable[[str], str] = lambda name: row.get(name) or ""  # noqa: E731
    return Event(
        kind=text("event_type"),
        at=moment(text("occurred_at")),
        user=identifier("user", row.get("user_id")),
        device=identifier("device", row.get("device_id")),
        browser=identifier("browser", row.get("anonymous_id")),
        product=row.get("product_id"),
        category=row.get("category"),
        is_bot=bool(_BOT.search(text("user_agent"))),
        platform=row.get("platform"),
        event_id=text("event_id"),
        url=text("url"),
        sends_gpc=bool(row.get("global_privacy_control")),
    )


def _latest(rows: list[Row]) -> list[Contact]:
    latest: dict[str | None, Row] = {}
    for row in sorted(rows, key=lambda row: moment(row["updated_at"])):
        latest[row["contact_id"]] = row
    return [
        Contact(
            user=identifier("user", row["contact_id"]),
            email=identifier("email", row["email"]),
            contact_id=str(row["contact_id"]).strip(),
            region=str(row["region"]).strip(),
            created_at=moment(row["created_at"]),
            updated_at=moment(row["updated_at"]),
            phone=identifier("phone", row["phone"]),
            first_name=" ".join((row["first_name"] or "").lower().split()) or None,
            birth_date=(row["birth_date"] or "").strip() or None,
        )
        for row in latest.values()
    ]


def _members(folder: Path) -> list[Member]:
    latest: dict[str | None, Row] = {}
    for row in sorted(csv_rows(folder, "loyalty_members_*.csv"), key=lambda row: moment(row["updated_at"])):
        latest[row["loyalty_number"]] = row
    return [
        Member(
            loyalty=identifier("loyalty", row["loyalty_number"]),
            user=identifier("user", row["contact_id"]),
            email=identifier("email", row["email"]),
            joined_at=moment(row["joined_at"]),
        )
        for row in latest.values()
    ]


def _prices(folder: Path) -> dict[str, Decimal]:
    rows = sorted(csv_rows(folder, "products_*.csv"), key=lambda row: moment(row["updated_at"]))
    return {str(row["product_id"]): Decimal(str(row["price_amount"])) for row in rows}


def _consent(row: Row) -> Consent:
    return Consent(
        user=identifier("user", row["contact_id"]),
        use=(str(row["purpose"]), str(row["channel"])),
        is_granted=row["status"] == "granted",
        at=moment(row["recorded_at"]),
    )


def _unsubscribed(folder: Path) -> list[Consent]:
    """Whoever unsubscribes in the e-mail tool refuses marketing e-mail."""
    return [
        Consent(
            user=identifier("user", row["contact_id"]),
            use=("marketing_email", "email"),
            is_granted=False,
            at=moment(row["occurred_at"]),
        )
        for row in json_rows(folder, "email_engagement_*.jsonl")
        if row["event_type"] == "unsubscribed"
    ]


def _orders(folder: Path) -> list[Order]:
    discounts = {row["order_id"]: row["discount_amount"] for row in csv_rows(folder, "order_discounts_*.csv")}
    amounts: dict[str | None, Decimal] = {}
    for row in once(csv_rows(folder, "order_lines_*.csv"), "order_id", "line_number"):
        line = Decimal(str(row["quantity"])) * Decimal(str(row["unit_price_amount"]))
        amounts[row["order_id"]] = amounts.get(row["order_id"], Decimal(0)) + line
    return [
        Order(
            at=moment(row["ordered_at"]),
            status=str(row["status"]),
            user=identifier("user", row["contact_id"]),
            email=identifier("email", row["email"]),
            amount=amounts.get(row["order_id"], Decimal(0)),
            is_discounted=Decimal(discounts.get(row["order_id"]) or 0) > 0,
        )
        # an order comes again when its status changes: what arrived last holds
        for row in {row["order_id"]: row for row in csv_rows(folder, "orders_*.csv")}.values()
    ]
