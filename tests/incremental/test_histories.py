"""Many small runs come to what one run over everything comes to, whatever arrived when, and whatever died between."""

from datetime import timedelta
from functools import cache

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.incremental.histories import MOMENTS, generate
from tests.incremental.warehouse import Node, Warehouse, compiled

# what a customer id stands in, and what of it is the same whatever runs came before
# refreshed for those touched, as long as nothing else that they read changed
REFRESHED = {
    *("anomalies", "interests", "customer_favourites", "customer_habits", "customer_relationship"),
    *("customer_consents", "customers", "customers_history"),
}
# late files are there before; a day ends, then in twenty hours of one day orders leave a window of 90 days
QUIET = tuple(MOMENTS[-1] + timedelta(days=60, hours=hours) for hours in (-24, -0.5, 19))
FIGURES = {
    "identifiers": "select * exclude (minted_customer_id) from profiles.identifiers",
    "sessions": "select * exclude (session_id) from profiles.sessions",
    "customers": "select * from profiles.customers",
    "anomalies": "select * from profiles.anomalies",
    "attributes": "select * from profiles.customer_attributes",
    "interests": "select * from profiles.interests",
    "habits": "select * from profiles.customer_habits",
    "favourites": "select * from profiles.customer_favourites",
    "memberships": "select segment_id, customer_id from segments.memberships",
    # who is held out is drawn by the id, which a merge on the way may make another one
    "allowed": "select destination, segment_id, customer_id, has_consent from activation.activated_memberships",
}
DECISIONS = {
    "sessions by id": "select * from profiles.sessions",
    "ids that were made": "select * from profiles.identifiers",
    "merges": "select * from profiles.merges",
    "versions": "select * from profiles.customers_history",
    "spells": "select * from segments.membership_history",
}


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Node]:
    return compiled(tmp_path_factory.mktemp("compiled"))


@cache
def _exports(count: int, seed: int) -> dict[str, pl.DataFrame]:
    return generate(count, seed)


def in_steps(models: list[Node], exports: dict[str, pl.DataFrame], **changed: tuple[str, str]) -> Warehouse:
    """A run at every moment."""
    warehouse = Warehouse.of(models, exports, **changed)
    for batch, moment in enumerate(MOMENTS, 1):
        warehouse.run(batch, moment)
    return warehouse


def at_once(models: list[Node], exports: dict[str, pl.DataFrame]) -> Warehouse:
    """One run, at the last moment."""
    warehouse = Warehouse.of(models, exports)
    warehouse.run(len(MOMENTS), MOMENTS[-1])
    return warehouse


def differing(one: Warehouse, other: Warehouse, queries: dict[str, str]) -> list[str]:
    """Names of queries whose rows differ; sums of decaying weights by less than 1e-9 are equal."""
    found = []
    for name, query in queries.items():
        try:
            assert_frame_equal(one.rows(query), other.rows(query), abs_tol=1e-9, rel_tol=0)
        except AssertionError:
            found.append(name)
    return found


def renamed(one: Warehouse, other: Warehouse) -> Warehouse:
    """`one` with the customer ids of `other`: identifiers say which is which, and must say it one to one."""
    here, there = (w.rows("select * exclude (first_seen_at) from profiles.identifiers") for w in (one, other))
    pairs = here.join(there, on=["identifier_type", "identifier_hash"], how="full", suffix="_there")
    names = pairs.select("customer_id", "customer_id_there").unique()
    assert names.null_count().sum_horizontal().item() == 0
    assert names["customer_id"].is_unique().all()
    assert names["customer_id_there"].is_unique().all()
    one.connection.execute("create or replace table renamed as select * from names")
    for query in FIGURES.values():
        table, which = query.split(" from ")[1], "where t.customer_id = renamed.customer_id"
        one.connection.execute(f"update {table} as t set customer_id = customer_id_there from renamed {which}")
    return one


def test_a_thousand_histories_in_steps_are_what_they_are_at_once(models: list[Node]) -> None:
    exports = _exports(1000, 1)
    steps, once = in_steps(models, exports), at_once(models, exports)
    merges = steps.rows("select * from profiles.merges")["evidence"].str.slice(0, 5)
    assert set(merges) == {"merge", "split"}
    assert len(merges) > 100
    assert differing(renamed(steps, once), once, FIGURES) == []


