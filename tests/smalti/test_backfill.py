"""Backfill: past moments in order, each once, never behind what is published."""

from datetime import datetime

import pytest
from typer.testing import CliRunner

from smalti.backfill import Every, moments
from smalti.cli import app
from warehouse.errors import SmaltiError
from warehouse.settings import Settings

FIRST, THIRD = datetime(2026, 8, 1), datetime(2026, 8, 3)


def test_a_run_for_each_day_both_ends_included():
    assert moments(None, FIRST, THIRD, Every.day) == [FIRST, datetime(2026, 8, 2), THIRD]


def test_a_run_for_each_hour():
    assert moments(None, FIRST, datetime(2026, 8, 1, 2), Every.hour) == [
        FIRST,
        datetime(2026, 8, 1, 1),
        datetime(2026, 8, 1, 2),
    ]


def test_an_end_between_two_steps_is_not_passed():
    assert moments(None, FIRST, datetime(2026, 8, 2, 23), Every.day) == [FIRST, datetime(2026, 8, 2)]


def test_what_is_published_is_not_published_again():
    assert moments(datetime(2026, 8, 2), FIRST, THIRD, Every.day) == [THIRD]


def test_a_backfill_behind_what_is_published_is_refused():
    with pytest.raises(SmaltiError, match="2026-08-03 00:00:00 is published, history is only appended"):
        moments(THIRD, FIRST, THIRD, Every.day)


def test_an_end_before_the_beginning_is_refused():
    with pytest.raises(SmaltiError, match="allowed is 2026-08-03 00:00:00 or later"):
        moments(None, THIRD, FIRST, Every.day)


@pytest.mark.parametrize(
    "options",
    [
        ["--since", "2026-08-01"],
        ["--until", "2026-08-01"],
        ["--since=2026-08-01", "--until=2026-08-02", "--as-of=2026-08-02"],
    ],
    ids=" ".join,
)
def test_half_a_backfill_is_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch, options: list[str]):
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    exports = str(settings.home / "exports")
    CliRunner().invoke(app, ["simulate", "--customers", "20", "--days", "2", "--out", exports])
    result = CliRunner().invoke(app, ["run", "nightly", "--data", exports, *options])
    assert result.exit_code == 1
    assert result.stderr.endswith("a backfill has --since and --until, and no --as-of; allowed are both or neither\n")
