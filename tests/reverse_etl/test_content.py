"""Content goes beside the segment ids as one text: as a dry run shows it, and once each time that it changes."""

import json
from pathlib import Path

import polars as pl
import pytest

from reverse_etl.deliver import preview
from reverse_etl.options import Options
from tests.reverse_etl.conftest import Shop
from tests.reverse_etl.vendors.account import vendor
from tests.reverse_etl.vendors.server import serving
from warehouse.settings import Settings

PEOPLE = {"id-001": ["high_value"], "id-002": ["high_value"]}


def payload(block: str) -> str:
    """What `activation.content` holds of somebody, quotes and all."""
    variants = [{"row": "r", "block": block, "when": {"hours": [17, 23]}}, {"row": "s", "block": "popular", "when": {}}]
    told = {"stage": "browsing", "tokens": {"first_category": 'the "old" mill'}, "variants": variants}
    return json.dumps(told, separators=(",", ":"))


def told(block: str) -> dict[str, dict[str, str | None]]:
    return {"id-001": {"content_web": payload(block)}, "id-002": {"content_web": payload("seen")}}


def test_the_files_hold_it_and_who_is_shown_something_else_is_sent_once(settings: Settings) -> None:
    shop = Shop(settings)
    shop.publish("one", PEOPLE, told=told("seen"))
    assert shop.deliver("one").added == 2
    shop.publish("two", PEOPLE, told=told("chosen"))
    changed = shop.deliver("two")
    assert (changed.added, changed.changed, changed.removed, changed.unchanged) == (0, 1, 0, 1)
    shop.publish("three", PEOPLE, told=told("chosen"))
    assert shop.deliver("three").plan_id is None
    latest = Path(settings.outbox) / "files" / "latest"
    expected = {"id-001": payload("chosen"), "id-002": payload("seen")}
    for rows in (pl.read_parquet(latest / "members.parquet"), pl.read_csv(latest / "members.csv")):
        assert dict(rows.select("customer_id", "content_web").iter_rows()) == expected


def test_a_dry_run_shows_it_as_it_is_then_sent(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Options.model_config, "env_file", None)
    with serving(vendor("webhook")) as server:
        for name, value in server.vendor.environment(server.url).items():
            monkeypatch.setenv(name, value)
        shop = Shop(settings.model_copy(update={"allow_loopback": True}), "webhook")
        shop.publish("one", PEOPLE, told=told("seen"))
        [shown] = preview(shop.settings, "webhook", 10)
        assert shop.deliver("one").accepted == 2
        [sent] = server.written
        assert shown.body == sent.body
        records = {one["id"]: one["attributes"] for one in json.loads(sent.body)["records"]}
        assert records == told("seen")
