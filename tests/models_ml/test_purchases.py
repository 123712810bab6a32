"""The blend: Pareto/NBD where there is little, corrected by LightGBM where past windows teach more."""

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from models_ml import artifacts, boosting, cards, pareto_nbd, purchases
from models_ml.forecasts import Window, foreseen

P = pareto_nbd.Parameters(r=0.6, alpha=8.0, s=0.8, beta=20.0)


def window(
    rows: int = 6_000, observed: float = 26.0, horizon: float = 13.0, seed: int = 1, more: float = 0.0
) -> Window:
    """People of a planted model; `taste` raises how often somebody orders later by `more`; nothing else tells it."""
    rng = np.random.default_rng(seed)
    seen, later = pareto_nbd.simulate(P, rng.uniform(observed / 2, observed, rows).round(1), horizon, rng)
    taste = rng.random(rows)
    later = later + rng.poisson(more * taste)
    columns = {"x": seen.x, "t_x": seen.t_x, "T": seen.T, "taste": taste}
    return Window(pl.DataFrame({"customer_id": [f"c{i}" for i in range(rows)], **columns}), later, horizon)


@pytest.fixture(scope="module")
def taught() -> tuple[artifacts.Files, Window]:
    later = window(observed=52.0, horizon=26.0, seed=9, more=0.6)
    return purchases.fit(later.people, 26.0, [window(seed=s, more=0.6) for s in (1, 2, 3)]), later


def test_the_past_is_parted_as_past_and_future_are() -> None:
    assert purchases.parted(272 / 7, 39) == 19
    assert purchases.parted(52, 13) == 10


def test_what_past_windows_teach_ranks_better_and_sets_the_level(taught: tuple[artifacts.Files, Window]) -> None:
    files, later = taught
    alone = purchases.predict(purchases.fit(later.people, 26.0), later.people)
    told = purchases.predict(files, later.people)
    bought = later.orders > 0
    assert roc_auc_score(bought, told.any_order) > roc_auc_score(bought, alone.any_order) + 0.02
    off, off_alone = (abs(one.expected.sum() / later.orders.sum() - 1) for one in (told, alone))
    assert off < off_alone
    assert ((told.any_order >= 0) & (told.any_order <= 1)).all()


def test_the_newest_window_sets_the_level() -> None:
    older, newest = window(seed=1), window(seed=2, more=0.8)
    told = purchases.predict(purchases.fit(newest.people, newest.horizon, [older, newest]), newest.people)
    assert told.expected.sum() == pytest.approx(newest.orders.sum(), rel=1e-6)
    assert told.any_order.mean() == pytest.approx((newest.orders > 0).mean(), abs=0.005)


def test_few_people_or_windows_leave_pareto_nbd_alone_and_the_card_says_why() -> None:
    few = window(rows=2_357)
    for windows, why in (([few, few], "2357 people in a past window"), ([], "0 past windows are over")):
        files = purchases.fit(few.people, few.horizon, windows)
        assert sorted(files) == ["card.json", "card.md", "model.json"]
        assert why in files["card.md"].decode()
        found = purchases.predict(files, few.people)
        p = pareto_nbd.fit(pareto_nbd.Histories(*(few.people[n].to_numpy() for n in ("x", "t_x", "T"))).grouped())
        np.testing.assert_array_equal(found.expected, foreseen(p, few.people, few.horizon).expected)


def test_the_same_windows_give_the_same_bytes_whatever_people_are_called(
    taught: tuple[artifacts.Files, Window],
) -> None:
    files, later = taught
    called = [window(seed=s, more=0.6) for s in (1, 2, 3)]
    renamed = [
        Window(one.people.with_columns(customer_id=pl.col("customer_id").str.reverse()), one.orders, one.horizon)
        for one in called
    ]
    assert purchases.fit(later.people, 26.0, renamed) == files


def test_orders_shuffled_among_people_teach_nothing() -> None:
    rng = np.random.default_rng(5)
    shuffled = [
        Window(one.people, rng.permutation(one.orders), one.horizon) for one in (window(seed=s) for s in (1, 2))
    ]
    asked = window(seed=8)
    base = foreseen(P, asked.people, asked.horizon)
    boosters, _, _ = _boosted(shuffled)
    _, margin = boosting.margins(boosters, asked.people, base, asked.horizon, ("taste",))
    assert roc_auc_score(rng.permutation(asked.orders) > 0, margin) == pytest.approx(0.5, abs=0.02)


def _boosted(windows: list[Window]) -> tuple[dict[str, object], dict[str, float], list[str]]:
    import lightgbm as lgb

    texts, level, names = boosting.fit(windows, 1)
    return {task: lgb.Booster(model_str=text) for task, text in texts.items()}, level, names


def test_a_column_that_the_model_learnt_from_must_be_there(taught: tuple[artifacts.Files, Window]) -> None:
    files, later = taught
    with pytest.raises(ValueError, match="not there: taste"):
        purchases.predict(files, later.people.drop("taste"))


def test_too_little_is_said_in_a_sentence() -> None:
    one = window(rows=499).people
    assert purchases.lacking(one) == "499 people with an order; at least 500 are needed"
    assert purchases.lacking(window(rows=500).people.with_columns(x=0.0)) == "nobody ordered on a second day"
    assert purchases.lacking(window(rows=500).people) is None


def test_a_card_has_limits_and_no_person(taught: tuple[artifacts.Files, Window]) -> None:
    text = taught[0]["card.md"].decode()
    assert "## Limits" in text
    assert "corrected by LightGBM" in text
    assert "c17" not in text
    assert cards.markdown({"model": "m", "what": "w", "limits": []}).startswith("# Model card: m")


def test_other_models_are_told_of_everybody_in_their_order_and_nothing_of_who_never_ordered() -> None:
    one = window(rows=800).people
    frame = pl.DataFrame(
        {
            "customer_id": one["customer_id"],
            "order_days_count": pl.Series([0.0, *(one["x"][1:] + 1)]).cast(pl.Int64),
            "order_span_days": one["t_x"] * 7,
            "days_since_first_order": one["T"] * 7,
        }
    )
    told = purchases.columns(frame, 14)
    assert told.columns == ["expected_orders", "any_order_prob", "alive_prob"]
    assert told.height == frame.height
    assert told["any_order_prob"].is_null().to_list() == [True] + [False] * 799
    again = purchases.columns(frame.reverse(), 14).reverse()
    np.testing.assert_allclose(again.to_numpy(), told.to_numpy(), rtol=1e-9)
    assert purchases.columns(frame.head(400), 14).null_count().row(0) == (400, 400, 400)
