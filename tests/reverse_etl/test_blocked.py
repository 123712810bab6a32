"""A stale source blocks exactly the sends that rest on it: no call, a plan that says why, an approval for that plan."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from reverse_etl import destination, destinations
from reverse_etl.deliver import Delivered, deliver
from reverse_etl.destination import Refused
from reverse_etl.plan import plan
from smalti import stages, status
from smalti.cli import app
from tests.warehouse.test_freshness import NEWEST, SECOND, contract, line
from warehouse import freshness, ledger, manifest

PEOPLE = {"ada": ["high_value"], "ben": ["high_value"]}
LIMIT = timedelta(hours=6)
# a destination that counts each of its calls
CMS = """
from pathlib import Path
from reverse_etl.destination import Receipt, Sent

class Cms:
    name = "cms"

    def render(self, package, folder):
        (package.outbox / "calls").open("a").write("render ")

    def write(self, package, folder):
        (package.outbox / "calls").open("a").write("write ")
        return Sent([Receipt(customer_id, "accepted") for customer_id, _ in package.changed()])

DESTINATION = Cms()
"""


@pytest.fixture
def two(shop: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A shop with two destinations: the files rest on orders, the CMS on events alone."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "cms.py").write_text(CMS)
    monkeypatch.setattr(destinations, "__path__", [*destinations.__path__, str(tmp_path / "modules")])
    monkeypatch.setattr(destination, "names", lambda: ["cms", "files"])  # as if activations.csv named both
    for name, value in shop.settings.environment().items():
        monkeypatch.setenv(name, value)
    load(shop, "shop_orders", NEWEST)
    load(shop, "web_events", NEWEST + timedelta(days=30))
    contract(6).model_copy(update={"source": "survey_answers"}).write(shop.settings.raw / "survey_answers")
    return shop


def load(shop: Any, source: str, newest: datetime) -> None:
    """The newest row of the source is of that moment, and may be six hours old."""
    contract(6).model_copy(update={"source": source}).write(shop.settings.raw / source)
    manifest.write(shop.settings.raw / source, [line(arrived=newest, event=newest)])


def publish(shop: Any, version: str, at: datetime, people: Any = PEOPLE) -> None:
    """A version of that moment: the clock is its own."""
    shop.publish(version, people)
    with duckdb.connect(str(shop.settings.published / f"{version}.duckdb")) as connection:
        connection.execute("drop table ops.sources")
        connection.execute("update ops.control set as_of = ?", [at])
        freshness.write(connection, shop.settings, "ops.sources", at)
        connection.execute(
            "insert into activation.audience by name (select 'cms' as destination, customer_id, segment_ids "
            "from activation.audience where destination = 'files')"
        )
        connection.execute(
            "insert into ops.audience_sources values ('cms', 'high_value', 'web_events'), "
            "('files', 'high_value', 'survey_answers')"
        )


def send(shop: Any, destination: str, run_id: str = "r1") -> Delivered:
    return deliver(shop.settings, destination, run_id, datetime(2026, 9, 1))


def calls(shop: Any, destination: str) -> list[str]:
    """Everything that the destination was asked to do."""
    outbox = shop.settings.outbox / destination
    found = outbox / "calls"
    return found.read_text().split() if found.exists() else sorted(path.name for path in outbox.glob("**/*"))


@pytest.mark.parametrize(("age", "sent"), [(LIMIT - SECOND, 2), (LIMIT, 2), (LIMIT + SECOND, 0)])
def test_a_send_goes_out_up_to_the_limit_and_a_second_later_makes_no_call(two: Any, age: timedelta, sent: int):
    publish(two, "v1", NEWEST + age)
    assert send(two, "files").accepted == len(two.accepted()) == sent
    assert bool(calls(two, "files")) == bool(sent)


def test_only_the_destination_that_rests_on_the_stale_source_is_blocked(two: Any):
    publish(two, "v1", NEWEST + LIMIT + SECOND)
    assert send(two, "files").blocked_by == (
        f"shop_orders is stale: newest row of {NEWEST}, 6:00:01 old; allowed are 6 h",
    )
    assert send(two, "cms").blocked_by == ()
    assert calls(two, "files") == []
    assert calls(two, "cms") == ["render", "write"]


def test_a_source_that_never_delivered_blocks_nothing(two: Any):
    publish(two, "v1", NEWEST)
    [row] = [row for row in freshness.published(two.settings.current) if row["source"] == "survey_answers"]
    assert row["freshness"] == "absent"
    assert send(two, "files").accepted == 2


def test_freshness_is_that_of_the_version_whatever_came_since(two: Any):
    publish(two, "v1", NEWEST + LIMIT + SECOND)
    load(two, "shop_orders", NEWEST + LIMIT + SECOND)
    assert send(two, "files").blocked_by


def test_the_next_version_with_fresh_rows_is_sent_without_anybody(two: Any):
    publish(two, "v1", NEWEST + LIMIT + SECOND)
    send(two, "files")
    load(two, "shop_orders", NEWEST + LIMIT)
    publish(two, "v2", NEWEST + 2 * LIMIT, PEOPLE | {"cy": ["high_value"]})
    assert send(two, "files", "r2").accepted == 3
    assert two.rows("select version, status from plans order by rowid") == [("v1", "abandoned"), ("v2", "delivered")]


def test_a_dry_run_says_what_blocks_and_writes_nothing(two: Any):
    publish(two, "v1", NEWEST + LIMIT + SECOND)
    assert [one.source for one in plan(two.settings, "files").blocked_by] == ["shop_orders"]
    assert not two.settings.ledger.exists()


def test_nothing_to_send_is_not_blocked(two: Any):
    publish(two, "v1", NEWEST)
    send(two, "files")
    publish(two, "v2", NEWEST + LIMIT + SECOND)
    assert send(two, "files").blocked_by == ()


def test_an_approval_is_for_one_plan_and_for_what_blocked_it_then(two: Any):
    publish(two, "v1", NEWEST + LIMIT + SECOND)
    approved = planned()["files"]
    assert approve(approved, "stocktaking") == 0
    assert two.rows("select kind, subject, detail, reason from overrides") == [
        ("plan", approved, "stale shop_orders", "stocktaking")
    ]
    publish(two, "v2", NEWEST + LIMIT + SECOND, PEOPLE | {"cy": ["high_value"]})
    assert send(two, "files").blocked_by, "another plan was not approved"
    publish(two, "v1", NEWEST + LIMIT + SECOND)
    load(two, "survey_answers", NEWEST)
    publish(two, "v1", NEWEST + LIMIT + SECOND)
    assert [line.split()[0] for line in send(two, "files").blocked_by] == ["survey_answers"]
    load(two, "survey_answers", NEWEST + LIMIT)
    publish(two, "v1", NEWEST + LIMIT + SECOND)
    assert send(two, "files", "r3").accepted == 2
    [delivered] = two.rows("select plan_id, run_id from plans where status = 'delivered'")
    assert delivered == (approved, "r3")


def planned() -> dict[str, str]:
    """Each destination's plan."""
    found = CliRunner().invoke(app, ["sync", "plan", "--json"])
    assert found.exit_code == 0, found.output
    return {row["destination"]: row["plan_id"] for row in json.loads(found.stdout)}