def test_a_rebuild_with_the_decisions_of_earlier_runs_is_the_same_to_the_id(models: list[Node]) -> None:
    exports = _exports(300, 2)
    steps = Warehouse.of(models, exports)
    for batch, moment in enumerate(MOMENTS[:-1], 1):
        steps.run(batch, moment)
    rebuilt = Warehouse.of(models, exports)
    rebuilt.restore(steps.decisions())
    for warehouse in (steps, rebuilt):
        warehouse.run(len(MOMENTS), MOMENTS[-1])
    assert not steps.control.is_full
    assert rebuilt.control.is_full
    assert differing(steps, rebuilt, FIGURES | DECISIONS) == []


def _quiet(models: list[Node], **changed: tuple[str, str]) -> tuple[Warehouse, Warehouse]:
    """A shop after hours without news, and one built again at the last of them from the same decisions."""
    exports = _exports(300, 2)
    steps, rebuilt = in_steps(models, exports, **changed), Warehouse.of(models, exports)
    for moment in QUIET[:-1]:
        steps.run(len(MOMENTS) + 2, moment)
    rebuilt.restore(steps.decisions())
    for warehouse in (steps, rebuilt):
        warehouse.run(len(MOMENTS) + 2, QUIET[-1])
    return steps, rebuilt


def test_hours_without_news_look_at_those_touched_alone_and_come_to_the_same(models: list[Node]) -> None:
    steps, rebuilt = _quiet(models)
    assert {name.split(".")[-1] for name in steps.same} >= REFRESHED
    assert differing(steps, rebuilt, FIGURES | DECISIONS) == []


@pytest.mark.slow
def test_an_order_that_leaves_a_window_unnoticed_is_seen(models: list[Node]) -> None:
    left = "<= bounds.as_of - interval 90 day"
    steps, rebuilt = _quiet(models, touched=(left, "is null"))
    assert {"customers", "versions"} <= {*differing(steps, rebuilt, FIGURES | DECISIONS)}


@pytest.mark.parametrize("died_after", ["event_log", "customer_ids", "touched", "sessions", "customers", "catalog"])
def test_a_run_that_died_anywhere_is_repeated(models: list[Node], died_after: str) -> None:
    exports = _exports(60, 3)
    dying, steps = (Warehouse.of(models, exports) for _ in range(2))
    for batch, moment in enumerate(MOMENTS, 1):
        steps.run(batch, moment)
        dying.run(batch, moment, until=died_after)
        dying.run(batch, moment)
        assert dying.control.is_full == (batch == 1)
    assert differing(dying, steps, FIGURES | DECISIONS) == []


def test_what_a_run_left_that_spoke_of_another_moment_is_built_again(models: list[Node]) -> None:
    exports = _exports(60, 3)
    dying, steps = (Warehouse.of(models, exports) for _ in range(2))
    for batch, moment in enumerate(MOMENTS, 1):
        if batch in {2, 4, 7}:
            dying.run(batch, moment, until="sessions")
            continue
        for warehouse in (dying, steps):
            warehouse.run(batch, moment)
        assert dying.control.is_full == (batch in {1, 3, 5, 8})
    assert differing(dying, steps, FIGURES | DECISIONS) == []


FAULTS = {
    "a merge touches nobody": ("touched", "published_before.customer_id <> customer_ids.customer_id", "false"),
    "nobody is due after 30 days": ("touched", "event_log.occurred_at <= bounds.as_of - interval 30 day", "false"),
    "nobody is due after 7 days": ("touched", "event_log.occurred_at <= bounds.as_of - interval 7 day", "false"),
    "due a second late": (
        "touched",
        "event_log.occurred_at <= bounds.as_of - interval 30 day",
        "event_log.occurred_at < bounds.as_of - interval 30 day",
    ),
    "a product in another category": ("touched", "where product_descriptions.run_number =", "where 0 ="),
    "only new events are counted": ("touched", "event_log.run_number = bounds.run_number", "false"),
    "a late event is not first seen": (
        "event_identifiers",
        "or seen_now.first_seen_at < seen_before.first_seen_at",
        "",
    ),
    "a number is given twice": (
        "known_identifiers",
        "last_number.identifier_number + row_number",
        "last_number.identifier_number - 1 + row_number",
    ),
    "what was counted earlier does not decay": (
        "interests",
        "last_signal_at) / 86400.0",
        "last_signal_at) * 0.0",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_what_is_kept_is_noticed(models: list[Node], fault: str) -> None:
    model, old, new = FAULTS[fault]
    exports = _exports(300, 2)
    steps = in_steps(models, exports, **{model: (old, new)})
    once = at_once(models, exports)
    try:
        found = differing(renamed(steps, once), once, FIGURES)
    except AssertionError:
        found = ["people are others"]
    assert found != []
