"""The hourly run after a night: newer data, the night's scores, and otherwise what the nightly run would say."""

import json
import shutil
from dataclasses import dataclass
from typing import Any

import pytest

from tests.pipeline import content_oracle
from tests.pipeline.asked import differing, settings_of, unexplained
from tests.pipeline.home import Home
from tests.pipeline.oracle import NAMES, SCORED, answer
from tests.pipeline.shop import two_deliveries
from tests.pipeline.state import State

SMALL = {"SMALTI_SEGMENT_FLOOR": "10"}
pytestmark = pytest.mark.timeout(1500)  # four whole runs stand before the first of these


@dataclass(frozen=True)
class Hours:
    """A night, the hour after it, and the same hour's data in a nightly run instead."""

    night: State
    hour: State
    rebuilt: State
    instead: State
    summary: dict[str, Any]
    stages: set[str]
    members: dict[str, int]
    home: Home


@pytest.fixture(scope="session")
def hours(tmp_path_factory: pytest.TempPathFactory) -> Hours:
    folder = tmp_path_factory.mktemp("hours")
    home = Home(folder / "home", SMALL | {"SMALTI_DELTA_FROM_ROWS": "1"})
    two_deliveries(home, folder)
    home.nightly(folder / "first-run")
    night, twin = State.of(home), Home(folder / "twin", SMALL)
    shutil.copytree(home.path, twin.path, symlinks=True)
    summary = home.run("hourly", folder / "second-run")
    hour = State.of(home)
    ended = home.smalti("run", "hourly", "--data", folder / "second-run", "--full")
    assert ended.returncode == 0, ended.stderr
    twin.nightly(folder / "second-run")
    stages = {stage for (stage,) in home.ledger(f"select stage from runs where run_id = '{summary['run_id']}'")}
    found = answer(folder / "second-run")
    return Hours(
        night,
        hour,
        State.of(home),
        State.of(twin),
        summary,
        stages,
        {name: len(found.members[name]) for name in NAMES},
        home,
    )


def test_an_hour_trains_and_scores_nobody(hours: Hours) -> None:
    assert hours.stages == {
        "take_turn",
        "load_raw",
        "check_raw",
        "open_run",
        "build_profiles",
        "build_audience",
        "publish",
        "deliver",
        "end_run",
        "report",
    }


def test_the_scores_of_the_night_stay(hours: Hours) -> None:
    assert hours.night.tables["scores.propensity"]
    assert hours.hour.tables["scores.propensity"] == hours.night.tables["scores.propensity"]
    assert hours.instead.tables["scores.propensity"] != hours.night.tables["scores.propensity"]


def test_profiles_are_those_that_a_nightly_run_would_have_built(hours: Hours) -> None:
    same = [name for name in hours.hour.tables if name.startswith("profiles.")]
    assert len(same) > 5
    assert [name for name in same if hours.hour.tables[name] != hours.instead.tables[name]] == []
    assert hours.hour.tables["profiles.customers"] != hours.night.tables["profiles.customers"]


def test_building_everything_again_comes_to_the_same(hours: Hours) -> None:
    kept, rebuilt = hours.hour.tables, hours.rebuilt.tables
    assert hours.rebuilt.version != hours.hour.version
    about_people = [name for name in kept if not name.startswith("activation.")]  # what was sent is not sent again
    assert [name for name in about_people if name != "profiles.interests" and kept[name] != rebuilt[name]] == []
    scores = {row[:3]: row[3] for row in rebuilt["profiles.interests"]}
    assert {row[:3]: row[3] for row in kept["profiles.interests"]} == pytest.approx(scores, abs=1e-9)


def test_rule_segments_are_the_nightly_runs_and_have_the_oracles_sizes(hours: Hours) -> None:
    def ruled(state: State) -> list[tuple[Any, ...]]:
        return [row for row in state.tables["segments.memberships"] if row[0] not in SCORED]

    assert ruled(hours.hour) == ruled(hours.instead)
    sizes = {name: sum(row[0] == name for row in ruled(hours.hour)) for name in NAMES}
    assert sizes == hours.members
    assert sum(sizes.values()) > 300


