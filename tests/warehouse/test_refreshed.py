"""Of which models a run changes the rows of those touched alone."""

from datetime import datetime, timedelta
from typing import Any

import duckdb
import pytest

from warehouse import durable, refreshed

NOON = datetime(2026, 8, 31, 12)
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


def _node(name: str, kind: str, *read: str) -> dict[str, Any]:
    return {"name": name, "config": {"materialized": kind}, "depends_on": {"nodes": [*read, "source.ops.control"]}}


NODES = {
    node["name"]: node
    for node in (
        _node("contacts", "table"),
        _node("touched", "table", "contacts"),
        _node("sessions", "per_customer", "touched"),
        _node("habits", "refreshed", "sessions"),
        _node("customers", "refreshed", "habits", "contacts"),
        _node("customers_history", "refreshed", "customers"),
        _node("merges", "table", "contacts"),
    )
}


def _bound(stand: set[str], before: datetime, now: datetime, ended_at: datetime | None = None) -> set[str]:
    with duckdb.connect() as connection:
        connection.execute("create schema ops; create schema profiles")
        connection.execute("create table ops.control as select ? as prev_as_of, ? as as_of", [before, now])
        connection.execute("create table profiles.customers_history as select ?::timestamp as valid_to", [ended_at])
        refreshed.bind(connection, NODES, stand, {"habits"})
        return {name for (name,) in connection.execute("from ops.changed_by_touched").fetchall()}


def test_what_reads_nothing_else_that_was_built_is_refreshed_for_those_touched() -> None:
    everything = {"contacts", "touched", "sessions", "habits", "customers", "customers_history"}
    assert _bound({"contacts"}, NOON, NOON + HOUR) == everything


def test_what_reads_a_model_that_is_built_is_built_for_everybody_and_so_is_what_reads_that() -> None:
    assert _bound(set(), NOON, NOON + HOUR) == {"touched", "sessions", "habits"}


@pytest.mark.parametrize(("hours", "is_same"), [(11, True), (12, True), (13, False)])
def test_a_day_ends_with_midnight_and_what_speaks_of_it_is_built_for_everybody_then(
    hours: int, *, is_same: bool
) -> None:
    assert ("customers" in _bound({"contacts"}, NOON, NOON + hours * HOUR)) == is_same
    assert refreshed.day(NOON + 12 * HOUR) == refreshed.day(NOON)


@pytest.mark.parametrize(("later", "is_kept"), [(timedelta(0), False), (SECOND, True)])
def test_a_version_past_its_days_goes_with_a_build_for_everybody(later: timedelta, *, is_kept: bool) -> None:
    now = NOON + HOUR
    ended_at = now - timedelta(days=durable.KEPT["customers_history"].days) + later
    assert ("customers_history" in _bound({"contacts"}, NOON, now, ended_at)) == is_kept


def test_where_everything_is_built_nothing_is_refreshed() -> None:
    with duckdb.connect() as connection:
        connection.execute("create schema ops; create table ops.control (prev_as_of timestamp, as_of timestamp)")
        connection.execute("insert into ops.control values (null, '2026-08-31')")
        refreshed.bind(connection, {}, (), ())
        assert connection.execute("from ops.changed_by_touched").fetchall() == []
