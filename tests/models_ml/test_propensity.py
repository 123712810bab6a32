"""The propensity model finds what is there, does not find what is not, and shows a leak."""

import json
from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from models_ml import baseline, calibration, evaluation, leakage, propensity
from models_ml.features import Split, split

Fitted = tuple[Split, dict[str, dict[str, float]], dict[str, bytes]]


def fitted(shop: SimpleNamespace, frame: pl.DataFrame) -> Fitted:
    rows = split(frame, shop.as_of)
    files = propensity.fit(rows, threads=2)
    return rows, json.loads(files["card.json"])["metrics"], files


@pytest.fixture(scope="module")
def planted(shop: SimpleNamespace) -> Fitted:
    return fitted(shop, shop.features(customers=2000))


def test_a_planted_signal_is_found(planted: Fitted) -> None:
    metrics = planted[1]
    assert metrics["model"]["roc_auc"] > 0.8
    assert metrics["model"]["roc_auc"] > metrics["baseline"]["roc_auc"] > 0.6
    assert metrics["model"]["ece"] < 0.05
    assert metrics["model"]["top_decile_lift"] > 2
    assert leakage.warnings(metrics) == ()


def test_shuffled_labels_are_a_coin_toss_and_nobody_is_warned_into_trusting_them(shop: SimpleNamespace) -> None:
    shuffled = shop.features(customers=2000).with_columns(pl.col("bought_next_14d").shuffle(seed=7).over("cutoff_at"))
    metrics = fitted(shop, shuffled)[1]
    assert metrics["model"]["roc_auc"] == pytest.approx(0.5, abs=0.05)
    assert metrics["model"]["top_decile_lift"] < 1.5


def test_a_label_smuggled_in_as_a_feature_shows(shop: SimpleNamespace) -> None:
    leaking = shop.features(customers=600).with_columns(bonus_points_28d_count=pl.col("bought_next_14d").cast(pl.Int64))
    _, metrics, files = fitted(shop, leaking)
    assert metrics["model"]["roc_auc"] > 0.99
    assert "look for the label" in leakage.warnings(metrics)[0]
    gains = json.loads(files["card.json"])["features"]
    assert max(gains, key=gains.__getitem__) == "bonus_points_28d_count"


def test_each_cutoff_has_one_use(shop: SimpleNamespace, planted: Fitted) -> None:
    parts = [getattr(planted[0], name) for name in ("score", "test", "calibrate", "train")]
    days = [sorted({(shop.as_of - c).days for c in part["cutoff_at"].to_list()}) for part in parts]
    assert days == [[0], [14], [28], [42, 56, 70]]


def test_the_test_cutoff_changes_the_figures_but_not_the_model(
    shop: SimpleNamespace,
    planted: Fitted,
) -> None:
    flipped = shop.features(customers=2000).with_columns(
        pl.when(pl.col("cutoff_at") == planted[0].test["cutoff_at"][0])
        .then(~pl.col("bought_next_14d"))
        .otherwise("bought_next_14d")
        .alias("bought_next_14d")
    )
    _, metrics, files = fitted(shop, flipped)
    assert files["model.txt"] == planted[2]["model.txt"]
    assert files["calibration.json"] == planted[2]["calibration.json"]
    assert metrics["model"]["roc_auc"] == pytest.approx(1 - planted[1]["model"]["roc_auc"], abs=1e-3)


def test_tiers_are_a_half_a_third_and_a_fifth_of_the_calibration_cutoff(
    planted: Fitted,
) -> None:
    predicted = propensity.predict(planted[2], planted[0].calibrate, threads=2)
    shares = dict(predicted["tier"].value_counts(normalize=True).iter_rows())
    for tier, share in calibration.SHARES.items():
        assert shares[tier] == pytest.approx(share, abs=0.02)
    low, medium, high = (predicted.filter(tier=tier)["expected_value_amount"] for tier in ("low", "medium", "high"))
    assert float(low.max()) < float(medium.min()) <= float(medium.max()) < float(high.min())  # type: ignore[arg-type]


def test_a_rate_that_changed_since_training_is_calibrated_away(shop: SimpleNamespace) -> None:
    frame = shop.features(customers=2000)
    newer = pl.col("cutoff_at") >= shop.as_of - timedelta(days=28)
    lost = pl.int_range(pl.len()) % 3 != 0
    rarer = frame.with_columns(
        pl.when(newer & lost & pl.col("bought_next_14d").is_not_null())
        .then(statement=False)
        .otherwise("bought_next_14d")
        .alias("bought_next_14d")
    )
    metrics = fitted(shop, rarer)[1]
    assert metrics["model"]["ece"] < metrics["uncalibrated"]["ece"] / 2
    assert metrics["model"]["roc_auc"] == metrics["uncalibrated"]["roc_auc"]


