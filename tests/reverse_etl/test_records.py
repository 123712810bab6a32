"""From a published version to a vendor over real HTTP: only the change is sent, leavers go, and the ledger tells."""

import json
import sqlite3
from dataclasses import replace
from typing import Any

import duckdb
import polars as pl
import pytest
from typer.testing import CliRunner

from reverse_etl.destination import Refused
from smalti.cli import app
from tests.reverse_etl.conftest import Shop
from tests.reverse_etl.vendors.sendgrid import Sendgrid
from tests.reverse_etl.vendors.server import Fault, serving
from tests.reverse_etl.vendors.unleash import Unleash
from tests.reverse_etl.vendors.webhook import Webhook
from warehouse import ledger
from warehouse.settings import Settings

FIRST = {f"c{number:03d}": ["readers", "big_spenders"][: 1 + number % 2] for number in range(120)}
# thirty leave, thirty change, thirty come
THEN = {k: ["readers"] if k < "c060" else v for k, v in FIRST.items() if k >= "c030"} | {
    f"d{number:03d}": ["readers"] for number in range(30)
}


@pytest.fixture
def told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A shop whose people are told to a receiver on this machine."""
    with serving(Webhook()) as server:
        for name, value in (settings.environment() | server.vendor.environment(server.url)).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("SMALTI_ALLOW_LOOPBACK", "true")
        yield Shop(settings.model_copy(update={"allow_loopback": True}), "webhook"), server


def sync(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["sync", *arguments])


def standing(people: dict[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {k: tuple(sorted(v)) for k, v in people.items()}


def test_the_receiver_holds_the_audience_and_is_told_of_the_change_only(told: Any) -> None:
    shop, server = told
    shop.publish("one", FIRST)
    assert shop.deliver().accepted == 120
    assert server.vendor.standing() == standing(FIRST)
    shop.publish("two", THEN)
    server.calls.clear()
    found = shop.deliver("run-2")
    assert (found.added, found.changed, found.removed, found.rejected) == (30, 15, 30, 0)
    assert sum(len(call.content["records"]) for call in server.written) == 75
    assert {k: v for k, v in server.vendor.standing().items() if v} == standing(THEN)
    assert shop.accepted() == {k: sorted(v) for k, v in THEN.items()}
    proofs = pl.read_parquet(shop.settings.home / "plans" / "webhook" / f"{found.plan_id}.proofs.parquet")
    assert proofs["customer_id"].to_list() == sorted(k for k, v in THEN.items() if FIRST.get(k) != v)
    server.calls.clear()
    assert shop.deliver("run-3").plan_id is None
    assert server.calls == []


def test_a_dry_run_is_what_is_then_sent(told: Any) -> None:
    shop, server = told
    shop.publish("one", FIRST)
    shown = json.loads(sync("run", "webhook", "--dry-run", "--limit", "9", "--json").output)
    assert server.calls == []
    assert not shop.rows("select * from plans")
    shop.deliver()
    assert [call.body.decode() for call in server.written] == [call["body"] for call in shown]
    planned = json.loads(sync("rows", "webhook", "--json").output)
    assert planned == []


def test_whom_the_receiver_refuses_is_kept_apart_until_replayed(told: Any) -> None:
    shop, server = told
    server.vendor.refuses = {"c007"}
    shop.publish("one", FIRST)
    assert (shop.deliver().accepted, sync("status", "webhook").exit_code) == (119, 0)
    state = json.loads(sync("status", "webhook", "--json").output)[0]
    assert (state["people"], state["plan"]["status"], state["dead_letters"]) == (119, "partial", {"not_known": 1})
    assert [
        row["customer_id"] for row in json.loads(sync("rows", "webhook", "--outcome", "rejected", "--json").output)
    ] == ["c007"]
    server.calls.clear()
    assert shop.deliver("run-2").plan_id is None
    assert server.calls == []
    server.vendor.refuses = set()
    assert json.loads(sync("replay", "webhook", "--code", "other", "--json").output)["people"] == 0
    assert json.loads(sync("replay", "webhook", "--json").output)["people"] == 1
    assert shop.deliver("run-3").accepted == 1
    assert server.vendor.standing() == standing(FIRST)


def test_a_receiver_that_is_down_leaves_everybody_pending_and_the_next_run_makes_it_good(
    told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, server = told

    async def now(*_: object) -> None:
        return None

    monkeypatch.setattr("reverse_etl.pace.SystemClock.sleep", now)
    server.always = Fault.ERROR_AFTER
    shop.publish("one", FIRST)
    assert shop.deliver().accepted == 0
    assert {row[0] for row in shop.rows("select outcome from receipts")} == {"unknown"}
    server.always = None
    shop.publish("two", THEN)
    found = shop.deliver("run-2")
    assert {k: v for k, v in server.vendor.standing().items() if v} == standing(THEN)
    assert shop.accepted() == {k: sorted(v) for k, v in THEN.items()}
    assert found.removed == 30, "who was sent before it went down is removed"


def test_an_address_that_nobody_allowed_is_not_called(told: Any) -> None:
    shop, server = told
    shop.publish("one", FIRST)
    strict = Shop(shop.settings.model_copy(update={"allow_loopback": False}), "webhook")
    with pytest.raises(Exception, match="allowed are: none"):
        strict.deliver()
    assert server.calls == []


def test_an_email_leaves_the_vault_for_the_destination_only(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(Sendgrid()) as server:
        for name, value in server.vendor.environment(server.url).items():
            monkeypatch.setenv(name, value)
        shop = Shop(settings.model_copy(update={"allow_loopback": True}), "sendgrid")
        shop.publish("one", {"ann": ["readers"], "ben": ["readers"], "eve": ["readers"]})
        shop.know_emails({"ann": "ann@shop-mail.co.uk", "ben": "ben@shop-mail.co.uk"})
        found = shop.deliver()
        assert set(server.vendor.standing()) == {"ann@shop-mail.co.uk", "ben@shop-mail.co.uk"}
        assert (found.accepted, found.rejected) == (2, 1)
        assert shop.rows("select customer_id, code from dead_letters") == [("eve", "no_key")]
    for path in (*settings.home.rglob("*.parquet"), settings.ledger, *settings.published.glob("*.duckdb")):
        assert b"@shop-mail" not in path.read_bytes(), path.name
    with ledger.connect(settings.ledger) as book:
        assert "@" not in str([tuple(row) for row in book.execute("select * from receipts")])


STAGES = {name: {"stage": "lapsed" if name < "c060" else "loyal", "tier": None} for name in FIRST}


def test_whose_attributes_changed_is_told_and_nobody_else(told: Any) -> None:
    shop, server = told
    shop.publish("one", FIRST, told=STAGES)
    assert shop.deliver().added == 120
    assert server.vendor.attributes()["c010"] == {"stage": "lapsed"}
    shop.publish("two", FIRST, told=STAGES | {"c010": {"stage": "loyal", "tier": None}})
    shown = json.loads(sync("run", "webhook", "--dry-run", "--json").output)
    server.calls.clear()
    found = shop.deliver("run-2")
    assert (found.added, found.changed, found.removed, found.unchanged, found.accepted) == (0, 1, 0, 119, 1)
    [call] = server.calls
    assert [call.body.decode()] == [one["body"] for one in shown]
    assert call.content == {
        "records": [{"id": "c010", "segment_ids": FIRST["c010"], "attributes": {"stage": "loyal", "tier": None}}]
    }
    assert shop.rows("select attributes from accepted where customer_id = 'c010'") == [
        ('{"stage":"loyal","tier":null}',)
    ]
    assert shop.deliver("run-3").plan_id is None


def test_what_is_no_longer_told_is_taken_away_and_so_is_all_of_who_leaves(told: Any) -> None:
    shop, server = told
    shop.publish("one", FIRST, told=STAGES)
    shop.deliver()
    shop.publish("two", {k: v for k, v in FIRST.items() if k != "c000"}, told={k: {"tier": "high"} for k in FIRST})
    found = shop.deliver("run-2")
    assert (found.changed, found.removed) == (119, 1)
    assert server.vendor.attributes()["c000"] == {}
    assert server.vendor.attributes()["c001"] == {"tier": "high"}
    shop.publish("three", {k: v for k, v in FIRST.items() if k != "c000"})
    assert shop.deliver("run-3").changed == 119
    assert set(map(str, server.vendor.attributes().values())) == {"{}"}
    assert shop.rows("select count(*) from accepted where attributes is not null") == [(0,)]


def test_other_attributes_are_another_plan(told: Any) -> None:
    shop, _ = told
    plans = set()
    for number, attributes in enumerate((None, STAGES, {"c000": {"stage": "lapsed"}})):
        shop.publish(f"v{number}", FIRST, told=attributes)
        plans.add(json.loads(sync("plan", "webhook", "--json").output)[0]["plan_id"])
    assert len(plans) == 3


def test_whom_the_receiver_refused_is_told_again_once_their_attributes_are_others(told: Any) -> None:
    shop, server = told
    server.vendor.refuses = {"c007"}
    shop.publish("one", FIRST, told=STAGES)
    shop.deliver()
    server.vendor.refuses = set()
    assert shop.deliver("run-2").plan_id is None
    shop.publish("two", FIRST, told=STAGES | {"c007": {"stage": "loyal", "tier": None}})
    assert shop.deliver("run-3").accepted == 1
    assert not shop.rows("select * from dead_letters")


def test_a_destination_that_can_be_told_no_attributes_is_told_nothing(settings: Settings) -> None:
    shop = Shop(settings, "unleash")
    shop.publish("one", FIRST, told=STAGES)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in Unleash().environment("https://unleash.example").items():
            patch.setenv(name, value)
        with pytest.raises(Refused, match="unleash cannot be told attributes stage, tier; allowed are none"):
            shop.deliver()


def test_a_ledger_and_a_version_from_before_attributes_are_taken_as_they_are(told: Any) -> None:
    shop, server = told
    shop.publish("one", FIRST)
    shop.deliver()
    with sqlite3.connect(shop.settings.ledger) as book:
        for table in ("accepted", "dead_letters"):
            book.execute(f"alter table {table} drop column attributes")
    with duckdb.connect(str(shop.settings.current.resolve())) as connection:
        connection.execute("alter table activation.audience drop column attributes")
    server.calls.clear()
    assert shop.deliver("run-2") == replace(shop.deliver("run-2"), plan_id=None, unchanged=120)
    assert server.calls == []
    shop.publish("two", FIRST, told={"c000": {"stage": "lapsed"}})
    assert shop.deliver("run-3").accepted == 1


def test_files_have_a_column_for_each_attribute(shop: Shop) -> None:
    shop.publish("one", {"ada": ["readers"], "ben": ["readers"]}, told={"ada": {"stage": 'the "end"', "tier": None}})
    assert shop.deliver().accepted == 2
    assert (shop.latest / "members.csv").read_text().splitlines() == [
        "customer_id,contact_id_crm,segment_ids,stage,tier",
        'ada,c-ada,readers,"the ""end""",',
        "ben,c-ben,readers,,",
    ]
    for frame in (pl.read_parquet(shop.latest / "members.parquet"), pl.read_ndjson(shop.latest / "members.jsonl")):
        assert frame["stage"].to_list() == ['the "end"', None]
    before = shop.accepted()
    shop.publish("two", {"ada": ["readers"], "ben": ["readers"]}, told={"ada": {"stage": "loyal", "tier": None}})
    assert (shop.deliver("run-2").changed, shop.accepted()) == (1, before)
    assert pl.read_parquet(shop.latest / "members.parquet")["stage"].to_list() == ["loyal", None]
