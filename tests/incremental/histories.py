"""Small histories of shops, many at once: disjoint but for the catalogue, drawn so that boundaries are hit.

Accounts share e-mails, tablets and browsers, so that people merge, and split when an identifier passes its limit;
e-mails are corrected, orders returned, products move to another category, consents withdrawn; files come late, or
before their time, or hold what happened long ago. `corrected` takes files back that were loaded, as their sender does.
"""

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from random import Random
from typing import Any

import polars as pl

from tests.incremental.relations import Relations
from tests.incremental.warehouse import UNTIL

Row = dict[str, Any]
DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
# the last step is an hour again: after a long one nearly everybody is counted anew
_STEPS = (0 * HOUR, HOUR, 2 * HOUR, 5 * HOUR, DAY, 8 * DAY, 31 * DAY, 31 * DAY + HOUR)
MOMENTS = tuple(datetime(2026, 8, 31) + step for step in _STEPS)
_GAPS = (SECOND, 20 * SECOND, 599 * SECOND, 600 * SECOND, 601 * SECOND, 1800 * SECOND, 1801 * SECOND, 5 * HOUR, 3 * DAY)
_QUICK = (SECOND, 149 * SECOND, 150 * SECOND, 150 * SECOND, 151 * SECOND)  # five views in ten minutes, or just not
_EVENING = ("16:59:59", "17:00:00", "21:59:59", "22:00:00")
_WINDOWS = (timedelta(0), HOUR, 7 * DAY, 30 * DAY)
_ORDER_WINDOWS = (timedelta(0), 7 * DAY, 30 * DAY, 90 * DAY, 180 * DAY, 365 * DAY)
# what a corrected file says otherwise, by source; the key of the row stays
CORRECTIONS: dict[str, Row] = {
    "web_events": {"event_type": "add_to_cart", "platform": "android", "category": "books"},
    "shop_orders": {"status": "cancelled"},
    "shop_order_lines": {"unit_price_amount": 199.5},
    "crm_contacts": {"region": "North East"},
    "crm_consents": {"status": "withdrawn"},
}
CORRECTED_IN = 5
_TYPES = ("page_view", "product_view", "product_view", "product_view", "search", "add_to_cart", "purchase")
_CATEGORIES, _BRANDS, _PRODUCTS = ("mugs", "bowls", "books"), ("Arden", "Tamar", None), 40
_USES = (("marketing_email", "email"), ("personalisation", "web"))


@dataclass
class Exports:
    """Raw rows by source."""

    random: Random
    rows: dict[str, list[Row]] = field(default_factory=dict)
    loaded_from: int = 1  # what is back-filled was known long before the run that is the first to see it

    def add(self, name: str, at: datetime, /, **row: Any) -> None:
        """A row that became known some time after it happened, and was loaded before the run that follows."""
        late = self.random.choices((0, 1, 2), weights=(85, 12, 3))[0]
        arrived = at + (timedelta(0), self.random.random() * 12 * DAY, self.random.random() * 40 * DAY)[late]
        batch = 1 + sum(arrived > moment for moment in MOMENTS)
        # a delivery may lie about for a while, or be there before the moment that it speaks of
        batch = max(self.loaded_from, batch + self.random.choices((-1, 0, 1), weights=(5, 85, 10))[0])
        position = len(self.rows.setdefault(name, []))
        self.rows[name].append(row | {"_file": "f", "_position": position, "_arrived_at": arrived, "_batch": batch})

    def frames(self) -> dict[str, pl.DataFrame]:
        """A frame a source."""
        return {name: pl.DataFrame(rows, infer_schema_length=None) for name, rows in self.rows.items()}


def generate(count: int, seed: int) -> dict[str, pl.DataFrame]:
    """Raw rows of `count` histories and their catalogue."""
    exports = Exports(Random(seed))
    _catalogue(exports)
    for number in range(count):
        exports.loaded_from = exports.random.choices((1, 6), weights=(95, 5))[0]
        _history(exports, f"h{number}")
    exports.random, exports.loaded_from = Random(f"relations {seed}"), 1
    _relate(exports)
    return exports.frames()


