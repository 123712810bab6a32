"""The sieve before a window lets through whoever may count: with it and without it the same people."""

import re
from datetime import datetime

import duckdb
import numpy as np
import polars as pl
import pytest

from tests.incremental.warehouse import compiled

pytestmark = pytest.mark.xdist_group("dbt")

SIEVED = ("category_enthusiast", "high_engagement")
AS_OF = datetime(2026, 8, 31)
TEN_MINUTES = 600_000_000
# gaps that add up to ten minutes, or miss it by a microsecond, in microseconds
GAPS = [0, 1, 150_000_000, 150_000_001, 200_000_000, 200_000_001, 300_000_000, TEN_MINUTES - 1, TEN_MINUTES, 10**10]

WEIGHTS = [0.05, 0.05, 0.3, 0.15, 0.15, 0.05, 0.1, 0.05, 0.05, 0.05]


@pytest.fixture(scope="module")
def segments(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    nodes = compiled(tmp_path_factory.mktemp("sieve"))
    return {node["name"]: node["compiled_code"] for node in nodes if node["name"] in SIEVED}


@pytest.fixture(scope="module")
def shop() -> duckdb.DuckDBPyConnection:
    """Views of 3,000 people, each by gaps of their own from a second that has a fraction."""
    random = np.random.default_rng(3)
    rows, each = 60_000, 20
    person = np.arange(rows) // each
    steps = random.choice(GAPS, rows, p=WEIGHTS).reshape(-1, each).cumsum(axis=1).ravel()
    start = random.integers(0, 10**6, rows // each).repeat(each) + int(datetime(2026, 8, 15).timestamp()) * 10**6
    events = pl.DataFrame(
        {
            "customer_id": [f"p{one}" for one in person],
            "event_type": "product_view",
            "product_id": [f"P{one}" for one in np.where(person % 3 == 0, 0, random.integers(0, 8, rows))],
            "category": [f"c{int(one)}" for one in random.random(rows) < 0.1],
            "occurred_at": (start + steps).astype("datetime64[us]"),
        }
    )
    connection = duckdb.connect()
    connection.register("events", events)
    connection.execute("create schema ops; create schema identity")
    connection.execute("create table ops.control as select ?::timestamp as as_of", [AS_OF])
    connection.execute("create table identity.customer_events as from events")
    return connection


def _people(shop: duckdb.DuckDBPyConnection, sql: str) -> set[str]:
    return {customer for (customer,) in shop.execute(sql).fetchall()}


@pytest.mark.parametrize("name", SIEVED)
def test_with_the_sieve_and_without_it_are_the_same_people(
    segments: dict[str, str], shop: duckdb.DuckDBPyConnection, name: str
) -> None:
    plain, count = re.subn(r"from close_together\b", "from product_views", segments[name])
    assert count == 1
    wanted = _people(shop, plain)
    assert 200 < len(wanted) < 3_000
    assert _people(shop, segments[name]) == wanted


@pytest.mark.parametrize("name", SIEVED)
@pytest.mark.parametrize("hashed", ["customer_id", "group"])
def test_people_and_groups_that_share_a_hash_change_nothing(
    segments: dict[str, str], shop: duckdb.DuckDBPyConnection, name: str, hashed: str
) -> None:
    """Here all of them share one: the sieve lets everybody through, or those of whom it takes two groups for one."""
    group = {"category_enthusiast": "category", "high_engagement": "product_id"}[name]
    column = group if hashed == "group" else hashed
    alike, count = re.subn(rf"hash\({column}\)", "0::ubigint", segments[name])
    assert count == 2
    assert _people(shop, alike) == _people(shop, segments[name])


def test_a_sieve_that_is_a_second_too_fine_is_noticed(
    segments: dict[str, str], shop: duckdb.DuckDBPyConnection
) -> None:
    finer, count = re.subn(r"packed - earlier <= 600", "packed - earlier <= 599", segments["category_enthusiast"])
    assert count == 1
    assert _people(shop, finer) < _people(shop, segments["category_enthusiast"])
