"""Stated days are enforced days: so long after the last row of anybody, a published table knows nobody any more."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from tests.pipeline.home import Home
from tests.pipeline.shop import simulate
from warehouse import dbt, durable, tags

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

END = datetime.fromisoformat("2026-08-31T00:00:00")
DAYS = (401, 1_096, 2_192)  # a day after each of the days that sources and tables state
SMALL = {"SMALTI_SEGMENT_FLOOR": "10", "SMALTI_KEEP_VERSIONS": "9"}
Rows = dict[str, int]


@dataclass(frozen=True)
class Aged:
    """Rows of each published table of people, and the days it states: on the last day, and so many days later."""

    before: Rows
    after: dict[int, Rows]
    stated: dict[str, int]


@pytest.fixture(scope="session")
def aged(tmp_path_factory: pytest.TempPathFactory) -> Aged:
    folder = tmp_path_factory.mktemp("aged")
    home, data = Home(folder / "home", SMALL), folder / "shop"
    simulate(home, data, customers=200, days=20, end=f"{END:%Y-%m-%d}")
    home.nightly(data)
    people = {name: table for name, table in tags.published(dbt.project()).items() if _is_of_people(table)}
    stated = {name: max(tag.retention_days for tag in _tags(table)) for name, table in people.items()}
    before, after = _rows(home, stated), {}
    for days in DAYS:
        at = f"{END + timedelta(days=days):%Y-%m-%dT%H:%M:%S}"
        for command in (("retention", "run", "--as-of", at), ("run", "hourly", "--as-of", at)):
            ended = home.smalti(*command)
            assert ended.returncode == 0, ended.stderr
        after[days] = _rows(home, stated)
        if after[days]["activation.audience_changes"]:
            _tell(home)
    return Aged(before, after, stated)


def _tell(home: Home) -> None:
    """Let what is stale and many be sent: people go from what destinations have when these have been told."""
    [plan] = json.loads(home.smalti("sync", "plan", "--json").stdout)
    for command in (["approve", plan["plan_id"], "--up-to", "9999", "--reason", "retention"], ["run", "files"]):
        ended = home.smalti("sync", *command)
        assert ended.returncode == 0, ended.stderr


def _tags(table: tags.Table) -> list[tags.Tag]:
    return [tag for tag in (table.tag, *table.columns.values()) if tag]


def _is_of_people(table: tags.Table) -> bool:
    return any(tag.pii == "indirect" for tag in _tags(table))


def _rows(home: Home, names: dict[str, int]) -> Rows:
    there = home.columns()
    return {name: home.query(f"select count(*) from {name}")[0][0] for name in names if name in there}


def _is_decision(name: str) -> bool:
    return name.split(".")[1] in durable.KEPT


def test_the_shop_is_known_before(aged: Aged) -> None:
    known = [name for name, rows in aged.before.items() if rows]
    assert len(known) > 25
    assert sum(map(_is_decision, known)) >= 4


@pytest.mark.parametrize("days", DAYS)
def test_no_table_knows_anybody_beyond_its_days(aged: Aged, days: int) -> None:
    built = [name for name in aged.before if not _is_decision(name) and aged.stated[name] < days]
    assert len(built) >= 5
    assert {name: rows for name in built if (rows := aged.after[days][name])} == {}


def test_what_is_within_its_days_is_there(aged: Aged) -> None:
    for name in ("profiles.customers", "profiles.interests", "profiles.identifiers", "segments.memberships"):
        assert aged.after[401][name] > 0, name
    assert aged.before["profiles.sessions"] > aged.after[401]["profiles.sessions"] == 0
    # whom a destination is to be told of stays until it has been: at the first of the runs
    assert aged.after[401]["activation.audience_changes"] == aged.before["activation.audience"] > 0


def test_decisions_go_their_days_after_they_ended(aged: Aged) -> None:
    """The second run ends what had held, since nobody is left; the third is more than 1,095 days later."""
    names = [name for name in aged.before if _is_decision(name) and aged.before[name]]
    assert [name for name in names if not aged.after[1_096][name]] == []
    assert {name: rows for name in names if (rows := aged.after[2_192][name])} == {}
