"""`smalti segments triggers` tells entries in whole floors, and of fewer than one nothing."""

import json

import duckdb
import pytest
from typer.testing import CliRunner

from smalti.cli import app
from warehouse import ledger
from warehouse import settings as configuration
from warehouse.settings import Settings

VERSION = """
create schema segments; create schema activation; create schema ops;
create table ops.control as select timestamp '2026-09-01' as as_of;
create table ops.sources as select 'shop' as source, true as is_simulated, 1 as rows_loaded;
create table segments.segment_definitions as
    from (values ('t', 7, 22, 7), ('u', 0, null, null), ('plain', null, null, null))
    as t(segment_id, cool_down_days, quiet_from_hour, quiet_to_hour);
create table activation.message_intents as
    select i::varchar as intent_id, 't' as segment_id, if(i < 350, 'due', 'no_consent') as status,
        timestamp '2026-08-31' as entered_at,
        timestamp '2026-08-31' + if(i < 100, interval 25 hour, interval 24 hour) as due_at
    from range(449) as t(i)
    union all
    select 'old', 't', 'due', timestamp '2026-08-02', timestamp '2026-08-02' from range(100);
"""


@pytest.fixture(autouse=True)
def published(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.published.mkdir(parents=True)
    with duckdb.connect(settings.published / "v.duckdb") as connection:
        connection.execute(VERSION)
    settings.current.symlink_to(settings.published / "v.duckdb")
    monkeypatch.setattr(configuration, "load", lambda: settings.model_copy(update={"segment_floor": 100}))


def test_entries_are_told_in_whole_floors() -> None:
    with ledger.connect(configuration.load().ledger) as book:
        book.executemany(
            "insert into accepted values (?, ?, '[]', '', '', null)",
            [("files.messages", str(number)) for number in range(250)]
            + [("files", str(number)) for number in range(320)],
        )
    found = json.loads(CliRunner().invoke(app, ["segments", "triggers", "--json"]).output)
    told = [
        [row[name] for name in ("segment_id", "due", "told", "waiting", "no_consent", "cooled_down")] for row in found
    ]
    assert told == [["t", 200, 200, 100, None, None], ["u", None, None, None, None, None]]


def test_the_table_shows_the_rules_and_says_that_it_is_simulated() -> None:
    shown = CliRunner().invoke(app, ["segments", "triggers"], env={"COLUMNS": "160"}).output
    assert "22 to 7 UTC" in shown
    assert "<100" in shown
    assert "simulated" in shown.lower()
    assert "plain" not in shown
