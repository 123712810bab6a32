"""Affinity finds a planted taste, beats interest and popularity, scores each pair once, and notices leaks."""

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from models_ml import affinity, artifacts, catalog, champions, compare, due, features, folders, promotion
from models_ml.categories import Affinity
from models_ml.features import Split, labels, people, split
from models_ml.targets import AFFINITY
from tests.models_ml.conftest import AS_OF
from tests.models_ml.pairs import pairs, store

Fitted = tuple[Split, dict[str, bytes]]


def rows(frame: pl.DataFrame) -> Split:
    return split(frame, AS_OF, AFFINITY, affinity.KEY)


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    found = rows(pairs())
    return found, affinity.fit(found, threads=1)


def metrics(files: dict[str, bytes]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = json.loads(files["card.json"])["metrics"]
    return found


def test_a_planted_taste_is_found_and_is_more_than_interest_and_popularity(fitted: Fitted) -> None:
    found = metrics(fitted[1])
    assert found["model"]["roc_auc"] > found["baseline"]["roc_auc"] > 0.6
    assert found["model"]["ece"] < 0.05
    assert found["beside_baseline"]["verdict"] == "better"
    assert found["beside_baseline"]["people"] == 900
    assert affinity.warnings(found) == ()


def test_shuffled_labels_are_a_coin_toss_of_which_is_warned_and_no_such_model_counts() -> None:
    shuffled = rows(pairs(2000).with_columns(pl.col("bought_next_14d").shuffle(seed=7).over("cutoff_at")))
    files = affinity.fit(shuffled, threads=1)
    assert metrics(files)["model"]["roc_auc"] == pytest.approx(0.5, abs=0.03)
    assert metrics(files)["beside_baseline"]["verdict"] != "better"
    assert "beside interest and popularity alone" in affinity.warnings(metrics(files))[-1]
    assert not promotion.judge(None, files, shuffled, 1).is_promoted


def test_a_later_purchase_smuggled_in_is_noticed() -> None:
    later = pl.col("bought_next_14d").cast(pl.Int64).fill_null(0) + pl.col("orders_count") // 9
    found = metrics(affinity.fit(rows(pairs().with_columns(category_orders_ever_count=later)), threads=1))
    assert any("category_orders_ever_count alone ranks better" in line for line in affinity.warnings(found))


def test_neither_the_category_nor_what_was_ever_bought_is_a_feature(fitted: Fitted) -> None:
    assert not {"category", "has_bought"} & set(json.loads(fitted[1]["card.json"])["features"])


def test_a_pair_stands_once_at_a_cutoff_and_its_label_is_closed() -> None:
    frame = pairs(50)
    with pytest.raises(ValueError, match="stands twice at one cut-off"):
        rows(pl.concat([frame, frame.head(1)]))
    open_label = frame.with_columns(
        pl.when("is_scored").then("cutoff_at").otherwise(pl.col("cutoff_at") + timedelta(days=1)).alias("cutoff_at")
    )
    with pytest.raises(ValueError, match="a cut-off no later than 2026-08-17"):
        rows(open_label)


def test_the_same_pairs_give_the_same_bytes_and_the_test_labels_change_nothing_that_scores(fitted: Fitted) -> None:
    found, files = fitted
    assert affinity.fit(rows(pairs().sample(fraction=1, shuffle=True, seed=3)), threads=1) == files
    frame = pairs().with_columns(
        pl.when(pl.col("cutoff_at") == found.test["cutoff_at"][0])
        .then(~pl.col("bought_next_14d"))
        .otherwise("bought_next_14d")
        .alias("bought_next_14d")
    )
    other = affinity.fit(rows(frame), threads=1)
    assert {name for name in ("model.txt", "calibration.json") if files[name] != other[name]} == set()


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (pairs(120), "people to learn from; at least 500 are needed"),
        (pairs().with_columns(bought_next_14d=~pl.col("is_scored")), "both kinds are needed"),
        (pairs().with_columns(bought_next_14d=pl.lit(value=False)), "0 buyers in part 'train'"),
        (
            pairs().with_columns(pl.col(name) * 0 for name, kind in pairs(1).schema.items() if kind.is_numeric()),
            "no feature varies",
        ),
    ],
    ids=["few_people", "all_buyers", "no_buyers", "constant"],
)
def test_too_little_data_is_said(frame: pl.DataFrame, why: str) -> None:
    assert why in str(affinity.lacking(rows(frame)))


