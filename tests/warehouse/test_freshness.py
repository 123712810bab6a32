"""Freshness is told at a moment that is given, to the second."""

from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from warehouse import freshness, manifest
from warehouse.contracts import Column, Contract
from warehouse.manifest import Line
from warehouse.settings import Settings

NEWEST = datetime(2026, 8, 31, 12)
SECOND = timedelta(seconds=1)


def line(number: int = 1, *, rows: int = 1, arrived: datetime = NEWEST, event: datetime | None = NEWEST) -> Line:
    return Line(
        file=f"{number}.csv",
        sha256=str(number),
        bytes=1,
        status="loaded",
        run_id="r",
        batch=number,
        rows_in=rows,
        rows_loaded=rows,
        arrived_at=arrived.isoformat(),
        last_event_at=event.isoformat() if event else None,
    )


def contract(fresh_within: int | None) -> Contract:
    return Contract(
        source="shop_orders",
        description="One row per order.",
        format="csv",
        columns=(Column(name="order_id"),),
        key=("order_id",),
        purpose="revenue",
        retention_days=1,
        fresh_within=fresh_within,
    )


@pytest.mark.parametrize(
    ("age", "told"),
    [
        (timedelta(0), "fresh"),
        (timedelta(hours=6), "fresh"),
        (timedelta(hours=6) + SECOND, "stale"),
        (timedelta(days=9), "stale"),
    ],
)
def test_a_source_is_fresh_up_to_its_limit_and_stale_a_second_later(age: timedelta, told: str):
    assert freshness.state(NEWEST, 6, NEWEST + age) == told


def test_without_a_row_it_is_absent_and_without_a_limit_nothing_is_told():
    assert freshness.state(None, 6, NEWEST) == freshness.state(None, None, NEWEST) == "absent"
    assert freshness.state(NEWEST, None, NEWEST + timedelta(days=999)) is None


def test_the_newest_row_is_one_that_was_known_at_the_moment():
    later = line(2, arrived=NEWEST + timedelta(hours=1), event=NEWEST + timedelta(hours=1))
    assert freshness.newest([line(), later], NEWEST + timedelta(minutes=59)) == NEWEST
    assert freshness.newest([line(), later], NEWEST + timedelta(hours=1)) == NEWEST + timedelta(hours=1)


def test_an_event_of_the_future_does_not_keep_a_source_fresh():
    moment = NEWEST + timedelta(hours=2)
    assert freshness.newest([line(event=datetime(2099, 1, 1))], moment) == NEWEST


def test_a_file_that_brought_no_new_row_makes_nothing_fresher():
    later = NEWEST + timedelta(days=1)
    again = line(2, rows=0, arrived=later, event=later)
    assert freshness.newest([line(), again], NEWEST + timedelta(days=2)) == NEWEST


def test_without_an_event_time_the_arrival_counts():
    assert freshness.newest([line(event=None)], NEWEST) == NEWEST


def test_a_version_holds_freshness_as_of_its_own_moment(settings: Settings, tmp_path: Path):
    contract(6).write(settings.raw / "shop_orders")
    manifest.write(settings.raw / "shop_orders", [line()])
    for name, hours in (("fresh", 6), ("stale", 7)):
        with duckdb.connect(tmp_path / f"{name}.duckdb") as connection:
            connection.execute("create schema ops")
            freshness.write(connection, settings, "ops.sources", NEWEST + timedelta(hours=hours))
        [row] = freshness.published(tmp_path / f"{name}.duckdb")
        assert (row["freshness"], row["newest_at"], row["fresh_within_hours"]) == (name, NEWEST, 6)
        assert row["rows_loaded"] == 1
