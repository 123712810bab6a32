"""Interests are their closed form, into whatever runs the events fall and however short a half-life is."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.incremental.habits import day_end
from tests.incremental.test_histories import models
from tests.incremental.warehouse import SETTINGS, Node, Warehouse
from warehouse import pseudonyms, run

__all__ = ["models"]
START = datetime(2020, 1, 1)
DAY = timedelta(days=1)
WEIGHTS = {"product_view": 1.0, "add_to_cart": 4.0, "purchase": 8.0}


@dataclass(frozen=True)
class Signal:
    """What somebody did, some seconds after the start, and the run that was the first to see it."""

    person: str
    kind: str
    seconds: int
    run: int

    @property
    def at(self) -> datetime:
        """When."""
        return START + timedelta(seconds=self.seconds)


signals = st.builds(
    Signal,
    st.sampled_from(("ann", "bob")),
    st.sampled_from(("product_view", "add_to_cart")),
    st.integers(0, 10 * 365 * 86_400),
    st.integers(1, 3),
)
half_lives = st.dictionaries(
    st.sampled_from(sorted(WEIGHTS)), st.floats(1e-6, 1e6), min_size=len(WEIGHTS), max_size=len(WEIGHTS)
)
short = dict.fromkeys(WEIGHTS, 0.01)


class Interests:
    """The two models alone, over tables that a test fills: what is kept, and what is published of it."""

    def __init__(self, models: list[Node], half_lives: dict[str, float]) -> None:
        only = [node for node in models if node["name"] in {"event_interests", "interests"}]
        self.warehouse = Warehouse(only)
        self.run_number = 0
        pseudonyms.bind(self._connection, SETTINGS)
        weights = ", ".join(f"('{name}', {weight}, {half_lives[name]!r})" for name, weight in WEIGHTS.items())
        self._connection.execute(f"""
            create schema kept; create schema profiles; create schema identity; create schema ops;
            create schema seeds; create schema input;
            create table ops.control (as_of timestamp);
            create table seeds.interest_weights (signal varchar, weight double, half_life_days double);
            insert into seeds.interest_weights values {weights};
            create table input.products (product_id varchar, category varchar, brand varchar);
            create table input.order_lines (order_id varchar, product_id varchar);
            create table identity.customer_orders (
                customer_id varchar, order_id varchar, ordered_at timestamp, is_revenue boolean
            );
            create table identity.touched_events (
                customer_id varchar, event_type varchar, product_id varchar, category varchar, occurred_at timestamp,
                is_bot boolean
            );
            create table identity.touched (customer_id varchar)""")

    @property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        return self.warehouse.connection

    def run(self, events: list[Signal], touched: set[str], as_of: datetime) -> None:
        """Count those people again who are touched, and nobody else."""
        connection = self._connection
        connection.execute("delete from ops.control; delete from identity.touched; delete from identity.touched_events")
        connection.execute("insert into ops.control values (?)", [as_of])
        for person in sorted(touched):
            connection.execute("insert into identity.touched values (?)", [person])
        for one in events:
            if one.person in touched:
                row = [one.person, one.kind, one.at]
                connection.execute("insert into identity.touched_events values (?, ?, null, 'mugs', ?, false)", row)
        self.run_number += 1
        self.warehouse.control = run._Control(run_number=self.run_number, is_full=self.run_number == 1)
        for node in self.warehouse.models:
            self.warehouse._build(node)

    def scores(self) -> dict[str, float]:
        """By person."""
        rows = self.warehouse.rows("select customer_id, score from profiles.interests").iter_rows()
        return dict(rows)


def _closed_form(events: list[Signal], half_lives: dict[str, float], as_of: datetime) -> dict[str, float]:
    return {
        person: math.fsum(
            WEIGHTS[one.kind] * 2 ** -((day_end(as_of) - one.at) / DAY / half_lives[one.kind])
            for one in events
            if one.person == person
        )
        for person in {one.person for one in events}
    }


def _same(some: dict[str, float], other: dict[str, float]) -> bool:
    return set(some) == set(other) and all(abs(score - other[key]) <= 1e-9 for key, score in some.items())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(signals, min_size=1, max_size=12), half_lives=half_lives, waited=st.integers(0, 400 * 86_400))
# four years at a half-life of a quarter of an hour: as powers of two from one anchor, 2^140,000
@example(
    events=[Signal("ann", "add_to_cart", 0, 1), Signal("ann", "product_view", 4 * 365 * 86_400, 2)],
    half_lives=short,
    waited=0,
)
def test_whatever_run_sees_a_signal_the_score_is_the_closed_form(
    models: list[Node], events: list[Signal], half_lives: dict[str, float], waited: int
) -> None:
    end = max(one.at for one in events) + timedelta(seconds=waited)
    interests = Interests(models, half_lives)
    for number in sorted({one.run for one in events}):
        known = [one for one in events if one.run <= number]
        interests.run(known, {one.person for one in events if one.run == number}, end)
        assert _same(interests.scores(), _closed_form(known, half_lives, end))


def test_nobody_is_counted_again_because_time_has_passed(models: list[Node]) -> None:
    events = [Signal("ann", "product_view", 0, 1), Signal("ann", "add_to_cart", 86_400, 1)]
    half_lives = {"product_view": 14.0, "add_to_cart": 21.0, "purchase": 60.0}
    interests = Interests(models, half_lives)
    for days, touched in ((1, {"ann"}), (30, set()), (900, set())):
        interests.run(events, touched, START + days * DAY)
        assert _same(interests.scores(), _closed_form(events, half_lives, START + days * DAY))


@pytest.mark.parametrize("half_life", [0.0, -14.0])
def test_a_half_life_that_is_none_is_refused(models: list[Node], half_life: float) -> None:
    interests = Interests(models, dict.fromkeys(WEIGHTS, half_life))
    with pytest.raises(duckdb.Error, match=r"interest_weights\.csv: a signal has no half_life_days above 0"):
        interests.run([Signal("ann", "product_view", 0, 1)], {"ann"}, START + DAY)
