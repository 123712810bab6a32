"""Nothing that was not known at the cut-off gets into a model: each check, and the fault that it must notice.

The numbers are those of the list of leakage tests. The first and the eighth (features at a moment from data cut at it,
and by time of arrival) need the warehouse: tests/incremental/test_lookback.py.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from models_ml import calibration, compare, leakage, promotion, propensity
from models_ml.features import LABEL, Split, labels, split
from models_ml.targets import CHURN, LABELS, PURCHASE, Target
from warehouse import cutoffs

Metrics = dict[str, dict[str, float]]


def metrics(rows: Split) -> Metrics:
    found: Metrics = json.loads(propensity.fit(rows, threads=1)["card.json"])["metrics"]
    return found


# 2. a lifetime count smuggled in


def lifetime(frame: pl.DataFrame) -> pl.DataFrame:
    """Orders up to today instead of up to the cut-off, where most people have few."""
    since = pl.col("bought_next_14d").cast(pl.Int64).fill_null(0)
    later = np.random.default_rng(9).poisson(0.15, frame.height)
    return frame.with_columns(orders_ever_count=pl.col("orders_count") // 9 + since + later)


@pytest.mark.parametrize(("fault", "is_noticed"), [(None, False), (lifetime, True)])
def test_2_a_count_that_goes_on_after_the_cutoff_is_noticed(
    shop: SimpleNamespace, fault: Callable[[pl.DataFrame], pl.DataFrame] | None, *, is_noticed: bool
) -> None:
    frame = shop.features(customers=2000)
    found = metrics(split(fault(frame) if fault else frame, shop.as_of))
    told = leakage.warnings(found)
    assert any("orders_ever_count alone ranks better" in line for line in told) is is_noticed


# 3. labels are closed


def closed(as_of: datetime) -> bool:
    moments = cutoffs.closed(as_of, datetime.fromisoformat("2020-01-01"))
    return bool(moments) and all(moment + timedelta(days=14) <= as_of for moment in moments)


@pytest.mark.parametrize("day", range(14))
def test_3_every_label_is_closed_inside_the_data(day: int, monkeypatch: pytest.MonkeyPatch) -> None:
    as_of = datetime.fromisoformat("2026-08-31T04:00:00") + timedelta(days=day)
    assert closed(as_of)
    monkeypatch.setattr(cutoffs, "HORIZON", timedelta(days=7))
    assert closed(as_of) is False


@pytest.mark.parametrize(("days", "is_refused"), [(0, False), (1, True)])
def test_3_a_label_that_is_still_open_is_refused(shop: SimpleNamespace, days: int, *, is_refused: bool) -> None:
    moved = pl.col("cutoff_at") + pl.when("is_scored").then(timedelta(0)).otherwise(timedelta(days=days))
    frame = shop.features(customers=50).with_columns(moved.alias("cutoff_at"))
    if is_refused:
        with pytest.raises(ValueError, match="a cut-off no later than 2026-08-17"):
            split(frame, shop.as_of)
    else:
        split(frame, shop.as_of)


# 4. the population is that of the cut-off


def is_frozen(shop: SimpleNamespace, target: Target) -> bool:
    """Whether the same people are asked whatever becomes of them."""
    frame = shop.features(customers=300).with_columns(silent_next_14d=pl.col("bought_next_14d"))
    other = frame.with_columns(~pl.col(label) for label in LABELS)
    people = [split(one, shop.as_of, target).test["customer_id"].sort() for one in (frame, other)]
    return people[0].equals(people[1])


@pytest.mark.parametrize("target", [PURCHASE, CHURN], ids=lambda target: target.name)
def test_4_what_happens_later_decides_on_nobodys_place(shop: SimpleNamespace, target: Target) -> None:
    assert is_frozen(shop, target)
    assert not is_frozen(shop, replace(target, asked=pl.col(target.label)))


# 5. people, not their identifiers


@pytest.mark.parametrize("is_resolved", [True, False])
def test_5_a_row_is_of_a_person_not_of_an_identifier(shop: SimpleNamespace, *, is_resolved: bool) -> None:
    frame = shop.features(customers=50)
    if is_resolved:
        split(frame, shop.as_of)
    else:
        with pytest.raises(ValueError, match="a person stands twice at one cut-off"):
            split(pl.concat([frame, frame.head(1)]), shop.as_of)


# 6. fitted after train and before test


def changed_by_test_labels(shop: SimpleNamespace) -> set[str]:
    """The files that scoring reads, of those that are others where only labels of the test cut-off are others."""
    rows = split(shop.features(customers=700), shop.as_of)
    other = replace(rows, test=rows.test.with_columns(~pl.col(LABEL)))
    one, two = (propensity.fit(each, threads=1) for each in (rows, other))
    return {name for name in ("model.txt", "calibration.json") if one[name] != two[name]}


def test_6_nothing_that_scores_was_fitted_on_the_test_cutoff(
    shop: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert changed_by_test_labels(shop) == set()
    held: list[Split] = []
    fit, original = calibration.fit, propensity.fit

    def remembering(rows: Split, threads: int) -> dict[str, bytes]:
        held[:] = [rows]
        return original(rows, threads)

    monkeypatch.setattr(propensity, "fit", remembering)
    monkeypatch.setattr(calibration, "fit", lambda margin, *_: fit(margin, labels(held[0].test)[: len(margin)]))
    assert changed_by_test_labels(shop) == {"calibration.json"}


def test_6_each_part_begins_when_the_labels_of_the_one_before_are_known(shop: SimpleNamespace) -> None:
    rows = split(shop.features(customers=50, cutoffs=8), shop.as_of)
    ends = [getattr(rows, part)["cutoff_at"].max() + cutoffs.HORIZON for part in ("train", "calibrate", "test")]
    begins = [getattr(rows, part)["cutoff_at"].min() for part in ("calibrate", "test", "score")]
    assert all(end <= begin for end, begin in zip(ends, begins, strict=True))


# 7. shuffled labels, a random feature


@pytest.mark.parametrize("is_shuffled", [True, False])
def test_7_shuffled_labels_give_a_coin_toss(shop: SimpleNamespace, *, is_shuffled: bool) -> None:
    frame = shop.features(customers=8000)
    if is_shuffled:
        frame = frame.with_columns(pl.col("bought_next_14d").shuffle(seed=7).over("cutoff_at"))
    auc = metrics(split(frame, shop.as_of))["model"]["roc_auc"]
    assert (abs(auc - 0.5) <= 0.02) is is_shuffled


@pytest.mark.parametrize("knows_the_label", [False, True])
def test_7_a_random_feature_is_never_among_the_ten_best(shop: SimpleNamespace, *, knows_the_label: bool) -> None:
    frame = shop.features(customers=2000)
    rng = np.random.default_rng(3)
    noise = pl.Series(rng.normal(0, 1, frame.height))
    known = frame["bought_next_14d"].fill_null(value=False).cast(pl.Float64)
    more = [(pl.col("carts_28d_count") + rng.normal(0, 0.4, frame.height)).alias(f"carts_{i}_count") for i in range(9)]
    frame = frame.with_columns(*more, random_count=noise + known if knows_the_label else noise)
    gains = json.loads(propensity.fit(split(frame, shop.as_of), threads=1)["card.json"])["features"]
    best = sorted(gains, key=gains.__getitem__, reverse=True)[:10]
    assert len(gains) == 17
    assert ("random_count" in best) is knows_the_label


# 12. champion and challenger: frozen rows, a bound above 0; the rollback is in test_train.py


def test_12_both_are_judged_on_the_same_people_of_whom_neither_has_learnt(
    shop: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = split(shop.features(customers=1200), shop.as_of)
    files = propensity.fit(rows, threads=1)
    seen: list[tuple[bool, bool]] = []
    paired = compare.paired

    def looking(label: np.ndarray, old: np.ndarray, new: np.ndarray, of: np.ndarray) -> compare.Comparison:  # type: ignore[type-arg]
        seen.append((np.array_equal(label, labels(rows.test)), np.array_equal(old, new)))
        return paired(label, old, new, of)

    monkeypatch.setattr(compare, "paired", looking)
    verdict = promotion.judge(files, files, rows, 1)
    assert seen == [(True, True)]
    assert not verdict.is_promoted  # as good as itself
    learnt = replace(rows, test=rows.calibrate)
    assert "it has learnt from labels" in promotion.judge(files, files, learnt, 1).reason
    assert len(seen) == 1


@pytest.mark.parametrize(("noise", "is_better"), [(0.0, False), (0.2, False), (1.5, True)])
def test_12_only_a_gain_beyond_chance_is_one(noise: float, *, is_better: bool) -> None:
    rng = np.random.default_rng(5)
    margin = rng.normal(-1, 1, 2000)
    bought = rng.random(2000) < calibration.sigmoid(margin)
    worse = calibration.sigmoid(margin + noise * rng.normal(0, 1, 2000))
    found = compare.paired(bought, worse, calibration.sigmoid(margin))
    assert found.is_better is is_better
    assert (found.log_loss.lower > 0) is is_better


def test_12_the_interval_holds_what_it_says() -> None:
    """In a hundred draws of the same population the true gain lies in about 95 of the intervals."""
    rng, held = np.random.default_rng(6), 0
    everybody = rng.normal(-1, 1, 200_000)
    old, new = calibration.sigmoid(0.6 * everybody - 0.3), calibration.sigmoid(everybody)
    true = float((new * np.log(new / old) + (1 - new) * np.log((1 - new) / (1 - old))).mean())
    for _ in range(100):
        some = rng.integers(0, len(everybody), 400)
        gain = compare.paired(rng.random(400) < new[some], old[some], new[some]).log_loss
        held += gain.lower <= true <= gain.upper
    assert 88 <= held <= 100
