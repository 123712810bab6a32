"""Turns of scheduled runs: what yields, what waits, what is skipped and what is told."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from smalti import alerts, stages
from smalti.cli import app
from smalti.stages import Run
from warehouse import lease, ledger, run, slot
from warehouse.errors import Busy, NothingToDo, Skipped, SmaltiError
from warehouse.settings import Settings

FOUR, FIVE = datetime(2026, 9, 1, 4), datetime(2026, 9, 1, 5)
NIGHTLY, HOURLY = (Run(f"{name}-4", None, FOUR, is_tick=True) for name in ("nightly", "hourly"))


@pytest.fixture(autouse=True)
def _environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)


def published(settings: Settings, as_of: datetime, *, done: bool = True) -> None:
    """The control row of a run of this moment."""
    with run.working(settings) as connection:
        connection.execute("create schema if not exists ops")
        connection.execute(run._CONTROL)
        connection.execute("delete from ops.control")
        connection.execute(
            "insert into ops.control (run_id, as_of, done, hi) values ('before', ?, ?, 0)", [as_of, done]
        )


def rows(settings: Settings) -> list[tuple[str, str, str]]:
    """Run, stage and status, as the ledger has them."""
    return [(row["run_id"], row["stage"], row["status"]) for row in ledger.stages(settings.ledger)]


def test_an_hourly_run_is_skipped_while_the_nightly_has_the_turn(settings: Settings):
    stages.take_turn(NIGHTLY, yields=False)
    with pytest.raises(Skipped, match=r"run nightly-4 holds the warehouse.* next hour's run makes it good"):
        stages.take_turn(HOURLY, yields=True)
    assert rows(settings) == [("nightly-4", "take_turn", "ok"), ("hourly-4", "take_turn", "skipped")]
    assert alerts.latest(settings, 10) == []


def test_the_nightly_run_waits_for_an_hourly_one_and_begins_when_that_has_ended(settings: Settings):
    stages.take_turn(HOURLY, yields=True)
    with pytest.raises(Busy):
        stages.take_turn(NIGHTLY, yields=False)
    assert rows(settings)[1] == ("nightly-4", "take_turn", "waiting")
    stages.end_run(HOURLY)
    stages.take_turn(NIGHTLY, yields=False)
    assert rows(settings)[-1] == ("nightly-4", "take_turn", "ok")
    assert alerts.latest(settings, 10) == []


@pytest.mark.parametrize("last", [FOUR, FIVE])
def test_an_hourly_run_whose_moment_is_published_already_is_skipped(settings: Settings, last: datetime):
    published(settings, last)
    with pytest.raises(Skipped, match=f"{last} is published already, this run is of {FOUR}"):
        stages.take_turn(HOURLY, yields=True)
    lease.refuse_while_held(settings.ledger, datetime(2026, 9, 1))


def test_an_hourly_run_of_a_later_moment_begins(settings: Settings):
    published(settings, datetime(2026, 9, 1, 3, 59))
    stages.take_turn(HOURLY, yields=True)


def test_the_moment_of_a_run_that_died_before_it_decided_anything_skips_nobody(settings: Settings):
    published(settings, FIVE, done=False)
    stages.take_turn(HOURLY, yields=True)


def test_a_moment_that_a_person_stated_and_that_lies_before_is_refused_before_anything_is_loaded(settings: Settings):
    published(settings, FIVE)
    with pytest.raises(SmaltiError, match="history is only appended: allowed is 2026-09-01 05:00:00 or later"):
        stages.take_turn(Run("nightly-by-hand", None, FOUR), yields=False)


def test_a_nightly_run_that_comes_late_speaks_of_what_was_published_meanwhile(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    asked = []
    published(settings, FIVE)
    monkeypatch.setattr(run, "open_run", lambda _settings, _run_id, as_of, **_: asked.append(as_of) or as_of)
    stages.take_turn(NIGHTLY, yields=False)
    stages.open_run(NIGHTLY)
    stages.open_run(Run("nightly-4", None, datetime(2026, 9, 2), is_tick=True))
    assert asked == [FIVE, datetime(2026, 9, 2)]


def test_a_failed_run_gives_its_turn_back_at_once_and_is_told(settings: Settings):
    stages.take_turn(NIGHTLY, yields=False)
    with pytest.raises(NothingToDo):
        stages.open_run(NIGHTLY)
    stages.end_run(NIGHTLY)
    stages.take_turn(HOURLY, yields=True)
    (alert,) = alerts.latest(settings, 10)
    assert (alert["kind"], alert["run_id"], alert["stage"]) == ("failed", "nightly-4", "open_run")
    assert "no source has any row" in alert["message"]


KILLED = """
import os, signal, sys
from smalti import stages
with stages._stage(stages.Run(sys.argv[1], None, None), "load_raw", "orders"):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_stage_is_told_when_its_run_ends(settings: Settings):
    stages.take_turn(NIGHTLY, yields=False)
    killed = subprocess.run([sys.executable, "-c", KILLED, NIGHTLY.run_id], check=False)
    assert killed.returncode == -signal.SIGKILL
    stages.end_run(NIGHTLY)
    (alert,) = alerts.latest(settings, 10)
    assert (alert["stage"], alert["part"], alert["message"]) == ("load_raw", "orders", "was cut short")
    stages.take_turn(HOURLY, yields=True)


