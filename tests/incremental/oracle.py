"""The histories as plain facts: what the oracles of people and of segments are asked about."""

import hashlib
import hmac
from datetime import datetime
from typing import Any

import polars as pl

from tests.incremental.warehouse import SETTINGS, UNTIL
from tests.pipeline.identity_oracle import Account, Graph, Id, Record

Row = dict[str, Any]
PUBLISHED = {
    "user": "user_id",
    "email": "email",
    "loyalty": "loyalty_number",
    "phone": "phone",
    "device": "device_id",
    "browser": "anonymous_id",
}


def known(exports: dict[str, pl.DataFrame], name: str, event_time: str, as_of: datetime, batch: int) -> list[Row]:
    """The rows of a source that were there, true at the moment, and not taken back since."""
    rows = exports[name].to_dicts() if name in exports else []
    live = [row for row in rows if row["_batch"] <= batch and (row.get(UNTIL) or batch + 1) > batch]
    return [row for row in live if row["_arrived_at"] <= as_of and row[event_time] <= as_of]


def latest(rows: list[Row], key: str, *by: str) -> list[Row]:
    """The last row of each key."""
    found: dict[str, Row] = {}
    for row in sorted(rows, key=lambda row: tuple(row[name] for name in by)):
        found[row[key]] = row
    return list(found.values())


def pseudonym(one: Id) -> str:
    """The hash that is published; e-mails and phones stand as hashes in raw."""
    kind, value = one
    if kind in {"email", "phone"}:
        return value
    key = bytes.fromhex(SETTINGS.hmac_key.get_secret_value())
    return hmac.new(key, f"{PUBLISHED[kind]}:{value}".encode(), hashlib.sha256).hexdigest()


def graph(exports: dict[str, pl.DataFrame], as_of: datetime, batch: int, **more: Any) -> Graph:
    """All identifiers of the histories as they stood together."""
    records: list[Record] = []

    def add(at: datetime, **kinds: str | None) -> None:
        records.append(Record(at, tuple((kind, value) for kind, value in kinds.items() if value)))

    accounts: dict[Id, Account] = {}
    contacts = known(exports, "crm_contacts", "updated_at", as_of, batch)
    for row in latest(contacts, "contact_id", "updated_at", "_arrived_at"):
        user = _user(row["contact_id"])
        add(row["created_at"], user=user, email=row["email_hmac"], phone=row.get("phone_hmac"))
        accounts["user", str(user)] = Account("crm", row.get("first_name_hmac"), row.get("birth_date_hmac"))
    orders = known(exports, "shop_orders", "ordered_at", as_of, batch)
    for row in latest(orders, "order_id", "_arrived_at", "_batch", "_file", "_position"):
        add(row["ordered_at"], user=_user(row["contact_id"]), email=row["email_hmac"])
    members = known(exports, "loyalty_members", "updated_at", as_of, batch)
    for row in latest(members, "loyalty_number", "updated_at", "_arrived_at", "_batch", "_file", "_position"):
        add(row["joined_at"], user=_user(row["contact_id"]), email=row["email_hmac"], loyalty=row["loyalty_number"])
    for row in known(exports, "web_events", "occurred_at", as_of, batch):
        user = _user(row["user_id"])
        add(row["occurred_at"], user=user, device=row["device_id"], browser=row["anonymous_id"])
    return Graph(records, accounts, more.get("separations", []), rank=pseudonym, linked=more.get("linked", []))


def _user(contact_id: str | None) -> str | None:
    return f"crm:{contact_id}" if contact_id else None
