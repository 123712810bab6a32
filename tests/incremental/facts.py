"""The raw rows of the histories as facts, for the same plain rules that the simulated shop is held against."""

from datetime import datetime
from decimal import Decimal

import polars as pl

from tests.incremental.oracle import Row, known, latest, pseudonym
from tests.pipeline.identity_oracle import Id
from tests.pipeline.oracle import EMAIL
from tests.pipeline.oracle_files import Consent, Contact, Event, Facts, Member, Order

Exports = dict[str, pl.DataFrame]
_ARRIVAL = ("_arrived_at", "_batch", "_file", "_position")


def facts(exports: Exports, as_of: datetime, batch: int) -> Facts:
    """What the rows say that were there, and true, at the moment."""
    contacts = known(exports, "crm_contacts", "updated_at", as_of, batch)
    members = known(exports, "loyalty_members", "updated_at", as_of, batch)
    return Facts(
        as_of=as_of,
        contacts=[_contact(row) for row in latest(contacts, "contact_id", "updated_at", "_arrived_at")],
        consents=_consents(exports, as_of, batch),
        orders=_orders(exports, as_of, batch),
        events=[_event(row) for row in known(exports, "web_events", "occurred_at", as_of, batch)],
        members=[_member(row) for row in latest(members, "loyalty_number", "updated_at", *_ARRIVAL)],
        prices=_prices(exports, as_of, batch),
        rank=pseudonym,
    )


def _prices(exports: Exports, as_of: datetime, batch: int) -> dict[str, Decimal]:
    rows = latest(
        known(exports, "shop_products", "updated_at", as_of, batch), "product_id", "updated_at", "_arrived_at"
    )
    prices = {row["product_id"]: row["price_amount"] for row in rows}
    return {product: Decimal(str(price)) for product, price in prices.items() if price is not None}


def descriptions(exports: Exports, as_of: datetime, batch: int) -> dict[str, tuple[str, str | None]]:
    """Category and brand of each product, as described last."""
    rows = known(exports, "shop_products", "updated_at", as_of, batch)
    return {
        row["product_id"]: (row["category"], row["brand"])
        for row in latest(rows, "product_id", "updated_at", "_arrived_at")
    }


def _id(kind: str, value: str | None) -> Id | None:
    return (kind, f"crm:{value}" if kind == "user" else value) if value else None


def _contact(row: Row) -> Contact:
    return Contact(
        user=_id("user", row["contact_id"]),
        email=_id("email", row["email_hmac"]),
        contact_id=row["contact_id"],
        region=row["region"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        phone=_id("phone", row["phone_hmac"]),
        first_name=row["first_name_hmac"],
        birth_date=row["birth_date_hmac"],
    )


def _member(row: Row) -> Member:
    identifiers = {"user": _id("user", row["contact_id"]), "email": _id("email", row["email_hmac"])}
    return Member(loyalty=_id("loyalty", row["loyalty_number"]), joined_at=row["joined_at"], **identifiers)


def _event(row: Row) -> Event:
    return Event(
        kind=row["event_type"],
        at=row["occurred_at"],
        user=_id("user", row["user_id"]),
        device=_id("device", row["device_id"]),
        browser=_id("browser", row["anonymous_id"]),
        product=row["product_id"],
        category=row["category"],
        is_bot=bool(row["user_agent_is_bot"]),
        platform=row["platform"],
        event_id=row["event_id"],
        url=row["url"],
        device_class=row["user_agent_device_class"],
    )


def _consents(exports: Exports, as_of: datetime, batch: int) -> list[Consent]:
    """What was said in the CRM, and in the e-mail tool by whoever unsubscribed there."""
    found = [
        Consent(
            _id("user", row["contact_id"]),
            (row["purpose"], row["channel"]),
            row["status"] == "granted",
            row["recorded_at"],
        )
        for row in known(exports, "crm_consents", "recorded_at", as_of, batch)
    ]
    return found + [
        Consent(_id("user", row["contact_id"]), EMAIL, False, row["occurred_at"])
        for row in known(exports, "email_engagement", "occurred_at", as_of, batch)
        if row["event_type"] == "unsubscribed"
    ]


def _orders(exports: Exports, as_of: datetime, batch: int) -> list[Order]:
    lines: dict[str, list[Row]] = {}
    for row in known(exports, "shop_order_lines", "_arrived_at", as_of, batch):
        lines.setdefault(row["order_id"], []).append(row)
    discounts = {
        row["order_id"]: row["discount_amount"]
        for row in known(exports, "shop_order_discounts", "applied_at", as_of, batch)
    }
    orders = known(exports, "shop_orders", "ordered_at", as_of, batch)
    return [
        Order(
            at=row["ordered_at"],
            status=row["status"],
            user=_id("user", row["contact_id"]),
            email=_id("email", row["email_hmac"]),
            amount=sum((_amount(line) for line in lines.get(row["order_id"], [])), Decimal(0)),
            is_discounted=discounts.get(row["order_id"], 0) > 0,
            products=tuple(line["product_id"] for line in lines.get(row["order_id"], [])),
        )
        for row in latest(orders, "order_id", *_ARRIVAL)
    ]


def _amount(line: Row) -> Decimal:
    return Decimal(str(line["quantity"])) * Decimal(str(line["unit_price_amount"]))
