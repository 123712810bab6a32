"""Lineage events: standard, complete, and silent about people and places."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from warehouse import dbt, dbt_lineage, lineage
from warehouse.lineage import Dataset, Flow, Part, StageRun

AT, LATER = "2026-09-01T04:00:00+00:00", "2026-09-01T04:00:05+00:00"
RUN = StageRun("r1", "build_profiles")


def events(path: Path) -> list[dict[str, Any]]:
    """The events of the file."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_stage_starts_and_completes_as_one_run_with_what_it_read_and_left(tmp_path: Path):
    path = tmp_path / "logs" / "lineage.jsonl"
    lineage.begin(path, RUN, AT)
    flow = Flow((Dataset("exports/web_events", 5, 900, 2),), (Dataset("raw/web_events", 4, 700, 1),))
    lineage.end(path, RUN, LATER, flow)
    start, complete = events(path)
    assert (start["eventType"], complete["eventType"]) == ("START", "COMPLETE")
    assert start["run"]["runId"] == complete["run"]["runId"]
    assert (complete["job"]["namespace"], complete["job"]["name"]) == ("smalti", "build_profiles")
    [read], [written] = complete["inputs"], complete["outputs"]
    assert (read["name"], written["name"]) == ("exports/web_events", "raw/web_events")
    counts = [read["inputFacets"]["inputStatistics"], written["outputFacets"]["outputStatistics"]]
    assert [(one["rowCount"], one["size"], one["fileCount"]) for one in counts] == [(5, 900, 2), (4, 700, 1)]
    assert complete["run"]["facets"]["tags"]["tags"] == [{"key": "run_id", "value": "r1", "source": "SMALTI"}]


def test_a_stage_that_fails_says_why(tmp_path: Path):
    lineage.end(tmp_path / "l", RUN, LATER, Flow(), (), "audit: a pair stands twice")
    [fail] = events(tmp_path / "l")
    assert fail["eventType"] == "FAIL"
    assert fail["run"]["facets"]["errorMessage"]["message"] == "audit: a pair stands twice"


def test_a_part_is_a_run_of_its_own_with_the_stage_as_parent(tmp_path: Path):
    part = Part("MODEL", "warehouse/profiles.customers", Flow(), AT, LATER, failed=True)
    lineage.end(tmp_path / "l", RUN, LATER, Flow(), [part], "dbt failed: customers")
    start, fail, stage = events(tmp_path / "l")
    assert [start["eventType"], fail["eventType"], stage["eventType"]] == ["START", "FAIL", "FAIL"]
    assert start["run"]["runId"] == fail["run"]["runId"] != stage["run"]["runId"]
    assert fail["run"]["facets"]["parent"]["run"]["runId"] == stage["run"]["runId"] == RUN.uuid


def test_the_stages_of_a_run_have_the_same_parent(tmp_path: Path):
    for run in (RUN, StageRun("r1", "publish"), StageRun("r2", "publish")):
        lineage.begin(tmp_path / "l", run, AT)
    first, second, other = [event["run"]["facets"]["parent"]["run"]["runId"] for event in events(tmp_path / "l")]
    assert first == second != other


def test_what_the_environment_holds_is_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENLINEAGE__FACETS__ENVIRONMENT_VARIABLES", '["SECRET_OF_MINE"]')
    monkeypatch.setenv("SECRET_OF_MINE", "canary")
    lineage.begin(tmp_path / "l", RUN, AT)
    assert "canary" not in (tmp_path / "l").read_text()


NODES = {
    "model.smalti.customers": {
        "schema": "profiles",
        "alias": "customers",
        "depends_on": {"nodes": ["model.smalti.contacts", "source.smalti.raw.web_events", "source.smalti.ops.control"]},
    },
    "model.smalti.contacts": {"schema": "input", "alias": "contacts", "depends_on": {"nodes": []}},
}
SOURCES = {
    "source.smalti.raw.web_events": {"schema": "raw", "identifier": "web_events"},
    "source.smalti.ops.control": {"schema": "ops", "identifier": "control"},
}
BUILT = datetime(2026, 9, 1, 4, 0, 10, tzinfo=UTC)


def artifacts(target: Path, status: str = "success") -> Path:
    """What dbt leaves behind, cut down to one model and one test."""
    timing = [{"started_at": AT, "completed_at": AT}, {"started_at": AT, "completed_at": LATER}]
    results = [
        {"unique_id": "model.smalti.customers", "status": status, "timing": timing},
        {"unique_id": "test.smalti.unique", "status": "pass", "timing": timing},
        {"unique_id": "model.smalti.contacts", "status": "skipped", "timing": []},
    ]
    (target / "manifest.json").write_text(json.dumps({"nodes": NODES, "sources": SOURCES}))
    generated = {"generated_at": BUILT.isoformat()}
    (target / "run_results.json").write_text(json.dumps({"metadata": generated, "results": results}))
    return target


def test_a_model_rests_on_what_it_refers_to_and_sources_are_where_they_lie(tmp_path: Path):
    [part] = dbt_lineage.built(artifacts(tmp_path), BUILT - timedelta(seconds=30))
    assert [one.name for one in part.flow.inputs] == [
        "raw/web_events",
        "warehouse/input.contacts",
        "warehouse/ops.control",
    ]
    assert [one.name for one in part.flow.outputs] == ["warehouse/profiles.customers"]
    assert (part.started_at, part.ended_at, part.failed) == (AT, LATER, False)


def test_a_model_that_failed_is_told_as_failed(tmp_path: Path):
    [part] = dbt_lineage.built(artifacts(tmp_path, "error"), BUILT - timedelta(seconds=30))
    assert part.failed


def test_what_an_earlier_stage_built_is_not_told_again(tmp_path: Path):
    assert dbt_lineage.built(artifacts(tmp_path), BUILT + timedelta(seconds=1)) == []
    assert dbt_lineage.built(tmp_path / "nowhere", BUILT) == []


def test_a_segment_rests_on_the_sources_of_its_members_and_of_their_consents(tmp_path: Path):
    """Over the project as it is, parsed by dbt itself."""
    parsed = [
        str(Path(sys.executable).with_name("dbt")),
        "--quiet",
        "--no-version-check",
        "parse",
        "--target",
        "memory",
    ]
    quiet = os.environ | {"DBT_LOG_PATH": str(tmp_path)}
    subprocess.run([*parsed, *dbt.arguments(tmp_path)], env=quiet, check=True, timeout=120)
    found = dbt_lineage.sources_of_segments(tmp_path)
    assert sorted(found) == dbt.segment_names()
    assert all("crm_consents" in sources for sources in found.values())
    assert "survey_answers" in found["high_value"]
    assert "survey_answers" not in found["category_enthusiast"]
    assert found["likely_buyers"] >= {"web_events", "shop_orders"}, "scores rest on what the features rest on"
    assert not any("weather" in sources for sources in found.values())


def test_without_a_manifest_nothing_is_known(tmp_path: Path):
    assert dbt_lineage.sources_of_segments(tmp_path) == {}
