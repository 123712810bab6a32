"""LightGBM on past windows, beginning with what Pareto/NBD says of each person."""

from collections.abc import Sequence

import lightgbm as lgb
import numpy as np
import polars as pl

from models_ml import calibration
from models_ml.features import Matrix
from models_ml.forecasts import Forecast, Window, fitted, foreseen, histories, names

ROUNDS, SEED = 150, 1
BOOST: dict[str, object] = {
    "learning_rate": 0.03,
    "num_leaves": 7,
    "min_data_in_leaf": 200,
    "lambda_l2": 10.0,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.6,
    "bagging_freq": 1,
    "seed": SEED,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
_LEAST = 1e-6


def fit(windows: Sequence[Window], threads: int) -> tuple[dict[str, str], dict[str, float], list[str]]:
    """Trees for `any` and `count` on all windows but the newest, and the calibration found on that."""
    wanted, newest = names(windows[0].people), windows[-1]
    bases = [foreseen(fitted(one.people), one.people, one.horizon) for one in windows]
    learnt = list(zip(windows, bases, strict=True))[:-1]
    x = np.vstack([_columns(one.people, base, one.horizon, wanted) for one, base in learnt])
    orders = np.concatenate([one.orders for one, _ in learnt])
    tasks = {"any": ("binary", (orders > 0).astype(np.float64)), "count": ("poisson", orders)}
    boosters = {}
    for task, (objective, target) in tasks.items():
        start = np.concatenate([_start(base)[task] for _, base in learnt])
        parameters = {**BOOST, "objective": objective, "num_threads": threads}
        boosters[task] = lgb.train(parameters, lgb.Dataset(x, target, init_score=start), ROUNDS)
    count, margin = margins(boosters, newest.people, bases[-1], newest.horizon, wanted)
    platt = calibration.fit(margin, newest.orders > 0)
    level = float(newest.orders.sum() / np.exp(count).sum())
    found = {"slope": platt.slope, "intercept": platt.intercept, "level": level}
    return {task: booster.model_to_string() for task, booster in boosters.items()}, found, list(wanted)


def margins(
    boosters: dict[str, lgb.Booster], people: pl.DataFrame, base: Forecast, horizon: float, wanted: tuple[str, ...]
) -> tuple[Matrix, Matrix]:
    """Log of the expected count, and a margin of any order, each of shape (rows,).

    Counts tell more of a person than whether there was one: a Poisson count's own probability of any goes in by half.
    """
    x, start = _columns(people, base, horizon, wanted), _start(base)
    raw = {task: start[task] + np.asarray(one.predict(x, raw_score=True)) for task, one in boosters.items()}
    by_count = _logit(-np.expm1(-np.exp(raw["count"])))
    return raw["count"], (raw["any"] + by_count) / 2


def _columns(people: pl.DataFrame, base: Forecast, horizon: float, wanted: tuple[str, ...]) -> Matrix:
    """What LightGBM looks at, shape (rows, columns): time in horizons, whatever it was measured in."""
    h = histories(people)
    share = np.divide(h.t_x, h.T, out=np.zeros(len(h.T)), where=h.T > 0)
    own = [base.expected, base.any_order, h.x, (h.T - h.t_x) / horizon, h.T / horizon, share]
    more = [people[name].cast(pl.Float64).fill_null(float("nan")).to_numpy() for name in wanted]
    return np.column_stack([*own, *more])


def _start(base: Forecast) -> dict[str, Matrix]:
    return {"any": _logit(base.any_order), "count": np.log(np.maximum(base.expected, _LEAST))}


def _logit(probability: Matrix) -> Matrix:
    clipped = np.clip(probability, _LEAST, 1 - _LEAST)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))