def test_a_run_that_never_had_its_turn_is_told(settings: Settings):
    stages.take_turn(HOURLY, yields=True)
    with pytest.raises(Busy):
        stages.take_turn(NIGHTLY, yields=False)
    stages.give_up(NIGHTLY)
    stages.give_up(NIGHTLY)
    stages.give_up(Run("another", None, FOUR, is_tick=True))
    found = alerts.latest(settings, 10)
    assert [(alert["run_id"], alert["stage"]) for alert in found] == [
        ("another", "take_turn"),
        ("nightly-4", "take_turn"),
    ]
    assert "run hourly-4 holds the warehouse" in found[1]["message"]


def test_a_run_by_hand_answers_busy_before_anything_is_loaded(settings: Settings, tmp_path: Path):
    stages.take_turn(NIGHTLY, yields=False)
    exports = str(tmp_path / "exports")
    CliRunner().invoke(app, ["simulate", "--customers", "20", "--days", "2", "--out", exports])
    result = CliRunner().invoke(app, ["run", "hourly", "--data", exports])
    assert result.exit_code == 1
    assert result.stderr.startswith("error: busy: run nightly-4 holds the warehouse until")
    assert not settings.airflow.exists()


def test_a_scheduled_stage_waits_for_the_slot_that_a_run_by_hand_holds(settings: Settings):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(settings.home / "slot.lock")], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        stages.check_raw(Run("hourly-4", None, FOUR, is_tick=True))
    assert rows(settings) == [("hourly-4", "check_raw", "ok")]


HOLD = """
import fcntl, os, sys, time
os.makedirs(os.path.dirname(sys.argv[1]), exist_ok=True)
file = open(sys.argv[1], "a")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(6)
"""


@pytest.fixture
def held_slot(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The slot as `smalti run` hands it down."""
    with slot.take(settings) as descriptor:
        monkeypatch.setitem(os.environ, slot.INHERITED, str(descriptor))
        yield


@pytest.mark.usefixtures("held_slot")
def test_a_run_by_hand_takes_no_turn_because_it_holds_the_slot(settings: Settings):
    stages.take_turn(Run("by-hand", None, FOUR), yields=False)
    lease.refuse_while_held(settings.ledger, datetime(2026, 9, 1))


def test_the_status_keeps_the_rows_of_a_run_that_waited_together(settings: Settings):
    stages.take_turn(HOURLY, yields=True)
    with pytest.raises(Busy):
        stages.take_turn(NIGHTLY, yields=False)
    stages.end_run(HOURLY)
    found = json.loads(CliRunner().invoke(app, ["status", "--json"]).stdout)["runs"]
    assert [(row["run_id"], row["status"]) for row in found] == [("nightly-4", "waiting"), ("hourly-4", "ok")]