def approve(plan_id: str, reason: str) -> int:
    """The exit code of approving it."""
    return CliRunner().invoke(app, ["sync", "approve", plan_id, "--reason", reason]).exit_code


def test_the_commands_show_what_blocks_approve_it_and_send(two: Any):
    publish(two, "v1", NEWEST + LIMIT + SECOND)
    shown = CliRunner().invoke(app, ["sync", "plan"]).stdout
    assert "files plan" in shown
    assert "blocked shop_orders is stale" in shown
    blocked = CliRunner().invoke(app, ["sync", "run", "files"])
    assert (blocked.exit_code, "allowed are 6 h" in blocked.stdout) == (1, True)
    assert calls(two, "files") == []
    [row] = ledger.stages(two.settings.ledger, stage="deliver")
    assert (row["status"], row["rows_in"], row["rows_loaded"]) == ("blocked", 2, 0)
    said = status.status(two.settings)
    assert [one["destination"] for one in said["blocked"]] == ["files"]
    assert said["runs"][0]["status"] == "blocked"
    assert "blocked files: plan" in CliRunner().invoke(app, ["status"]).stdout
    assert approve(planned()["files"], " ") == 1
    assert approve(planned()["files"], "known") == 0
    sent = CliRunner().invoke(app, ["sync", "run", "files"])
    assert (sent.exit_code, len(two.accepted())) == (0, 2), sent.output
    said = status.status(two.settings)
    assert said["blocked"] == []
    assert [(one["detail"], one["reason"]) for one in said["overrides"]] == [("stale shop_orders", "known")]


def test_what_is_no_blocked_plan_cannot_be_approved(two: Any):
    publish(two, "v1", NEWEST + LIMIT + SECOND)
    assert approve("0123456789abcdef", "why not") == approve(planned()["cms"], "why not") == 1
    assert two.rows("select * from sqlite_master where name = 'overrides'") == []


def test_a_blocked_send_is_an_outcome_and_an_alert_not_a_failed_stage(two: Any):
    publish(two, "v1", NEWEST + LIMIT + SECOND)
    run = stages.Run("r9", None, None)
    for name in ("files", "cms"):
        stages.deliver(run, name)
    rows = {row["source"]: row["status"] for row in ledger.stages(two.settings.ledger, "r9")}
    assert rows == {"files": "blocked", "cms": "ok"}
    assert [(one["kind"], one["part"]) for one in status.status(two.settings)["alerts"]] == [("blocked", "files")]


def test_a_segment_that_rests_on_nobody_knows_what_is_not_sent(two: Any):
    publish(two, "v1", NEWEST)
    with duckdb.connect(str(two.settings.published / "v1.duckdb")) as connection:
        connection.execute("delete from ops.audience_sources where destination = 'files'")
    with pytest.raises(Refused, match="no source of high_value for 'files'"):
        send(two, "files")
    with duckdb.connect(str(two.settings.published / "v1.duckdb")) as connection:
        connection.execute("drop table ops.audience_sources")
    with pytest.raises(Refused, match="does not say what its audience rests on"):
        send(two, "files")
    assert calls(two, "files") == []
