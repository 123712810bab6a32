"""What blocks a send: nothing is written, the plan says why, and an approval is for that plan and so many people."""

from typing import Any

import pytest
from typer.testing import CliRunner

from reverse_etl.plan import plan
from smalti.cli import app
from warehouse import ledger


def people(count: int, segment: str = "readers") -> dict[str, list[str]]:
    return {f"c{number:04d}": [segment] for number in range(count)}


@pytest.fixture
def cli(shop: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in shop.settings.environment().items():
        monkeypatch.setenv(name, value)
    return lambda *arguments: CliRunner().invoke(app, ["sync", *arguments])


def after(shop: Any, before: dict[str, list[str]], then: dict[str, list[str]]) -> Any:
    shop.publish("one", before)
    assert shop.deliver().blocked_by == ()
    shop.publish("two", then)
    return shop.deliver("run-2")


@pytest.mark.parametrize(("held", "left"), [(400, 351), (400, 350), (600, 540), (600, 539)])
def test_more_than_a_tenth_and_at_least_fifty_may_not_leave_at_once(shop: Any, held: int, left: int) -> None:
    found, blocked = after(shop, people(held), people(left)), left in (350, 539)
    assert bool(found.blocked_by) is blocked
    assert len(shop.delivered()) == (held if blocked else left)
    if blocked:
        assert f"{held - left} of {held} people would leave" in found.blocked_by[0]


@pytest.mark.parametrize(("before", "now"), [(100, 300), (100, 301), (99, 400)])
def test_a_segment_may_not_grow_beyond_three_times_its_size(shop: Any, before: int, now: int) -> None:
    found, blocked = after(shop, people(before), people(now)), now == 301
    assert bool(found.blocked_by) is blocked
    if blocked:
        assert found.blocked_by == ("readers would grow from 100 people to 301 people; allowed is 3 times as many",)


def test_a_gate_that_failed_after_what_is_published_blocks_until_a_run_passes(shop: Any) -> None:
    shop.publish("one", people(3))
    for number, (stage, status) in enumerate([("publish", "ok"), ("check_raw", "failed")]):
        with ledger.connect(shop.settings.ledger) as book:
            book.execute(
                "insert into runs (run_id, stage, started_at, status) values (?, ?, ?, ?)",
                (f"run-{number}", stage, f"2026-09-01T0{number}:00:00", status),
            )
    assert [one.guard for one in plan(shop.settings, "files").blocked_by] == ["gate"]
    with ledger.connect(shop.settings.ledger) as book:
        book.execute("insert into runs (run_id, stage, started_at, status) values ('r', 'publish', '2026-09-02', 'ok')")
    assert plan(shop.settings, "files").blocked_by == ()


def test_an_approval_is_a_ceiling_for_that_plan_only(shop: Any, cli: Any) -> None:
    blocked = after(shop, people(400), people(300))
    too_few = cli("approve", blocked.plan_id, "--up-to", "99", "--reason", "sale ended")
    assert too_few.exit_code == 1
    assert "allowed is --up-to 100 or more" in too_few.output
    assert cli("approve", blocked.plan_id, "--reason", "sale ended").exit_code == 1
    assert shop.deliver("run-3").blocked_by
    assert cli("approve", blocked.plan_id, "--up-to", "100", "--reason", "sale ended").exit_code == 0
    shop.publish("three", people(299))
    assert shop.deliver("run-4").blocked_by, "another plan"
    shop.publish("two", people(300))
    assert not shop.deliver("run-5").blocked_by
    assert len(shop.delivered()) == 300


def test_whoever_is_suppressed_is_removed_and_stays_away_whatever_is_delivered_again(shop: Any) -> None:
    def publish(version: str) -> None:
        shop.publish(version, people(3))
        shop.know("c0001", "email", "hash-of-c0001")

    publish("one")
    shop.deliver()
    assert set(shop.delivered()) == {"c0000", "c0001", "c0002"}
    with ledger.connect(shop.settings.ledger) as book:
        book.execute("insert into suppressions values ('email', 'hash-of-c0001', 'asked', '2026-09-01')")
    shop.deliver("run-2")
    publish("two")
    shop.deliver("run-3")
    assert set(shop.delivered()) == {"c0000", "c0002"}
