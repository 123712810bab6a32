"""Every comparison and every figure, and its opposite, over people who stand on each side of each edge."""

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import duckdb
import pytest

from segmentation.vocabulary import vocabulary
from tests.segmentation.evaluator import AS_OF, World, length, met
from tests.segmentation.tables import database, fill, members, query

WORDS = replace(vocabulary(), segments=frozenset({"friends"}))
SPANS = ("30 days", "12 hours", "90 minutes", "2 weeks", "span days")
EDGES = [AS_OF - length(span) + timedelta(seconds=more) for span in SPANS for more in (-1, 0, 1)]
NUMBERS = [None, 0, 1, 2, 3]
NAMES = [f"p{number:02}" for number in range(60)]


def _world() -> World:
    pick = random.Random(7).choice
    people = [
        {
            "customer_id": name,
            "orders_count": pick(NUMBERS),
            "spend_365d_amount": pick([None, 0.5, 499.99, 500]),
            "region": pick([None, "North East", "it's", "few"]),
            "state": pick(["browsing", "loyal"]),
            "last_ordered_at": pick([None, *EDGES]),
            "is_active": pick([None, True, False]),
        }
        for name in NAMES
    ]
    events = [
        {
            "customer_id": pick(NAMES[:50]),
            "event_type": pick(["product_view", "add_to_cart"]),
            "platform": pick([None, "web", "ios"]),
            "category": pick([None, "books", "mugs"]),
            "product_id": pick([None, "P1", "P2"]),
            "value_amount": pick([None, 0, 0.5, 2]),
            "is_bot": pick([None, True, False]),
            "occurred_at": pick(EDGES) + timedelta(hours=pick([0, 0, 5])),
        }
        for _ in range(300)
    ]
    orders = [
        {
            "customer_id": pick(NAMES[:40]),
            "status": pick(["completed", "returned"]),
            "channel": pick([None, "web", "store"]),
            "revenue_amount": pick([0, 1, 2.5]),
            "ordered_at": pick(EDGES),
        }
        for _ in range(90)
    ]
    scored = [(name, model) for name in NAMES[:45] for model in ("purchase", "churn")]
    propensity = [
        {"customer_id": name, "model": model, "probability": pick([0.2, 0.5, 0.7]), "tier": pick(["high", "low"])}
        for name, model in scored
    ]
    clusters = [{"customer_id": name, "cluster": pick([0, 1]), "persona": pick(["few", "new"])} for name in NAMES[:45]]
    rows = (people, events, orders, propensity, clusters)
    return World(*map(tuple, rows), friends=frozenset(NAMES[::3]))  # type: ignore[arg-type]


WORLD = _world()
VIEWS = {"event": "product_view"}
RULES: list[dict[str, Any]] = [
    *({"attribute": "orders_count", sign: 2} for sign in ("is", "at_least", "more_than", "at_most", "less_than")),
    {"attribute": "orders_count", "at_least": "few"},
    {"attribute": "orders_count", "in": [0, "few"]},
    {"attribute": "orders_count", "between": [1, "few"]},
    {"attribute": "orders_count", "at_least": 1, "less_than": 3},
    {"attribute": "orders_count", "is_null": True},
    {"attribute": "orders_count", "is_null": False},
    {"attribute": "spend_365d_amount", "at_least": 499.995},
    {"attribute": "region", "is": "it's"},
    {"attribute": "region", "is": "few"},
    {"attribute": "region", "in": ["North East", "it's"]},
    {
        "attribute": "region",
        "in": ["North East", *(f"somewhere a good deal further off, number {n}" for n in range(9))],
    },
    {"attribute": "is_active", "is": True},
    {"attribute": "is_active", "is": False},
    *({"attribute": "last_ordered_at", sign: "30 days ago"} for sign in ("after", "since", "before", "until")),
    *({"attribute": "last_ordered_at", "after": f"{span} ago"} for span in SPANS),
    {"attribute": "last_ordered_at", "since": "30 days ago", "before": "2 weeks ago"},
    *({**VIEWS, "count": {"at_least": 2}, "within": span} for span in SPANS),
    {**VIEWS, "count": {"is": 0}},
    {**VIEWS, "count": {"between": [1, 2]}},
    {"event": "any", "count": {"more_than": 4}},
    {**VIEWS, "where": {"category": "books", "platform": ["web", "ios"]}, "count": {"at_least": 1}},
    {**VIEWS, "where": {"category": {"is_null": True}}, "count": {"at_least": 1}},
    {**VIEWS, "where": {"is_bot": False, "hour": {"at_least": 4, "less_than": 12}}, "count": {"at_least": 1}},
    {**VIEWS, "where": {"weekday": [6, 7]}, "count": {"at_least": 1}},
    {**VIEWS, "distinct": {"of": "product_id", "at_least": 2}},
    {**VIEWS, "distinct": {"of": "day", "at_least": 2}},
    {**VIEWS, "sum": {"of": "value_amount", "at_least": 2.5}},
    {**VIEWS, "sum": {"of": "value_amount", "is": 0}},
    *({**VIEWS, "last": {sign: "30 days ago"}} for sign in ("after", "since", "before", "until")),
    {**VIEWS, "last": {"is_null": True}},
    {"order": "completed", "sum": {"of": "revenue_amount", "less_than": 2.5}},
    {"order": "any", "where": {"channel": "store"}, "within": "span days", "count": {"at_least": 1}},
    {"order": "returned", "last": {"after": "2 weeks ago"}},
    {"score": "purchase", "tier": "high"},
    {"score": "purchase", "tier": ["high", "medium"]},
    {"score": "purchase", "probability": {"at_least": "half"}},
    {"score": "clusters", "cluster": 1},
    {"score": "clusters", "persona": "few"},
    {"segment": "friends"},
    # figures with one name over other rows
    {
        "all": [
            {**VIEWS, "where": {"value_amount": {sign: 0.5}}, "count": {"at_least": 1}}
            for sign in ("at_most", "more_than")
        ]
    },
    # several figures over the same rows
    {"all": [{**VIEWS, "count": {"at_least": 2}}, {**VIEWS, "distinct": {"of": "platform", "is": 1}}]},
    # a figure that is called as an attribute is
    {"all": [{"attribute": "orders_count", "at_least": 1}, {"order": "any", "count": {"is": 0}}]},
    {
        "any": [
            {"all": [{"segment": "friends"}, {"attribute": "is_active", "is": True}]},
            {"attribute": "region", "is": "few"},
        ]
    },
]


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    connection = database()
    fill(connection, WORLD)
    return connection


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_a_condition_and_its_opposite_divide_everybody(connection: duckdb.DuckDBPyConnection, rule: Any) -> None:
    who = sorted(str(person["customer_id"]) for person in WORLD.people if met(rule, person, WORLD))
    assert 0 < len(who) < len(NAMES), "the condition tells nobody apart: it proves nothing"
    assert members(connection, query(rule, WORDS)) == who
    assert members(connection, query({"not": rule}, WORDS)) == sorted(set(NAMES) - set(who))
    assert members(connection, query({"not": {"not": rule}}, WORDS)) == who