def test_what_changed_is_delivered_and_accepted(hours: Hours) -> None:
    (delivery,) = hours.summary["deliveries"]
    assert delivery["sent"]["changed"] + delivery["sent"]["added"] > 0
    audience = {row[:2]: row[3] for row in hours.hour.tables["activation.audience"]}
    assert {key: sorted(segments) for key, segments in hours.hour.accepted.items()} == audience


def test_each_segment_previewed_without_dbt_is_the_segment_that_dbt_published(hours: Hours) -> None:
    assert differing(settings_of(hours.home, 10)) == []


def test_why_agrees_with_the_spells_for_a_thousand_triples(hours: Hours) -> None:
    wrong, members = unexplained(settings_of(hours.home, 10), count=1000, seed=11)
    assert wrong == []
    assert 300 < members < 700


def test_why_is_told_by_a_command(hours: Hours) -> None:
    [(person,)] = hours.home.query("select min(customer_id) from segments.memberships where segment_id = 'high_value'")
    ended = hours.home.smalti("segments", "why", "high_value", person, "--json")
    found = json.loads(ended.stdout)
    [(reason,)] = found["reasons"].values()
    assert found["is_member"]
    assert reason["is_met"]
    assert reason["values"]["spend_365d_amount"]
    assert "met" in hours.home.smalti("segments", "why", "high_value", person).stdout


def test_content_is_the_oracles_person_by_person_by_night_and_by_the_hour(hours: Hours) -> None:
    query = "select destination, channel, customer_id, payload from activation.content"
    found = {
        state.version: {tuple(key): json.loads(told) for *key, told in hours.home.query(query, state.version)}
        for state in (hours.night, hours.hour)
    }
    assert found == {version: content_oracle.shown(hours.home, version) for version in found}
    by_night, by_the_hour = (found[state.version] for state in (hours.night, hours.hour))
    strategies = {variant["strategy"] for payload in by_the_hour.values() for variant in payload["variants"]}
    assert strategies == {"popular", "recent", "personal", "cart_offer", "complements", "loyalty", "referral"}
    followed = [
        key for key in by_night.keys() & by_the_hour.keys() if by_night[key]["stage"] != by_the_hour[key]["stage"]
    ]
    assert followed, "nobody's stage changed in these hours"
    assert hours.rebuilt.tables["activation.content"] == hours.hour.tables["activation.content"]


def test_what_is_delivered_holds_the_content_beside_the_segments(hours: Hours) -> None:
    told = {
        (channel, row["customer_id"]): json.loads(row[f"content_{channel}"])
        for row in map(json.loads, hours.hour.delivered["members.jsonl"].splitlines())
        for channel in ("email", "web")
        if row[f"content_{channel}"] is not None
    }
    assert told == {key[1:]: payload for key, payload in content_oracle.shown(hours.home, hours.hour.version).items()}
    assert len(told) > 100


def test_who_is_shown_something_else_is_sent_though_their_segments_did_not_change(hours: Hours) -> None:
    (before, after) = (
        {row[:2]: row[3:] for row in state.tables["activation.audience"]} for state in (hours.night, hours.hour)
    )
    alone = {
        key for key in before.keys() & after.keys() if before[key][0] == after[key][0] and before[key] != after[key]
    }
    changed = hours.home.query(
        "select destination, customer_id from activation.audience_changes where change = 'changed'", hours.hour.version
    )
    assert alone
    assert alone <= set(changed)


def test_why_somebody_is_shown_that_is_told_by_a_command(hours: Hours) -> None:
    [(customer,)] = hours.home.query("select min(customer_id) from activation.content where channel = 'web'")
    ended = hours.home.smalti("content", "show", customer, "--channel", "web", "--json")
    [found] = json.loads(ended.stdout)["content"]
    assert found["variants"][-1]["when"] == {}
    rows = {one["row"] for one in found["variants"]} | {one["row_id"] for one in found["passed_over"]}
    assert len(rows) == len(found["variants"]) + len(found["passed_over"]) > 5
    assert "Passed over" in hours.home.smalti("content", "show", customer).stdout
