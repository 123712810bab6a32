"""A source that becomes stale is told once: as an alert, and by the status for as long as it is so."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from smalti import alerts, stages
from smalti.cli import app
from tests.warehouse.test_freshness import NEWEST, contract, line
from warehouse import atomic, freshness, manifest
from warehouse.settings import Settings


def published(settings: Settings, run_id: str, moment: datetime) -> Path:
    """A version of that moment, which is current from then on."""
    path = settings.published / f"{moment:%Y%m%dT%H%M}-{run_id}.duckdb"
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(path) as connection:
        connection.execute("create schema ops")
        connection.execute(f"create table ops.control as select timestamp '{moment}' as as_of")
        freshness.write(connection, settings, "ops.sources", moment)
    atomic.point(settings.current, path)
    return path


def told(settings: Settings, run_id: str) -> list[tuple[str, str, str]]:
    """What a run that has just published tells."""
    alerts.of_sources(settings, run_id, stages._stale_before(settings, run_id))
    return [(alert["kind"], alert["part"], alert["run_id"]) for alert in alerts.latest(settings, 9)]


@pytest.fixture
def shop(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home with one source, whose newest row may be six hours old."""
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    contract(6).write(settings.raw / "shop_orders")
    manifest.write(settings.raw / "shop_orders", [line()])
    return settings


def test_the_run_in_which_a_source_becomes_stale_tells_so_and_the_next_ones_do_not(shop: Settings) -> None:
    published(shop, "r1", NEWEST + timedelta(hours=6))
    assert told(shop, "r1") == []
    published(shop, "r2", NEWEST + timedelta(hours=7))
    assert told(shop, "r2") == [("stale", "shop_orders", "r2")]
    assert told(shop, "r2") == [("stale", "shop_orders", "r2")], "a publication that is repeated tells nothing twice"
    published(shop, "r3", NEWEST + timedelta(hours=8))
    assert told(shop, "r3") == [("stale", "shop_orders", "r2")]
    assert alerts.latest(shop, 1)[0]["message"] == f"newest row of {NEWEST}; allowed age: 6 h"


def test_a_source_that_was_fresh_in_between_is_told_again(shop: Settings) -> None:
    published(shop, "r1", NEWEST + timedelta(hours=7))
    told(shop, "r1")
    later = NEWEST + timedelta(hours=12)
    manifest.write(shop.raw / "shop_orders", [line(), line(2, arrived=later, event=later)])
    published(shop, "r2", later)
    assert len(told(shop, "r2")) == 1
    published(shop, "r3", later + timedelta(hours=7))
    assert told(shop, "r3")[0] == ("stale", "shop_orders", "r3")


def test_the_status_shows_what_is_stale_as_of_the_published_moment(shop: Settings) -> None:
    published(shop, "r1", NEWEST + timedelta(hours=6))
    assert "stale" not in CliRunner().invoke(app, ["status"]).stdout
    published(shop, "r2", NEWEST + timedelta(hours=7))
    assert f"stale shop_orders: newest row {NEWEST}, allowed age 6 h" in CliRunner().invoke(app, ["status"]).stdout
    found = json.loads(CliRunner().invoke(app, ["status", "--json"]).stdout)["published"]["sources"]
    assert [(row["source"], row["freshness"]) for row in found] == [("shop_orders", "stale")]


def test_the_list_tells_freshness_at_the_moment_asked_for_and_of_sources_never_loaded(shop: Settings) -> None:
    for moment, expected in (("2026-09-02T12:00:00", "fresh"), ("2026-09-02T12:00:01", "stale")):
        rows = json.loads(CliRunner().invoke(app, ["sources", "list", "--as-of", moment, "--json"]).stdout)
        found = {row["source"]: row for row in rows}
        assert found["shop_orders"]["freshness"] == expected
        assert found["shop_orders"]["rows_loaded"] == 1
        assert found["weather"]["freshness"] == "absent"
    shown = CliRunner().invoke(app, ["sources", "list", "--as-of", "2026-09-02"])
    assert "Sources as of 2026-09-02 00:00 UTC" in shown.stdout
