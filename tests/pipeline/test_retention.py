"""People of whom every row is past its days leave profiles, segments and destinations, by the runs as they are."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from tests.pipeline.home import Home
from tests.pipeline.shop import simulate
from tests.pipeline.state import State

SMALL = {"SMALTI_SEGMENT_FLOOR": "10", "SMALTI_KEEP_VERSIONS": "9"}
# after more days than any source of people keeps its rows, and within the days of the second shop's rows
AT = "2030-02-01T00:00:00"


@dataclass(frozen=True)
class Removed:
    """A shop of 2026; then of 2030, with fewer people, once the rows of 2026 were removed."""

    home: Home
    before: State
    planned: dict[str, Any]
    done: dict[str, Any]
    hour: State
    full: State


@pytest.fixture(scope="session")
def removed(tmp_path_factory: pytest.TempPathFactory) -> Removed:
    folder = tmp_path_factory.mktemp("removed")
    home, first, second = Home(folder / "home", SMALL), folder / "first", folder / "second"
    simulate(home, first, customers=800, days=20)
    simulate(home, second, customers=500, days=10, end="2030-01-31")
    home.nightly(first)
    before = State.of(home)
    planned = json.loads(home.smalti("retention", "plan", "--as-of", AT, "--json").stdout)
    ended = home.smalti("retention", "run", "--as-of", AT, "--json")
    assert ended.returncode == 0, ended.stderr
    home.run("hourly", second)
    _approve(home)  # more than a tenth leave at once, which a person has to let pass
    hour = State.of(home)
    home.run("nightly", second, "--full")
    return Removed(home, before, planned, json.loads(ended.stdout), hour, State.of(home))


def _approve(home: Home) -> None:
    [plan] = json.loads(home.smalti("sync", "plan", "--json").stdout)
    assert "would leave" in plan["blocked_by"][0]
    for command in (["approve", plan["plan_id"], "--up-to", "9999", "--reason", "retention"], ["run", "files"]):
        ended = home.smalti("sync", *command)
        assert ended.returncode == 0, ended.stderr


def _people(state: State) -> set[str]:
    return {row[0] for row in state.tables["profiles.customers"]}


def _left(removed: Removed) -> set[str]:
    found = _people(removed.before) - _people(removed.hour)
    assert len(found) > 200
    return found


def test_the_plan_is_what_is_done(removed: Removed) -> None:
    assert (removed.planned["is_done"], removed.done["is_done"]) == (False, True)
    assert removed.planned["sources"] == removed.done["sources"]
    assert {"crm_contacts", "shop_orders", "web_events"} <= {one["source"] for one in removed.done["sources"]}
    assert removed.planned["vault_values"] == removed.done["vault_values"] > 300


def test_whoever_has_no_row_left_leaves_profiles_and_segments(removed: Removed) -> None:
    left = _left(removed)
    for table in ("profiles.identifiers", "profiles.sessions", "segments.memberships", "activation.audience"):
        # beside its person, an identifier keeps the id that was once made from it: the fifth column
        held = {value for row in removed.hour.tables[table] for value in row[:4] if isinstance(value, str)}
        assert held.isdisjoint(left), table


def test_the_destination_is_told_by_an_empty_set(removed: Removed) -> None:
    left = _left(removed)
    sent = {customer for (_, customer), segments in removed.before.accepted.items() if segments}
    assert len(sent & left) > 20
    now = {customer for (_, customer), segments in removed.hour.accepted.items() if segments}
    assert now.isdisjoint(left)
    receipts = removed.home.ledger(
        "select customer_id from receipts where outcome = 'accepted' group by 1 having count(*) > 1"
    )
    assert sent & left <= {customer for (customer,) in receipts}
    members = b"".join(removed.hour.delivered.values())
    assert [one for one in left if one.encode() in members] == []


def test_the_scores_of_the_night_before_speak_of_nobody_who_left(removed: Removed) -> None:
    scored = {row[0] for row in removed.hour.tables["scores.clusters"]}
    absorbed = {row[1] for row in removed.hour.tables["profiles.merges"]}
    assert scored
    assert scored & _left(removed) <= absorbed


def test_an_hour_after_it_comes_to_what_a_full_build_does(removed: Removed) -> None:
    hour, full = removed.hour.tables, removed.full.tables
    same = [name for name in hour if name.startswith("profiles.")]
    assert len(same) > 5
    assert [name for name in same if hour[name] != full[name]] == []


def test_the_step_is_in_the_ledger(removed: Removed) -> None:
    [(status, message)] = removed.home.ledger("select status, message from runs where stage = 'apply_retention'")
    assert status == "ok"
    assert "values of the vault removed" in message


def test_nothing_younger_is_touched(removed: Removed) -> None:
    """What is past its days at a moment is no file of the shop that came after it."""
    again = json.loads(removed.home.smalti("retention", "plan", "--as-of", AT, "--json").stdout)
    assert again["sources"] == []
