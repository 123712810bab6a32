"""What a rule may speak of: the columns, events, scores and segments that there are.

Columns and their types come from the descriptions of the tables; no other name from a rule reaches SQL.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import yaml

from warehouse.dbt import PROJECT, SEGMENTS

TABLES = {
    "customers": "ref('customers')",
    "customer_events": "ref('customer_events')",
    "customer_orders": "ref('customer_orders')",
    "propensity": "source('scores', 'propensity')",
    "clusters": "source('scores', 'clusters')",
}
MEASURED = "measured"
EVENTS = {
    "page_view": "page_views",
    "product_view": "product_views",
    "search": "searches",
    "add_to_cart": "carts",
    "remove_from_cart": "cart_removals",
    "add_to_wishlist": "wishlist_additions",
    "purchase": "purchases",
    "any": "events",
}
ORDERS = {
    "completed": "completed_orders",
    "cancelled": "cancelled_orders",
    "returned": "returned_orders",
    "any": "orders",
}
_IDENTIFIERS = {"customer_id", "contact_id_crm"}
_OF_EVENTS = (
    *("platform", "device_class", "page", "product_id", "category", "search_query", "value_amount"),
    *("referrer_domain", "utm_source", "utm_medium", "utm_campaign", "is_bot"),
)
_OF_ORDERS = ("channel", "revenue_amount")
_KINDS = {"varchar": "text", "boolean": "truth", "timestamp": "time"}


@dataclass(frozen=True)
class Column:
    """A column: its kind (text, number, time, truth, day), how SQL says it, and the values that it can have if few."""

    kind: str
    sql: str
    values: tuple[str, ...] = ()
    is_amount: bool = False


@dataclass(frozen=True)
class Log:
    """A table of what people did: which column tells the kind and the moment, what each kind is called, its columns."""

    table: str
    kind: str
    moment: str
    kinds: Mapping[str, str]
    columns: Mapping[str, Column]


@dataclass(frozen=True)
class Vocabulary:
    """What a rule may name."""

    attributes: Mapping[str, Column]
    events: Log
    orders: Log
    segments: frozenset[str]


_PROPENSITY = {
    "tier": Column("text", "tier", ("low", "medium", "high")),
    "probability": Column("number", "probability"),
}
SCORES: Mapping[str, Mapping[str, Column]] = {
    "purchase": _PROPENSITY,
    "clusters": {"cluster": Column("number", "cluster"), "persona": Column("text", "persona")},
}


def vocabulary(folder: Path = SEGMENTS) -> Vocabulary:
    """What a rule of this folder may name."""
    segments = frozenset(path.stem for kind in ("sql", "yml") for path in folder.glob(f"*.{kind}"))
    return Vocabulary(_attributes(), _events(), _orders(), segments)


def _attributes() -> Mapping[str, Column]:
    columns = _described("profiles/customers.yml", "customers")
    return {name: column for name, column in columns.items() if name not in _IDENTIFIERS}


def _events() -> Log:
    columns = _described("identity/_identity.yml", "event_log")
    columns = {name: columns[name] for name in _OF_EVENTS} | _of_time("occurred_at")
    return Log("customer_events", "event_type", "occurred_at", EVENTS, columns)


def _orders() -> Log:
    columns = _described("identity/_identity.yml", "customer_orders")
    columns = {name: columns[name] for name in _OF_ORDERS} | _of_time("ordered_at")
    return Log("customer_orders", "status", "ordered_at", ORDERS, columns)


def _of_time(moment: str) -> dict[str, Column]:
    return {
        "hour": Column("number", f"extract('hour' from {moment})"),
        "weekday": Column("number", f"extract('isodow' from {moment})"),
        "day": Column("day", f"cast({moment} as date)"),
    }


@cache
def _described(file: str, model: str) -> Mapping[str, Column]:
    """The columns that the description of a model gives a type."""
    models = yaml.safe_load((PROJECT / "models" / file).read_text())["models"]
    columns = next(each["columns"] for each in models if each["name"] == model)
    return {column["name"]: _column(column) for column in columns if "data_type" in column}


def _column(described: Mapping[str, Any]) -> Column:
    name, kind = described["name"], _KINDS.get(described["data_type"], "number")
    tests = [test for test in described.get("data_tests", []) if isinstance(test, dict)]
    accepted = [test["accepted_values"]["arguments"]["values"] for test in tests if "accepted_values" in test]
    values = [value for each in accepted for value in each]
    return Column(kind, name, tuple(values), is_amount=name.endswith("_amount"))


@cache
def reserved() -> frozenset[str]:
    """Words of SQL that can name neither a segment nor a step."""
    with duckdb.connect() as connection:
        rows = connection.execute("select keyword_name from duckdb_keywords() where keyword_category <> 'unreserved'")
        return frozenset(name for (name,) in rows.fetchall())