def corrected(exports: dict[str, pl.DataFrame], seed: int) -> dict[str, pl.DataFrame]:
    """The same, but that one run sees files again: some of their rows say something else, or are there no more."""
    random = Random(seed)
    return {
        name: _corrected(frame, random, CORRECTIONS[name]) if name in CORRECTIONS else frame
        for name, frame in exports.items()
    }


def _corrected(frame: pl.DataFrame, random: Random, otherwise: Row) -> pl.DataFrame:
    rows: list[Row] = []
    for row in frame.to_dicts():
        if row["_batch"] >= CORRECTED_IN or random.random() > 0.1:
            rows.append(row | {UNTIL: None})
            continue
        rows.append(row | {UNTIL: CORRECTED_IN})
        if random.random() < 0.8:
            file = {"_file": "again", "_batch": CORRECTED_IN}
            rows.append(row | otherwise | file | {UNTIL: None})
    return pl.DataFrame(rows, schema=frame.schema | {UNTIL: pl.Int64})


def _moment(random: Random, windows: tuple[timedelta, ...] = _WINDOWS) -> datetime:
    """Often at the very edge of a window of one of the runs."""
    if random.random() < 0.5:
        edge = random.choice((*MOMENTS, *MOMENTS[-1:] * 8)) - random.choice(windows)
        return edge + random.choice((-SECOND, timedelta(0), SECOND))
    return MOMENTS[0] + (random.random() * 72 - 40) * DAY


def _catalogue(exports: Exports) -> None:
    random = exports.random
    for number in range(_PRODUCTS):
        for at in (MOMENTS[0] - 60 * DAY, *([_moment(random)] if random.random() < 0.2 else [])):
            words = {"category": random.choice(_CATEGORIES), "brand": random.choice(_BRANDS)}
            words |= {"price_amount": float(1 + number % 7)}
            exports.add("shop_products", at, product_id=f"P{number}", name="a", updated_at=at, **words)