def test_a_run_without_pairs_has_no_model_and_no_score(fitted: Fitted, tmp_path: Path) -> None:
    model = Affinity(tmp_path)
    assert model.lacking(model.rows(pl.DataFrame(), AS_OF)) == affinity.NONE_EXPORTED
    applied = model.apply(fitted[1], "v", AS_OF, 1)
    assert (applied.status, applied.reason, applied.parquet) == ("no_champion", affinity.NONE_EXPORTED, None)


def test_every_pair_to_score_is_scored_once_missing_values_and_all(fitted: Fitted, tmp_path: Path) -> None:
    odd = (
        pl.when(pl.int_range(pl.len()) % 5 == 0).then(None).otherwise(pl.col("interest_share")).alias("interest_share")
    )
    settings = store(tmp_path, "r", pairs().with_columns(odd))
    folder = settings.features / "r"
    found = pl.concat(affinity.predict(fitted[1], folder, "v", AS_OF, 1))
    assert dict(found.schema) == affinity.SCHEMA
    assert found.select(affinity.KEY).equals(pairs().filter("is_scored").select(affinity.KEY))
    assert found["probability"].is_between(0, 1).all()
    assert set(found["tier"]) == {"low", "medium", "high"}
    applied = Affinity(folder).apply(fitted[1], "v", AS_OF, 1)
    assert applied.people == 900
    assert applied.parquet == folders.parquet([found], affinity.SCHEMA)


def test_of_many_people_some_are_learnt_from_and_each_with_all_pairs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = store(tmp_path, "r", pairs())
    monkeypatch.setattr(affinity, "MOST_PEOPLE", 300)
    found = affinity.read(settings.features / "r", AS_OF)
    assert found is not None
    assert 100 < found.test["customer_id"].n_unique() < 350
    assert found.test.height == 4 * found.test["customer_id"].n_unique()


def test_the_pairs_of_a_person_are_drawn_together() -> None:
    """Twenty copies of each person tell no more than one: a draw of rows would make the interval narrower."""
    rng = np.random.default_rng(2)
    label = rng.random(400) < 0.3
    old, new = np.full(400, 0.3), np.where(label, 0.34, 0.29) + rng.normal(0, 0.1, 400).clip(-0.2, 0.2)
    alone = compare.paired(label, old, new).log_loss
    copies = [np.repeat(values, 20) for values in (label, old, new, np.arange(400))]
    together, apart = compare.paired(*copies).log_loss, compare.paired(*copies[:3]).log_loss
    assert (together.lower, together.upper) == pytest.approx((alone.lower, alone.upper), rel=1e-6)
    assert apart.upper - apart.lower < 0.5 * (alone.upper - alone.lower)


def test_people_are_numbered_as_they_first_stand() -> None:
    assert people(pl.DataFrame({"customer_id": ["b", "a", "b", "c", "a"]})).tolist() == [0, 1, 0, 2, 1]


def test_a_champion_that_needs_a_feature_that_is_gone_is_no_champion(fitted: Fitted, tmp_path: Path) -> None:
    found, files = fitted
    fewer = pairs().drop("orders_count")
    settings = store(tmp_path, "r", fewer)
    assert "orders_count" in str(Affinity(settings.features / "r").apply(files, "v", AS_OF, 1).reason)
    own = affinity.fit(rows(fewer), threads=1)
    assert "base rate" in Affinity().judge(files, own, rows(fewer), 1).reason
    assert "the champion stays" in Affinity().judge(files, files, found, 1).reason


def test_between_weeks_it_is_due_only_where_the_pairs_lack_what_the_champion_needs(
    fitted: Fitted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = store(tmp_path, "whole", pairs())
    store(tmp_path, "fewer", pairs().drop("interest_share"))
    artifacts.save(settings.models / "affinity" / "v", fitted[1], settings.hmac_key.get_secret_value())
    monkeypatch.setattr(champions, "named", lambda _: {"affinity": "v"})
    customer = {"customer_id": "a", "cutoff_at": AS_OF, "is_scored": True, "bought_next_14d": None}
    schema = {**features.NEEDED, "cutoff_at": pl.Datetime("us")}
    for name in ("whole", "fewer"):
        pl.DataFrame([customer], schema=schema).write_parquet(settings.features / name / "features.parquet")
    assert "affinity" not in due.models(settings, settings.features / "whole", is_asked=False)
    assert "affinity" in due.models(settings, settings.features / "fewer", is_asked=False)


def test_it_is_among_the_models() -> None:
    assert catalog.find("affinity") is not None
    assert len(labels(rows(pairs(10)).test)) == 40
