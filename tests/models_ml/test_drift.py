"""Drift: what has moved is noticed, what chance moves is not, and too much demands a training."""

import json
from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from models_ml import drift
from models_ml.features import Matrix
from models_ml.score import score
from models_ml.train import train
from warehouse import run
from warehouse.settings import Settings

LATER = timedelta(days=7)


def moved(then: Matrix, now: Matrix) -> drift.Moved:
    one = drift.reference({"x": then})["x"]
    return drift.moved(np.array(one["counts"]), drift.counted(now, one["edges"]))


def test_psi_and_ks_are_what_one_counts_by_hand() -> None:
    """Half of the people below .5 then, nine tenths now; of so many that chance gives nothing."""
    then, now = np.array([500_000_000, 500_000_000, 0]), np.array([900_000_000, 100_000_000, 0])
    found = drift.moved(then, now)
    assert found.psi == pytest.approx(0.4 * np.log(1.8) + 0.4 * np.log(5.0), abs=1e-3)
    assert found.ks == pytest.approx(0.4)


@pytest.mark.parametrize("people", [150, 1_000, 20_000])
def test_chance_moves_nothing(people: int) -> None:
    rng = np.random.default_rng(1)
    found = [moved(rng.normal(0, 1, people), rng.normal(0, 1, people)).psi for _ in range(50)]
    assert float(np.mean(found)) < 0.03
    assert max(found) < drift.TOO_MUCH


@pytest.mark.parametrize("by", [0.8, -0.8])
def test_a_shift_is_noticed(by: float) -> None:
    rng = np.random.default_rng(2)
    assert moved(rng.normal(0, 1, 1_000), rng.normal(by, 1, 1_000)).psi > drift.TOO_MUCH


def test_what_is_absent_is_a_group_of_its_own() -> None:
    then = np.arange(1_000.0)
    assert moved(then, np.where(then % 2 == 0, np.nan, then)).psi > drift.TOO_MUCH
    assert drift.counted(np.array([np.nan, 1.0]), []).tolist() == [1, 1]


@pytest.mark.parametrize(("rate", "demands"), [(0.1, False), (0.11, False), (0.2, True)])
def test_promises_that_no_longer_hold_demand_a_training(rate: float, *, demands: bool) -> None:
    label = np.arange(5_000) < 5_000 * rate
    kept = drift.kept(label, np.full(5_000, 0.1))
    assert kept is not None
    assert kept.promised == 0.1
    assert drift.judged({}, {"x": np.array([5_000, 0])}, {}, kept).retrain is demands


def test_of_few_people_nothing_is_told() -> None:
    assert drift.kept(np.array([True] * 99), np.full(99, 0.1)) is None
    told = drift.judged({"x": {"edges": [], "counts": [9, 0]}}, {"x": np.array([0, 99])}, {"x": 1.0}, None)
    assert (told.features, told.retrain) == ({}, False)


def test_a_feature_that_gives_little_may_move_far() -> None:
    then, now = {"x": {"edges": [1.0], "counts": [500, 500, 0]}}, {"x": np.array([1_000, 0, 0])}
    assert drift.judged(then, now, {"x": 0.01}, None).retrain is False
    assert "x has moved" in drift.judged(then, now, {"x": 0.01}, None).told[0]
    assert drift.judged(then, now, {"x": 0.9}, None).retrain is True
    assert drift.judged(then, now, {"x": 0.9}, None, can_learn=False).retrain is False


@pytest.fixture(scope="module")
def home(shop: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings: Settings = shop.store(tmp_path_factory.mktemp("drift"), "first", shop.features())
    train(settings, "first", shop.as_of, is_asked=False)
    score(settings, "first", shop.as_of)
    return settings


def told(settings: Settings, name: str) -> dict[str, object]:
    found: dict[str, object] = json.loads((settings.scores / name / "drift.json").read_text())["purchase"]
    return found


def test_people_like_those_of_then_have_not_moved(home: Settings) -> None:
    found = told(home, "first")
    assert (found["people"], found["retrain"], found["told"]) == (1200, False, [])
    assert found["calibration"]["people"] == 1200  # type: ignore[index]


def test_people_who_have_moved_too_far_are_told_and_the_next_night_trains(
    shop: SimpleNamespace, home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = pl.col("carts_28d_count") * 4 + 5
    frame = shop.features(seed=2).with_columns(busy, pl.col("cutoff_at") + LATER)
    shop.store(home.home, "moved", frame)
    report = score(home, "moved", shop.as_of + LATER).models["purchase"]
    found = told(home, "moved")
    assert report.retrain is found["retrain"] is True
    assert list(report.drift) == found["told"]
    assert "carts_28d_count has moved" in " ".join(found["told"])  # type: ignore[arg-type]
    monkeypatch.setattr(run, "scored_by", lambda _: "moved")
    assert "purchase" in train(home, "moved", shop.as_of + LATER, is_asked=False)
    monkeypatch.setattr(run, "scored_by", lambda _: "first")
    shop.store(home.home, "other", frame)
    assert "purchase" not in train(home, "other", shop.as_of + LATER, is_asked=False)
