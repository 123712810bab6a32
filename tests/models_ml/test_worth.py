"""Tiers go by expected value: how likely, times what an order of the person is worth."""

import json
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from models_ml import calibration, propensity, worth
from models_ml.features import Split, split


def people(orders: list[int], mean: list[float | None]) -> pl.DataFrame:
    return pl.DataFrame({"orders_count": orders, "mean_order_amount": pl.Series(mean, dtype=pl.Float64)})


def shop_of(buyers: int, seed: int = 1) -> pl.DataFrame:
    """People whose own mean is spread by a third about 50, each order by half of it; as many have never ordered."""
    rng = np.random.default_rng(seed)
    orders = rng.integers(1, 12, buyers)
    own = 50 * rng.gamma(9, 1 / 9, buyers)
    mean = own * np.array([rng.gamma(4, 1 / 4, n).mean() for n in orders])
    return people([*orders.tolist(), *[0] * buyers], [*mean.tolist(), *[None] * buyers])


@pytest.fixture(scope="module")
def planted(shop: SimpleNamespace) -> tuple[Split, dict[str, bytes]]:
    rows = split(shop.features(customers=2000), shop.as_of)
    return rows, propensity.fit(rows, threads=1)


def test_one_large_order_says_less_than_twenty() -> None:
    fitted = worth.fit(shop_of(2_000))
    assert fitted is not None
    none, one, twenty = worth.of(fitted, people([0, 1, 20], [None, 300.0, 300.0]))
    assert none == pytest.approx(50, rel=0.05)
    assert none < one < twenty < 300
    assert twenty > 200


def test_without_an_amount_nothing_is_made_up(shop: SimpleNamespace) -> None:
    assert worth.fit(people([0, 0], [None, None])) is None
    assert worth.fit(people([3, 0], [0.0, float("nan")])) is None
    free = shop.features(customers=1200).with_columns(mean_order_amount=pl.lit(None, dtype=pl.Float64))
    rows = split(free, shop.as_of)
    files = propensity.fit(rows, threads=1)
    predicted = propensity.predict(files, rows.calibrate, threads=1)
    assert predicted["expected_value_amount"].null_count() == predicted.height
    assert json.loads(files["card.json"])["tiers"]["by"] == worth.BY_PROBABILITY
    low, high = (predicted.filter(tier=tier)["probability"] for tier in ("low", "high"))
    assert float(low.max()) < float(high.min())  # type: ignore[arg-type]


def test_where_amounts_cannot_be_fitted_an_order_is_worth_the_shops_mean() -> None:
    same = people([2, 2, 0], [10.0, 40.0, None])
    fitted = worth.Worth(25.0, None)
    assert worth.of(fitted, same).tolist() == [25.0] * 3


def test_a_value_is_the_probability_times_what_an_order_is_worth(planted: tuple[Split, dict[str, bytes]]) -> None:
    rows, files = planted
    predicted, fitted = propensity.predict(files, rows.test, threads=1), worth.load(files)
    assert fitted is not None
    wanted = predicted["probability"].to_numpy() * worth.of(fitted, rows.test)
    assert predicted["expected_value_amount"].to_numpy() == pytest.approx(wanted)
    found = calibration.Calibration(**json.loads(files["calibration.json"]))
    assert (predicted["tier"] == "high").to_numpy().tolist() == (wanted > found.high_above).tolist()


def test_the_card_tells_what_each_tier_was_worth(planted: tuple[Split, dict[str, bytes]]) -> None:
    tiers = json.loads(planted[1]["card.json"])["tiers"]
    assert tiers["by"] == worth.BY_VALUE
    high, medium, low = (tiers[name] for name in ("high", "medium", "low"))
    assert high["value_amount"] > medium["value_amount"] > low["value_amount"]
    assert all(one["value_amount"] == pytest.approx(one["promised_value_amount"], rel=0.3) for one in (high, medium))


def test_a_tier_of_fewer_than_a_hundred_is_not_told() -> None:
    tier = pl.Series(["high"] * 99 + ["low"] * 100)
    told = worth.told(tier, people([0] * 199, [None] * 199), np.ones(199, dtype=np.bool_), np.ones(199), None)
    assert set(told) == {"by", "low"}


def test_a_champion_of_before_goes_on_by_probability(planted: tuple[Split, dict[str, bytes]]) -> None:
    rows, files = planted
    old = {name: content for name, content in files.items() if name != "worth.json"}
    assert propensity.predict(old, rows.score, threads=1)["expected_value_amount"].null_count() == rows.score.height
