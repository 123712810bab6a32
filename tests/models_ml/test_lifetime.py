"""Lifetime value: its parts come back from simulated people, and its interval holds what it says."""

from datetime import datetime

import numpy as np
import polars as pl
import pytest

from models_ml import lifetime, monetary, pareto_nbd
from models_ml.likelihood import NoFit

P = pareto_nbd.Parameters(r=0.8, alpha=9.0, s=0.7, beta=14.0)
AMOUNTS = monetary.Parameters(p=6.0, q=4.0, gamma=15.0)
AS_OF = datetime.fromisoformat("2026-08-31")
WEEKS = lifetime.HORIZON_DAYS / 7


def shop(rows: int = 12_000, seed: int = 2) -> tuple[pl.DataFrame, np.ndarray]:
    """Feature rows of simulated people, and what each brings in the year after, shape (rows,)."""
    rng = np.random.default_rng(seed)
    seen, later = pareto_nbd.simulate(P, rng.integers(180, 720, rows) / 7, WEEKS, rng)
    rate = rng.gamma(AMOUNTS.q, 1 / AMOUNTS.gamma, rows)
    spent = rng.standard_gamma(AMOUNTS.p * (seen.x + 1)) / rate
    value = np.where(later > 0, rng.standard_gamma(np.maximum(AMOUNTS.p * later, 1e-9)) / rate, 0.0)
    frame = pl.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(rows)],
            "order_days_count": seen.x.astype(np.int64) + 1,
            "order_span_days": seen.t_x * 7,
            "days_since_first_order": seen.T * 7,
            "spend_total_amount": spent,
        }
    )
    return frame, value


@pytest.fixture(scope="module")
def scored() -> tuple[pl.DataFrame, np.ndarray]:
    frame, value = shop()
    return lifetime.predict(lifetime.fit(frame), frame, "v", AS_OF), value


def test_amounts_give_their_parameters_back_in_any_currency() -> None:
    rng = np.random.default_rng(4)
    n = rng.integers(1, 9, 20_000).astype(float)
    mean = rng.standard_gamma(AMOUNTS.p * n) / rng.gamma(AMOUNTS.q, 1 / AMOUNTS.gamma, len(n)) / n
    found, cents = monetary.fit(n, mean), monetary.fit(n, mean * 100)
    assert [found.p, found.q, found.gamma] == pytest.approx([6.0, 4.0, 15.0], rel=0.1)
    assert [cents.p, cents.q, cents.gamma / 100] == pytest.approx([found.p, found.q, found.gamma], rel=1e-3)


def test_a_person_s_mean_lies_between_their_own_and_everybody_s_and_nears_their_own() -> None:
    everybody = AMOUNTS.p * AMOUNTS.gamma / (AMOUNTS.q - 1)
    few, many = monetary.expected(AMOUNTS, np.array([1.0, 50.0]), np.array([90.0, 90.0]))
    assert everybody < few < many < 90.0
    assert many == pytest.approx(90.0, rel=0.01)


def test_amounts_that_have_no_mean_are_refused() -> None:
    with pytest.raises(NoFit, match="no order has an amount above 0"):
        monetary.fit(np.array([1.0, 2.0]), np.zeros(2))


def test_drawn_orders_are_the_model_s_own() -> None:
    rng = np.random.default_rng(6)
    h = pareto_nbd.Histories(np.array([0.0, 4.0, 4.0]), np.array([0.0, 30.0, 5.0]), np.array([40.0, 40.0, 40.0]))
    drawn = pareto_nbd.draw(P, h, WEEKS, (3, 60_000), rng)
    np.testing.assert_allclose(drawn.mean(axis=1), pareto_nbd.expected(P, h, WEEKS), rtol=0.04)
    np.testing.assert_allclose((drawn > 0).mean(axis=1), pareto_nbd.any_order(P, h, WEEKS), rtol=0.06)


def test_four_in_five_bring_what_the_interval_says_and_the_total_is_right(
    scored: tuple[pl.DataFrame, np.ndarray],
) -> None:
    """Counts are whole: where nothing is likely, the interval holds more than four in five."""
    frame, value = scored
    low, high = frame["value_low_amount"].to_numpy(), frame["value_high_amount"].to_numpy()
    assert frame["value_amount"].sum() == pytest.approx(value.sum(), rel=0.06)
    surely = low > 0  # nobody of these is likely to bring nothing
    assert surely.sum() > 500
    assert ((value >= low) & (value <= high))[surely].mean() == pytest.approx(0.8, abs=0.04)
    assert ((value >= low) & (value <= high)).mean() >= 0.8
    assert 0.04 < (value > high).mean() < 0.115


def test_everybody_who_ever_ordered_has_a_row_and_nobody_else() -> None:
    frame, _ = shop(rows=900)
    never = frame.with_columns(
        order_days_count=pl.when(pl.col("customer_id") == "c3").then(0).otherwise("order_days_count")
    )
    found = lifetime.predict(lifetime.fit(never), never, "v", AS_OF)
    assert found.schema == pl.Schema(lifetime.SCHEMA)
    assert sorted(found["customer_id"]) == sorted(set(frame["customer_id"]) - {"c3"})
    assert found.null_count().sum_horizontal().item() == 0


def test_the_same_people_in_another_order_and_under_other_names_give_the_same_model_and_values() -> None:
    frame, _ = shop(rows=900)
    other = frame.reverse().with_columns(customer_id=pl.col("customer_id").str.replace("c", "d"))
    files = lifetime.fit(frame)
    assert lifetime.fit(other) == files
    one = lifetime.predict(files, frame, "v", AS_OF).drop("customer_id")
    assert lifetime.predict(files, other, "v", AS_OF).reverse().drop("customer_id").equals(one)


def test_people_of_whom_nothing_is_known_have_no_row_and_no_score_is_made_up() -> None:
    frame, _ = shop(rows=900)
    files = lifetime.fit(frame)
    for unknown in (None, float("nan")):
        gaps = frame.with_columns(order_span_days=pl.lit(unknown, dtype=pl.Float64))
        assert lifetime.lacking(gaps) == "0 people with an order; at least 500 are needed"
        assert lifetime.predict(files, gaps, "v", AS_OF).height == 0


def test_too_little_is_said_in_a_sentence_and_never_crashes() -> None:
    frame, _ = shop(rows=499)
    assert lifetime.lacking(frame) == "499 people with an order; at least 500 are needed"
    assert lifetime.lacking(frame.drop("order_span_days")) == "the features have no order_span_days"
    more, _ = shop(rows=600)
    for amount in (0.0, float("nan")):
        with pytest.raises(NoFit, match="no order has an amount above 0"):
            lifetime.fit(more.with_columns(spend_total_amount=amount))
    assert lifetime.lacking(more.with_columns(order_days_count=1)) == "nobody ordered on a second day"
    assert lifetime.lacking(more) is None
