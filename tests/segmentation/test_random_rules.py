"""Whatever the rule and whoever the people: the SQL picks whom a plain reading of the rule picks, each once."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from segmentation.vocabulary import vocabulary
from tests.segmentation.evaluator import AS_OF, World, length, met
from tests.segmentation.tables import database, fill, members, query

WORDS = replace(vocabulary(), segments=frozenset({"friends"}))
SPANS = ["0 days", "1 day", "30 days", "12 hours", "90 minutes", "2 weeks", "span days", "few hours"]
NAMES = ["ann", "bob", "cy", "dee", "eve", "flo"]
PEOPLE = st.sampled_from(NAMES)
REGIONS = ["North", "it's; -- South", "few"]
NUMBERS = st.sampled_from([0, 1, 2, 3, 0.5, "few", "half"])
# at the edge of each span, a second to either side of it, and in between
MOMENTS = st.sampled_from([AS_OF - length(span) + timedelta(seconds=more) for span in SPANS for more in (-1, 0, 1)])
AMOUNTS = st.sampled_from([0, 0.5, 1, 2, 3])


def maybe(values: SearchStrategy[Any]) -> SearchStrategy[Any]:
    """These, or null."""
    return st.none() | values


def comparison(kind: str, texts: list[str] | None = None) -> SearchStrategy[dict[str, Any]]:
    """One or two comparisons that fit a kind of column."""
    ago = st.sampled_from([f"{span} ago" for span in SPANS])
    numbers = dict.fromkeys(("is", "at_least", "more_than", "at_most", "less_than"), NUMBERS)
    single = {
        "number": numbers
        | {"in": st.lists(NUMBERS, min_size=1, max_size=3), "between": st.tuples(NUMBERS, NUMBERS).map(list)},
        "time": dict.fromkeys(("after", "since", "before", "until"), ago),
        "truth": {"is": st.booleans()},
        "text": {
            "is": st.sampled_from(texts or ["x"]),
            "in": st.lists(st.sampled_from(texts or ["x"]), min_size=1, max_size=2),
        },
    }[kind.removesuffix("_never_null")]
    if not kind.endswith("_never_null"):
        single |= {"is_null": st.booleans()}
    one = st.one_of([st.fixed_dictionaries({key: value}) for key, value in single.items()])
    return st.tuples(one, one).map(lambda both: both[0] | both[1]) | one


ATTRIBUTES = st.one_of(
    [
        comparison(kind, texts).map(lambda asked, name=name: {"attribute": name} | asked)
        for name, kind, texts in (
            ("orders_count", "number", None),
            ("spend_365d_amount", "number", None),
            ("region", "text", REGIONS),
            ("state", "text", ["browsing", "loyal"]),
            ("last_ordered_at", "time", None),
            ("is_active", "truth", None),
        )
    ]
)
PRODUCTS, CATEGORIES, CHANNELS = ["P1", "P2"], ["books", "o'mugs"], ["web", "store"]
WHERES = {
    "event": {
        "category": comparison("text", CATEGORIES) | st.sampled_from(CATEGORIES),
        "product_id": st.just(PRODUCTS),
        "value_amount": comparison("number"),
        "is_bot": st.booleans(),
        "hour": comparison("number"),
    },
    "order": {
        "channel": comparison("text", CHANNELS),
        "revenue_amount": comparison("number"),
        "weekday": comparison("number"),
    },
}


def occurrence(what: str, kinds: list[str], distinct: list[str], amount: str) -> SearchStrategy[dict[str, Any]]:
    """A condition on events or orders."""
    counted = comparison("number_never_null")
    measures = st.one_of(
        counted.map(lambda asked: {"count": asked}),
        st.tuples(counted, st.sampled_from(distinct)).map(lambda both: {"distinct": {"of": both[1]} | both[0]}),
        counted.map(lambda asked: {"sum": {"of": amount} | asked}),
        comparison("time").map(lambda asked: {"last": asked}),
    )
    optional = {"within": st.sampled_from(SPANS), "where": st.fixed_dictionaries({}, optional=WHERES[what])}
    kind = st.fixed_dictionaries({what: st.sampled_from(kinds)}, optional=optional)
    return st.tuples(kind, measures).map(lambda both: both[0] | both[1])


EVENT = occurrence("event", ["product_view", "any"], ["product_id", "category", "hour", "day"], "value_amount")
ORDER = occurrence("order", ["completed", "any"], ["channel", "weekday"], "revenue_amount")
SCORE = st.one_of(
    comparison("text", ["high", "low"]).map(lambda asked: {"score": "purchase", "tier": asked}),
    comparison("number").map(lambda asked: {"score": "purchase", "probability": asked}),
    comparison("number").map(lambda asked: {"score": "clusters", "cluster": asked}),
    comparison("text", ["few orders"]).map(lambda asked: {"score": "clusters", "persona": asked}),
)
MEMBER = st.just({"segment": "friends"})


def rules(depth: int) -> SearchStrategy[dict[str, Any]]:
    """Rules of at most this depth; each kind about as often as any other."""
    leaves = [ATTRIBUTES, EVENT, EVENT, ORDER, SCORE, MEMBER]
    if depth == 0:
        return st.integers(0, len(leaves) - 1).flatmap(lambda at: leaves[at])
    inner = rules(depth - 1)
    several = st.lists(inner, min_size=2, max_size=3)
    kinds = [
        several.map(lambda parts: {"all": parts}),
        several.map(lambda parts: {"any": parts}),
        inner.map(lambda part: {"not": part}),
        inner,
    ]
    return st.integers(0, len(kinds) - 1).flatmap(lambda at: kinds[at])


RULES = rules(2)


def person(name: str) -> SearchStrategy[dict[str, Any]]:
    """A person, of whom anything may be unknown."""
    known = {"orders_count": maybe(st.integers(0, 3)), "spend_365d_amount": maybe(AMOUNTS)}
    known |= {"region": maybe(st.sampled_from(REGIONS)), "state": maybe(st.sampled_from(["browsing", "loyal"]))}
    known |= {"last_ordered_at": maybe(MOMENTS), "is_active": maybe(st.booleans())}
    return st.fixed_dictionaries({"customer_id": st.just(name)} | known)


def of_some(**columns: SearchStrategy[Any]) -> SearchStrategy[tuple[dict[str, Any], ...]]:
    """At most one row a person."""
    rows = st.lists(st.fixed_dictionaries({"customer_id": PEOPLE} | columns), max_size=6)
    return rows.map(lambda found: tuple({row["customer_id"]: row for row in found}.values()))


EVENTS = st.fixed_dictionaries(
    {
        "customer_id": PEOPLE,
        "event_type": st.sampled_from(["product_view", "add_to_cart"]),
        "category": maybe(st.sampled_from(CATEGORIES)),
        "product_id": maybe(st.sampled_from([*PRODUCTS, "P3"])),
        "value_amount": maybe(AMOUNTS),
        "is_bot": maybe(st.booleans()),
        "occurred_at": MOMENTS,
    }
)
ORDERS = st.fixed_dictionaries(
    {
        "customer_id": PEOPLE,
        "status": st.sampled_from(["completed", "returned"]),
        "channel": maybe(st.sampled_from(CHANNELS)),
        "revenue_amount": AMOUNTS,
        "ordered_at": MOMENTS,
    }
)
WORLDS = st.builds(
    World,
    people=st.tuples(*(person(name) for name in NAMES)),
    events=st.lists(EVENTS, max_size=16).map(tuple),
    orders=st.lists(ORDERS, max_size=10).map(tuple),
    propensity=of_some(
        model=st.sampled_from(["purchase", "churn"]), probability=maybe(AMOUNTS), tier=st.sampled_from(["high", "low"])
    ),
    clusters=of_some(cluster=st.integers(0, 3), persona=maybe(st.sampled_from(["few orders", "browsers"]))),
    friends=st.frozensets(PEOPLE),
)


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    return database()


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rule=RULES, world=WORLDS)
def test_the_sql_picks_whom_a_plain_reading_of_the_rule_picks(
    connection: duckdb.DuckDBPyConnection, rule: Any, world: World
) -> None:
    fill(connection, world)
    expected = sorted(str(each["customer_id"]) for each in world.people if met(rule, each, world))
    sql = query(rule, WORDS)
    assert members(connection, sql) == expected, sql
