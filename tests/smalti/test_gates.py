"""A red raw gate stays red with its deliveries in raw, until a person accepts them; what came later is judged."""

import json
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from expectations import volume
from smalti import stages
from smalti.cli import app
from warehouse import ledger, run
from warehouse.errors import SmaltiError
from warehouse.settings import Settings

FIRST = date(2026, 8, 1)


@pytest.fixture
def shop(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home that has finished a run over eight days of weather, a hundred regions each."""
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    for number in range(8):
        deliver(tmp_path, number, 100)
    check(tmp_path, "first")
    run.open_run(settings, "first", datetime(2026, 8, 9))
    run.finish(settings, "first")
    return settings


def deliver(folder: Path, number: int, rows: int) -> None:
    """The weather of that day, of so many regions."""
    day = FIRST + timedelta(days=number)
    (folder / "exports").mkdir(exist_ok=True)
    head = "region,observed_on,temperature_min_celsius,temperature_max_celsius,precipitation_mm,published_at\n"
    lines = [f"region {n},{day},10,20,0,{day}T06:00:00\n" for n in range(rows)]
    (folder / "exports" / f"weather_{day}.csv").write_text(head + "".join(lines))


def check(folder: Path, run_id: str) -> None:
    """Load what is new, and let the gates look at it."""
    this = stages.Run(run_id, folder / "exports", None)
    try:
        stages.load_raw(this, "weather")
        stages.check_raw(this)
    finally:
        stages.end_run(this)


def accept(run_id: str, reason: str = "a holiday") -> tuple[int, str]:
    done = CliRunner().invoke(app, ["gates", "accept", run_id, "--reason", reason, "--json"])
    return done.exit_code, done.stdout + done.stderr


@pytest.mark.parametrize("rows", [100, 51])
def test_a_delivery_of_more_than_half_the_rows_passes(shop: Settings, tmp_path: Path, rows: int) -> None:
    deliver(tmp_path, 8, rows)
    check(tmp_path, "next")


@pytest.mark.parametrize("rows", [49, 0])
def test_a_delivery_of_less_than_half_the_rows_stops_the_run(shop: Settings, tmp_path: Path, rows: int) -> None:
    deliver(tmp_path, 8, rows)
    with pytest.raises(SmaltiError, match="expected at least 50, usual 100 by 8 earlier ones"):
        check(tmp_path, "next")
    [row] = ledger.stages(shop.ledger, "next", "check_raw")
    assert row["status"] == "failed"


def test_a_red_gate_stays_red_until_its_deliveries_are_accepted_and_only_those(shop: Settings, tmp_path: Path) -> None:
    deliver(tmp_path, 8, 40)
    for run_id in ("red", "again"):
        with pytest.raises(SmaltiError, match="weather: a delivery has the rows expected"):
            check(tmp_path, run_id)
    deliver(tmp_path, 9, 0)
    with pytest.raises(SmaltiError, match="0 rows"):
        check(tmp_path, "later")
    code, told = accept("again")
    assert (code, len(json.loads(told)["accepted"])) == (0, 2), told
    with pytest.raises(SmaltiError, match="batch 3, arrived 2026-08-11 00:00: 0 rows"):
        check(tmp_path, "still")
    assert accept("still")[0] == 0
    check(tmp_path, "green")
    assert ledger.stages(shop.ledger, "green", "check_raw")[0]["message"] == "nothing new to check"
    status = json.loads(CliRunner().invoke(app, ["status", "--json"]).stdout)
    assert [(one["kind"], one["subject"], one["detail"]) for one in status["overrides"]] == [
        ("gate", "still", "3"),
        ("gate", "again", "2"),
    ]


def test_what_is_not_red_or_was_not_judged_cannot_be_accepted(
    shop: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "there are: none" in accept("first")[1]
    deliver(tmp_path, 8, 40)
    with pytest.raises(SmaltiError):
        check(tmp_path, "red")
    assert "there are: red" in accept("nowhere")[1]
    assert "no reason" in accept("red", " ")[1]
    monkeypatch.setattr(volume, "bar", lambda *_: None)
    with pytest.raises(SmaltiError, match="the gate itself broke"):
        check(tmp_path, "broken")
    assert "did not judge everything" in accept("broken")[1]
    assert accept("broken")[0] == 1