def _history(exports: Exports, name: str) -> None:
    random = exports.random
    # now and then a club, whose members order under each other's addresses: no one person
    is_club = random.random() < 0.02
    users = [f"{name}-u{number}" for number in range(random.randint(9, 20) if is_club else random.randint(1, 3))]
    emails = [f"{name}-e{number}" for number in range(random.randint(1, 3) + is_club * len(users) // 2)]
    devices = [None, *(f"{name}-d{number}" for number in range(random.randint(0, 2)))]
    browsers = [None, *(f"{name}-a{number}" for number in range(random.randint(1, 3)))]
    phones = [f"{name}-p{number}" for number in range(2)]
    moments = [_moment(random) for _ in range(2)]
    for user in users:
        _account(exports, user, emails, phones, is_alike=is_club)
        _permissions(exports, user, moments)
    if random.random() < 0.3:
        _membership(exports, name, users, emails)
    for number in range(random.randint(1, 3)):
        _visit(exports, f"{name}-{number}", [None, None, *users], devices, browsers)
    for number in range(random.choice((0, 0, 1, 2, 4)) + is_club * 20):
        _order(exports, f"{name}-o{number}", [None, *users], emails)


def _relate(exports: Exports) -> None:
    relations = Relations(exports.random, exports.add, MOMENTS)
    for user, email in {row["contact_id"]: row["email_hmac"] for row in exports.rows["crm_contacts"]}.items():
        relations.old_visits(user)
        relations.letters(user)
        relations.tickets(user, email)
    relations.devices(exports.rows["web_events"])


def _membership(exports: Exports, name: str, users: list[str], emails: list[str]) -> None:
    random, joined = exports.random, _moment(exports.random)
    who = {"contact_id": random.choice([None, *users]), "email_hmac": random.choice([None, *emails])}
    what = {"tier": "gold", "points": 1, "joined_at": joined, "updated_at": joined}
    exports.add("loyalty_members", joined, loyalty_number=f"{name}-l", **who, **what)


def _account(exports: Exports, user: str, emails: list[str], phones: list[str], *, is_alike: bool) -> None:
    random, created = exports.random, MOMENTS[0] - 50 * DAY
    if random.random() < 0.2:
        return
    for at in sorted({created, *([_moment(random)] if random.random() < 0.3 else [])}):
        place: Row = {"region": random.choice(("Kent", "North West")), "country": "UK"}
        if not is_alike:
            place |= {"first_name_hmac": random.choice((None, "ann", "ann", "ann", "ann", "ann", "bob"))}
            place |= {"birth_date_hmac": random.choice((None, None, "born", "born", "born", "born later"))}
        place |= {"phone_hmac": random.choice([None, *phones])}
        email = random.choice([None, *emails])
        times = {"created_at": created, "updated_at": at}
        exports.add("crm_contacts", at, contact_id=user, email_hmac=email, **place, **times)


def _permissions(exports: Exports, user: str, moments: list[datetime]) -> None:
    """What an account allows, takes back, and says elsewhere: also two accounts of one person, at the same moment."""
    random = exports.random
    said = [(random.choice(moments), random.choice(_USES)) for _ in range(random.choice((0, 1, 1, 2, 3)))]
    for at, (purpose, channel) in dict.fromkeys(said):
        use = {"purpose": purpose, "channel": channel, "status": random.choice(("granted", "granted", "withdrawn"))}
        exports.add("crm_consents", at, contact_id=user, recorded_at=at, **use)
    if random.random() < 0.2:
        at = random.choice(moments)
        what = {"event_type": random.choice(("unsubscribed", "unsubscribed", "opened")), "campaign_id": "c"}
        known = {"event_id": f"{user}-m", "message_id": f"{user}-m", "contact_id": user}
        exports.add("email_engagement", at, occurred_at=at, **known, **what)


def _visit(
    exports: Exports, name: str, users: list[str | None], devices: list[str | None], browsers: list[Any]
) -> None:
    random, at = exports.random, _moment(exports.random)
    gaps, products = random.choice(((_GAPS, _PRODUCTS), (_QUICK, _PRODUCTS), (_QUICK, 2)))
    types = random.choice((_TYPES, ("product_view",), ("add_to_cart",)))
    if random.random() < 0.3:
        at = datetime.combine(at, time.fromisoformat(random.choice(_EVENING)))
    user, device, browser = random.choice(users), random.choice(devices), random.choice(browsers)
    category, is_bot = random.choice((*_CATEGORIES, None)), random.random() < 0.02
    for number in range(random.randint(1, 2 if types == ("add_to_cart",) else 12)):
        user = random.choice(users) if random.random() < 0.1 else user
        who = {"user_id": user, "device_id": device, "anonymous_id": browser, "user_agent_is_bot": is_bot}
        what = {"event_type": random.choice(types), "product_id": f"P{random.randrange(products)}"}
        tag = random.choice(("x", "x", "x", "utm_source=mail", "utm_source=ad&utm_medium=cpc"))
        where = {"platform": random.choice(("web", "ios", "android")), "url": f"/{number}?{tag}", "category": category}
        exports.add("web_events", at, event_id=f"{name}-{number}", occurred_at=at, **who, **what, **where)
        at += random.choice(gaps)


def _order(exports: Exports, name: str, users: list[str | None], emails: list[str]) -> None:
    random, at = exports.random, _moment(exports.random, _ORDER_WINDOWS)
    who = {"contact_id": random.choice(users), "email_hmac": random.choice(emails)}
    for status in ("completed", *(["returned"] if random.random() < 0.3 else [])):
        row = {"order_id": name, "ordered_at": at, "status": status, "channel": "web", "currency": "GBP"}
        exports.add("shop_orders", at, **row, **who)
    for line in range(1, random.randint(1, 3) + 1):
        what = {"product_id": f"P{random.randrange(_PRODUCTS)}", "quantity": line, "unit_price_amount": 62.5}
        exports.add("shop_order_lines", at, order_id=name, line_number=line, **what)
    if random.random() < 0.6:
        promotion = {"promotion_code": "SPRING", "discount_amount": random.choice((0.0, 5.0, 5.0))}
        exports.add("shop_order_discounts", at, order_id=name, applied_at=at, **promotion)
