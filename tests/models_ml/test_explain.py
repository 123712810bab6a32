"""Reasons: what each feature adds on the way through the trees adds up to the score."""

from types import SimpleNamespace

import lightgbm as lgb
import numpy as np
import polars as pl
import pytest

from models_ml import explain, propensity
from models_ml.features import Matrix, Split, matrix, split


@pytest.fixture(scope="module")
def made(shop: SimpleNamespace) -> tuple[Split, lgb.Booster, Matrix]:
    rows = split(shop.features(customers=1500), shop.as_of)
    booster = lgb.Booster(model_str=propensity.fit(rows, 1)["model.txt"].decode())
    return rows, booster, matrix(rows.score, rows.names)


def test_the_parts_add_up_to_the_margin_that_lightgbm_gives(made: tuple[Split, lgb.Booster, Matrix]) -> None:
    _, booster, x = made
    margin, added = explain.margins(explain.paths(booster), x, 1)
    assert margin == pytest.approx(booster.predict(x, raw_score=True), abs=1e-12)
    rest = margin - added.sum(axis=1)
    assert rest == pytest.approx(np.full(len(x), rest[0]), abs=1e-5)  # the same start for everybody


def test_they_say_what_shapley_values_say_of_most_people(made: tuple[Split, lgb.Booster, Matrix]) -> None:
    _, booster, x = made
    added = explain.margins(explain.paths(booster), x, 1)[1]
    exact = np.asarray(booster.predict(x, pred_contrib=True))[:, :-1]
    assert np.corrcoef(added.ravel(), exact.ravel())[0, 1] > 0.9
    assert (np.abs(added).argmax(axis=1) == np.abs(exact).argmax(axis=1)).mean() > 0.7


def test_rows_are_explained_alike_alone_and_among_others(made: tuple[Split, lgb.Booster, Matrix]) -> None:
    found = explain.paths(made[1])
    together, alone = explain.margins(found, made[2], 1), explain.margins(found, made[2][7:8], 1)
    assert together[0][7] == alone[0][0]
    assert (together[1][7] == alone[1][0]).all()


def test_the_largest_parts_are_named_first_whichever_way_they_move() -> None:
    added = np.array([[0.1, -0.9, 0.3, 0.0], [0.0, 0.0, 0.2, -0.1]], dtype=np.float32)
    told = explain.reasons(added, ("a", "b", "c", "d"))
    assert told[0].to_list() == ["b", "c", "a"]
    assert told[1].to_list()[:2] == ["c", "d"]
    assert explain.reasons(added[:0], ("a", "b", "c", "d")).dtype == pl.List(pl.String)


def test_a_tree_without_a_split_explains_nothing() -> None:
    x = np.zeros((100, 2))
    booster = lgb.train({"objective": "binary", "verbosity": -1}, lgb.Dataset(x, np.arange(100) % 2), 3)
    margin, added = explain.margins(explain.paths(booster), x, 1)
    assert margin == pytest.approx(booster.predict(x, raw_score=True), abs=1e-12)
    assert not added.any()
