"""The weekly run: the night's flow, with every model trained and held against its champion."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.home import Home
from tests.pipeline.shop import simulate


@dataclass(frozen=True)
class Weeks:
    """A home after a first night and the weekly run that followed; the scores of both."""

    home: Home
    runs: dict[str, dict[str, Any]]

    def scores(self, dag: str) -> bytes:
        """The propensity scores of that run."""
        return (self.home.path / "scores" / self.runs[dag]["run_id"] / "propensity.parquet").read_bytes()


@pytest.fixture(scope="module")
def weeks(tmp_path_factory: pytest.TempPathFactory) -> Weeks:
    folder = tmp_path_factory.mktemp("weeks")
    home, data = Home(folder / "home", {"SMALTI_SEGMENT_FLOOR": "10"}), folder / "exports"
    simulate(home, data, customers=1500, days=45)
    found = {"nightly": home.nightly(data)}
    ended = home.smalti("run", "weekly", "--data", data, "--json")
    assert ended.returncode == 0, ended.stderr
    return Weeks(home, found | {"weekly": json.loads(ended.stdout)})


def outcomes(weeks: Weeks, dag: str) -> dict[str, str]:
    rows = weeks.home.ledger("select run_id, model, outcome from decisions")
    return {model: outcome for run, model, outcome in rows if run == weeks.runs[dag]["run_id"]}


def test_the_first_night_of_a_shop_trains_and_ends_with_scores(weeks: Weeks) -> None:
    assert outcomes(weeks, "nightly") == {"purchase": "first", "churn": "first", "clusters": "first"}
    for model, report in weeks.runs["nightly"]["models"].items():
        assert (model, report["status"]) in {("purchase", "ok"), ("churn", "ok"), ("clusters", "ok")}
        assert report["rows"] > 100


def test_the_week_trains_every_model_and_on_the_same_data_changes_none(weeks: Weeks) -> None:
    assert outcomes(weeks, "weekly") == dict.fromkeys(("purchase", "churn", "clusters"), "unchanged")
    assert weeks.scores("weekly") == weeks.scores("nightly")


def test_the_weeks_stages_are_the_nights(weeks: Weeks) -> None:
    rows = weeks.home.ledger("select run_id, stage, status from runs")
    stages = {dag: {stage for run, stage, _ in rows if run == made["run_id"]} for dag, made in weeks.runs.items()}
    assert stages["weekly"] == stages["nightly"]
    assert "train_models" in stages["weekly"]


def test_a_model_is_told_with_version_and_decision(weeks: Weeks) -> None:
    ended = weeks.home.smalti("models", "list", "--json")
    rows = {row["model"]: row for row in json.loads(ended.stdout)}
    assert {model: row["champion"] for model, row in rows.items()} == {
        model: report["version"] for model, report in weeks.runs["weekly"]["models"].items()
    }
    assert (Path(weeks.home.path) / "models" / "registry.sqlite").is_file()
