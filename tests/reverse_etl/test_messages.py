"""Entries into trigger segments are told once, whatever is run again or killed, and to nobody who may not be told."""

import hashlib
import importlib
import json
import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import duckdb
import polars as pl
import pytest
from typer.testing import CliRunner

from reverse_etl import destination, messages, notify
from reverse_etl.deliver import Delivered, deliver
from reverse_etl.destination import Refused
from reverse_etl.journal import Journal
from reverse_etl.plan import plan
from smalti import sync_cli
from smalti.cli import app
from tests.reverse_etl.conftest import AS_OF, AT, Shop
from tests.reverse_etl.scripted import Killed
from tests.reverse_etl.vendors.server import Fault, serving
from tests.reverse_etl.vendors.webhook import Webhook
from warehouse import suppressions
from warehouse.settings import Settings

NOW = AT.replace(tzinfo=None)
SECOND = timedelta(seconds=1)
CART = {f"c{number}": ["cart", "readers"] for number in range(1, 6)}
INTENTS = """
create or replace table activation.message_intents (
    intent_id text, segment_id text, customer_id text, entered_at timestamp, due_at timestamp, reason text,
    destination text, purpose text, channel text, status text
)"""
Due = Mapping[str, datetime]


@pytest.fixture
def files(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return at_hand(shop, monkeypatch)


@pytest.fixture
def hook(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A shop whose messages are told to a receiver on this machine, and the receiver."""
    with serving(Webhook()) as server:
        for name, value in server.vendor.environment(server.url).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("SMALTI_ALLOW_LOOPBACK", "true")
        yield at_hand(Shop(settings.model_copy(update={"allow_loopback": True}), "webhook"), monkeypatch), server


def at_hand(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Commands are about this shop, and it is the moment of its deliveries."""
    for name, value in shop.settings.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sync_cli, "_now", lambda: NOW)
    return shop


def intent_id(customer_id: str, segment_id: str = "cart") -> str:
    return hashlib.md5(f"{segment_id}:{customer_id}".encode(), usedforsecurity=False).hexdigest()


def enter(shop: Shop, due: Due, segment_id: str = "cart", status: str = "due", to: str | None = None) -> None:
    """The published version has an intent for each of these."""
    rows = [
        (intent_id(who, segment_id), segment_id, who, AS_OF, at, f"entered {segment_id}",
         to or shop.destination, "marketing_email", "email", status)
        for who, at in due.items()
    ]  # fmt: skip
    with duckdb.connect(str(shop.settings.current.resolve())) as connection:
        connection.execute(INTENTS.replace("or replace ", "") if not has_intents(connection) else "select 1")
        connection.executemany("insert into activation.message_intents values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)


def has_intents(connection: duckdb.DuckDBPyConnection) -> bool:
    return bool(connection.execute("select 1 from duckdb_tables() where table_name = 'message_intents'").fetchall())


def put(shop: Shop) -> dict[str, dict[str, Any]]:
    """The messages that stand as files, by the person."""
    found = [json.loads(path.read_text()) for path in (shop.settings.outbox / "files" / "messages").glob("*")]
    return {message["customer_id"]: message for message in found}


def cart(shop: Shop, version: str = "one", people: Mapping[str, list[str]] = CART, due: Due | None = None) -> None:
    """A version in which these abandoned a cart, all of them due now."""
    shop.publish(version, people)
    enter(shop, dict.fromkeys(CART, NOW) if due is None else due)


def told(server: Any) -> list[str]:
    return sorted(message["person"] for message in server.vendor.messages)


def taken(shop: Shop) -> list[str]:
    rows = shop.rows(f"select customer_id from accepted where destination = '{shop.destination}.messages'")
    return sorted(str(row[0]) for row in rows)


def test_each_message_is_a_file_once(files: Shop) -> None:
    cart(files)
    found = files.deliver()
    assert (found.messages_due, found.messages, found.accepted) == (5, 5, 5)
    assert put(files)["c1"] == {
        "id": intent_id("c1"),
        "customer_id": "c1",
        "contact_id_crm": "c-c1",
        "segment_id": "cart",
        "reason": "entered cart",
        "purpose": "marketing_email",
        "channel": "email",
        "entered_at": "2026-09-01T00:00:00Z",
        "due_at": "2026-09-01T04:00:00Z",
    }
    for path in (files.settings.outbox / "files" / "messages").glob("*"):
        path.unlink()  # as whoever sends them does
    assert files.deliver("run-2").messages_due == 0
    cart(files, "two")
    assert files.deliver("run-3").messages_due == 0
    assert put(files) == {}


def test_the_receiver_is_told_of_each_by_itself_and_once(hook: Any) -> None:
    shop, server = hook
    cart(shop)
    assert (shop.deliver().messages, told(server)) == (5, sorted(CART))
    calls = [call for call in server.calls if call.path.endswith("messages")]
    assert [call.headers["Idempotency-Key"] for call in calls] == [call.content["message"]["id"] for call in calls]
    cart(shop, "two")
    assert (shop.deliver("run-2").messages_due, told(server)) == (0, sorted(CART))
    assert taken(shop) == sorted(map(intent_id, CART))
    proofs = shop.settings.home / "plans" / "webhook.messages"
    [path] = proofs.glob("*.proofs.parquet")
    assert pl.read_parquet(path)["customer_id"].to_list() == sorted(CART)


def test_what_the_destination_holds_is_not_what_it_was_told_once(hook: Any) -> None:
    shop, _ = hook
    cart(shop)
    shop.deliver()
    assert set(shop.accepted()) == set(CART)
    assert plan(shop.settings, "webhook").removed == 0


@pytest.mark.parametrize(
    ("late", "people"),
    [
        (timedelta(0), ["c1"]),
        (-SECOND, []),
        (timedelta(hours=messages.LATE_HOURS) - SECOND, ["c1"]),
        (timedelta(hours=messages.LATE_HOURS), []),
    ],
)
def test_a_message_is_told_from_its_hour_on_and_for_a_day(files: Shop, late: timedelta, people: list[str]) -> None:
    cart(files, due={"c1": NOW - late})
    assert files.deliver().messages == len(people)
    assert list(put(files)) == people


def test_who_waits_for_the_end_of_quiet_hours_is_told_by_the_same_version_later(files: Shop) -> None:
    cart(files, due={"c1": NOW + timedelta(hours=3)})
    assert files.deliver().messages == 0
    assert deliver(files.settings, "files", "run-2", AT + timedelta(hours=3)).messages == 1


@pytest.mark.parametrize("status", ["cooled_down", "held_out", "no_consent", "below_floor"])
def test_what_was_decided_not_to_be_told_is_not(files: Shop, status: str) -> None:
    files.publish("one", CART)
    enter(files, {"c1": NOW}, status=status)
    assert files.deliver().messages_due == 0


def test_another_destination_s_messages_are_its_own(files: Shop) -> None:
    files.publish("one", CART)
    enter(files, {"c1": NOW}, to="webhook")
    assert files.deliver().messages_due == 0


@pytest.mark.parametrize("sent", ["withdrawn", "left", "suppressed"])
def test_nobody_is_told_who_may_not_be_any_more(hook: Any, sent: str) -> None:
    """Consent, floor and control group decide who is in the audience; a suppression counts at once."""
    shop, server = hook
    there = {"withdrawn": {}, "left": {"c1": ["readers"]}, "suppressed": {"c1": CART["c1"]}}[sent]
    cart(shop, people={k: v for k, v in CART.items() if k != "c1"} | there)
    if sent == "suppressed":
        shop.know("c1", "email", "a" * 64)
        suppressions.add(shop.settings.ledger, [("email", "a" * 64)], "asked", NOW)
    assert shop.deliver().messages == 4
    assert "c1" not in told(server)


def test_a_version_from_before_there_were_intents_has_no_messages(files: Shop) -> None:
    files.publish("one", CART)
    assert files.deliver().messages_due == 0


def test_a_kill_after_the_call_tells_nobody_twice(hook: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shop, server = hook
    cart(shop)
    kill_before_receipts(monkeypatch, "webhook.messages")
    with pytest.raises(Killed):
        shop.deliver()
    monkeypatch.undo()
    assert (told(server), taken(shop)) == (sorted(CART), [])
    again(shop, server)
    calls = [call.headers["Idempotency-Key"] for call in server.calls if call.path.endswith("messages")]
    assert sorted(calls) == sorted([*map(intent_id, CART)] * 2), "the same keys"
    assert told(server) == sorted(CART)
    assert taken(shop) == sorted(map(intent_id, CART))


def test_consent_withdrawn_after_a_kill_is_withheld(hook: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shop, server = hook
    cart(shop)
    kill_before_receipts(monkeypatch, "webhook.messages")
    with pytest.raises(Killed):
        shop.deliver()
    monkeypatch.undo()
    server.calls.clear()
    cart(shop, "two", {k: v for k, v in CART.items() if k != "c1"})
    again(shop, server)
    assert "c1" not in [call.content["message"]["person"] for call in server.calls if call.path.endswith("messages")]
    cart(shop, "three")
    again(shop, server)
    calls = [call.content["message"]["person"] for call in server.calls if call.path.endswith("messages")]
    assert "c1" not in calls, "nobody knows whether it was told, so it is not told again"


def test_a_kill_after_the_files_puts_nothing_twice(files: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    cart(files)

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(notify, "record_outcome", killed)
        with pytest.raises(Killed):
            files.deliver()
    assert sorted(put(files)) == sorted(CART)
    assert files.deliver("run-2").messages == 5
    assert len(list((files.settings.outbox / "files" / "messages").glob("*"))) == 5
    assert {row[0] for row in files.rows("select status from plans")} == {"delivered"}
    assert files.deliver("run-3").messages_due == 0


def kill_before_receipts(monkeypatch: pytest.MonkeyPatch, stream: str) -> None:
    """The process ends between the calls of that stream and what the ledger is told of them."""
    keep = Journal.end_all

    def killed(self: Journal, *rest: Any) -> None:
        if self.destination == stream:
            raise Killed
        keep(self, *rest)

    monkeypatch.setattr(Journal, "end_all", killed)


def again(shop: Shop, server: Any) -> Delivered:
    """Deliver as the next run does."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.vendor.environment(server.url).items():
            patch.setenv(name, value)
        return shop.deliver("again")


def test_who_is_refused_is_not_told_again_and_others_are_told(hook: Any) -> None:
    shop, server = hook
    server.vendor.refuses = {"c3"}
    cart(shop, people=CART)
    found = shop.deliver()
    assert (found.messages_due, found.messages) == (5, 4)
    server.vendor.refuses = set()
    server.vendor.seen.clear()
    assert shop.deliver("run-2").messages_due == 0
    assert told(server) == ["c1", "c2", "c4", "c5"]


def test_a_receiver_that_is_down_is_told_by_the_next_run(hook: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shop, server = hook

    async def now(*_: object) -> None:
        return None

    monkeypatch.setattr("reverse_etl.pace.SystemClock.sleep", now)
    shop.publish("one", CART)
    shop.deliver()
    enter(shop, dict.fromkeys(CART, NOW))
    server.always = Fault.ERROR_AFTER
    assert shop.deliver("run-2").messages == 0
    server.always = None
    shop.deliver("run-3")
    assert told(server) == sorted(CART)
    assert taken(shop) == sorted(map(intent_id, CART))


def test_while_a_source_is_stale_nobody_is_told(files: Shop) -> None:
    files.publish("one", CART)
    files.deliver()
    enter(files, dict.fromkeys(CART, NOW))
    with duckdb.connect(str(files.settings.current.resolve())) as connection:
        connection.execute("update ops.sources set freshness = 'stale'")
    found = files.deliver("run-2")
    assert (found.messages, found.plan_id, len(found.blocked_by)) == (0, None, 1)
    assert put(files) == {}
    assert CliRunner().invoke(app, ["sync", "run", "files"]).exit_code == 1


def test_without_an_address_for_messages_none_is_told(hook: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shop, server = hook
    monkeypatch.delenv("SMALTI_WEBHOOK_MESSAGES_URL")
    cart(shop)
    with pytest.raises(Refused, match="SMALTI_WEBHOOK_MESSAGES_URL"):
        shop.deliver()
    assert (server.vendor.messages, set(shop.accepted())) == ([], set(CART))


def test_a_dry_run_shows_the_messages_that_are_then_told(hook: Any) -> None:
    shop, server = hook
    cart(shop)
    arguments = ["sync", "run", "webhook", "--dry-run", "--limit", "9", "--json"]
    shown = json.loads(CliRunner().invoke(app, arguments).output)
    assert (server.calls, shop.rows("select * from plans")) == ([], [])
    rows = json.loads(CliRunner().invoke(app, ["sync", "rows", "webhook", "--messages", "--json"]).output)
    [planned] = json.loads(CliRunner().invoke(app, ["sync", "plan", "webhook", "--json"]).output)
    assert (planned["messages"], [row["customer_id"] for row in rows]) == (5, sorted(CART))
    shop.deliver()
    assert [call.body.decode() for call in server.written] == [call["body"] for call in shown]
    assert json.loads(CliRunner().invoke(app, ["sync", "status", "webhook", "--json"]).output)[0]["messages"] == 5


def test_a_person_of_two_triggers_has_two_messages(hook: Any) -> None:
    shop, server = hook
    shop.publish("one", {"c1": ["cart", "readers"]})
    for segment_id in ("cart", "readers"):
        enter(shop, {"c1": NOW}, segment_id)
    assert shop.deliver().messages == 2
    assert {message["segment_id"] for message in server.vendor.messages} == {"cart", "readers"}


def test_messages_that_nobody_takes_away_go_after_a_week(files: Shop) -> None:
    cart(files, due={"c1": NOW})
    files.deliver()
    [path] = (files.settings.outbox / "files" / "messages").glob("*")
    a_week = (AT - timedelta(days=7)).timestamp()
    os.utime(path, (a_week, a_week))
    enter(files, {"c2": NOW})
    files.deliver("run-2")
    assert sorted(put(files)) == ["c1", "c2"]
    os.utime(path, (a_week - 1, a_week - 1))
    enter(files, {"c3": NOW})
    files.deliver("run-3")
    assert sorted(put(files)) == ["c2", "c3"]


@pytest.mark.parametrize("name", destination.every())
def test_a_destination_that_takes_messages_says_so_and_can(name: str) -> None:
    module = importlib.import_module(f"reverse_etl.destinations.{name}")
    kinds = [one for one in vars(module).values() if isinstance(one, type) and one.__module__ == module.__name__]
    assert destination.takes_messages(name) == any(hasattr(one, "notify") or hasattr(one, "post") for one in kinds)


def test_messages_go_to_files_and_webhooks() -> None:
    assert [name for name in destination.every() if destination.takes_messages(name)] == ["files", "webhook"]