def test_missing_values_and_infinities_are_scored(
    planted: Fitted,
) -> None:
    odd = (
        planted[0]
        .score.head(3)
        .with_columns(
            spend_total_amount=pl.Series([float("inf"), float("nan"), None]),
            recency_days=pl.lit(None, dtype=pl.Float64),
        )
    )
    assert propensity.predict(planted[2], odd, threads=1)["probability"].is_between(0, 1).all()


def test_a_model_refuses_rows_without_its_features(
    planted: Fitted,
) -> None:
    with pytest.raises(ValueError, match="not there: carts_28d_count"):
        propensity.predict(planted[2], planted[0].score.drop("carts_28d_count"), threads=1)


@pytest.mark.parametrize("part", ["train", "calibrate", "test"])
def test_a_part_without_buyers_is_too_little_data(shop: SimpleNamespace, part: str) -> None:
    days = {"test": [14], "calibrate": [28], "train": [42, 56, 70]}[part]
    none = pl.lit(shop.as_of) - pl.col("cutoff_at")
    frame = shop.features(customers=600).with_columns(
        bought_next_14d=pl.when(none.dt.total_days().is_in(days)).then(statement=False).otherwise("bought_next_14d")
    )
    reason = propensity.lacking(split(frame, shop.as_of))
    assert reason is not None
    assert f"0 buyers in part '{part}'" in reason


def test_everybody_buying_is_too_little_data(shop: SimpleNamespace) -> None:
    frame = shop.features(customers=600).with_columns(bought_next_14d=~pl.col("is_scored"))
    assert "both kinds are needed" in str(propensity.lacking(split(frame, shop.as_of)))


def test_calibration_recovers_a_known_slope_and_intercept() -> None:
    rng = np.random.default_rng(5)
    margin = rng.normal(0, 2, 20_000)
    bought = rng.random(20_000) < calibration.sigmoid(0.5 * margin - 1.0)
    found = calibration.fit(margin, bought)
    assert found.slope == pytest.approx(0.5, abs=0.03)
    assert found.intercept == pytest.approx(-1.0, abs=0.05)
    raw, calibrated = calibration.sigmoid(margin), calibration.probabilities(found, margin)
    assert evaluation.ece(bought, calibrated) < evaluation.ece(bought, raw) / 5


def test_a_perfectly_separated_cutoff_still_calibrates() -> None:
    margin = np.concatenate([np.full(50, -9.0), np.full(50, 9.0)])
    found = calibration.fit(margin, margin > 0)
    assert np.isfinite([found.slope, found.intercept]).all()
    assert calibration.probabilities(found, margin).max() < 1


def test_a_backwards_margin_gives_everybody_the_base_rate_and_the_low_tier() -> None:
    rng = np.random.default_rng(5)
    margin = rng.normal(0, 1, 2000)
    found = calibration.fit(margin, rng.random(2000) < calibration.sigmoid(-2 * margin))
    probability = calibration.probabilities(found, margin)
    assert probability.min() == probability.max() == pytest.approx(0.5, abs=0.05)
    assert calibration.tiers(found, probability).unique().to_list() == ["low"]


def test_calibration_error_and_lift_are_what_one_counts_by_hand() -> None:
    bought = np.array([False] * 16 + [True] * 4)
    honest = np.where(bought, 0.9, 0.1)
    assert evaluation.ece(bought, honest) == pytest.approx(0.1)
    assert evaluation.ece(bought, np.full(20, 0.2)) == pytest.approx(0.32)
    assert evaluation.top_decile_lift(bought, honest) == pytest.approx(5.0)


def test_the_baseline_knows_recency_from_never() -> None:
    train = pl.DataFrame(
        {
            "recency_days": [1.0] * 200 + [90.0] * 200 + [None] * 200,
            "orders_count": [1] * 600,
            "label": [True] * 200 + [False] * 100 + [True] * 100 + [False] * 200,
        }
    )
    found = baseline.predict(train, train[[0, 200, 400]])
    assert found is not None
    assert found[0] > 0.9
    assert found[1] == pytest.approx(0.5, abs=0.01)
    assert found[2] < 0.1
    assert baseline.predict(train.drop("orders_count"), train) is None
