"""The weekly run: the night's flow, with every model trained and held against its champion."""

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.pipeline.home import Home
from tests.pipeline.shop import simulate

ALIKE = "lookalike_category_enthusiast"


@dataclass(frozen=True)
class Weeks:
    """A home after a first night and the weekly run that followed; the scores of both."""

    home: Home
    data: Path
    runs: dict[str, dict[str, Any]]

    def scores(self, dag: str) -> pl.DataFrame:
        """The propensity scores of that run, but for look-alikes."""
        frame = pl.read_parquet(self.home.path / "scores" / self.runs[dag]["run_id"] / "propensity.parquet")
        return frame.filter(~pl.col("model").str.starts_with("lookalike_"))


@pytest.fixture(scope="module")
def weeks(tmp_path_factory: pytest.TempPathFactory) -> Weeks:
    folder = tmp_path_factory.mktemp("weeks")
    home, data = Home(folder / "home", {"SMALTI_SEGMENT_FLOOR": "10"}), folder / "exports"
    simulate(home, data, customers=1500, days=45)
    found = {"nightly": home.nightly(data)}
    ended = home.smalti("run", "weekly", "--data", data, "--json")
    assert ended.returncode == 0, ended.stderr
    return Weeks(home, data, found | {"weekly": json.loads(ended.stdout)})


def outcomes(weeks: Weeks, dag: str) -> dict[str, str]:
    rows = weeks.home.ledger("select run_id, model, outcome from decisions")
    return {model: outcome for run, model, outcome in rows if run == weeks.runs[dag]["run_id"]}


def test_the_first_night_of_a_shop_trains_and_ends_with_scores(weeks: Weeks) -> None:
    found = outcomes(weeks, "nightly")
    assert found.pop("lifetime") in ("first", "lacking")  # it needs 500 people who ordered
    # 45 days of visits are too few to learn who stays away
    assert found.pop(ALIKE) == "lacking"  # nothing was published yet
    assert found == {
        "purchase": "first",
        "churn": "lacking",
        "clusters": "first",
        "recommendations": "first",
        "affinity": "first",
    }
    told = {
        model: (report["status"], report["rows"] > 100) for model, report in weeks.runs["nightly"]["models"].items()
    }
    assert told.pop(ALIKE) == ("too_little_data", False)
    assert told.pop("lifetime") in (("ok", True), ("too_little_data", False))
    assert told == {
        "purchase": ("ok", True),
        "churn": ("too_little_data", False),
        "clusters": ("ok", True),
        "recommendations": ("ok", True),
        "affinity": ("ok", True),
    }


def test_the_week_trains_every_model_and_on_the_same_data_changes_none(weeks: Weeks) -> None:
    found = outcomes(weeks, "weekly")
    assert found.pop("lifetime") in ("unchanged", "lacking")
    assert found.pop(ALIKE) == "lacking"  # of the same moment as the night: nothing was published before it
    assert found == {
        "purchase": "unchanged",
        "churn": "lacking",
        "clusters": "unchanged",
        "recommendations": "unchanged",
        "affinity": "unchanged",
    }
    assert weeks.scores("weekly").equals(weeks.scores("nightly"))


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


def test_who_is_scored_high_is_truly_likely_to_buy(weeks: Weeks) -> None:
    """By the exact chances that the simulator knows and no export tells: without the luck of one fortnight."""
    truth = pl.read_parquet(weeks.data / "_truth" / "people.parquet").explode("contact_ids")
    chance = dict(zip(truth["contact_ids"], truth["order_chance_14d"], strict=True))
    rows = weeks.home.query(
        "select contact_id_crm, tier, probability from scores.propensity join profiles.customers using (customer_id)"
        " where model = 'purchase' and contact_id_crm is not null"
    )
    true = defaultdict[str, list[float]](list)
    for contact, tier, _ in rows:
        true[tier].append(chance[contact])
    low, medium, high = (sum(true[tier]) / len(true[tier]) for tier in ("low", "medium", "high"))
    at_random = sum(map(sum, true.values())) / len(rows)
    assert low < at_random / 2 < medium < 1.5 * at_random
    assert high > 2 * at_random  # the same budget, spent at random, would reach half as many buyers
    assert at_random / 1.5 < sum(row[2] for row in rows) / len(rows) < 1.5 * at_random
