"""How many orders to expect of each person in a horizon, and whether there will be any.

The Pareto/NBD model, fitted on what was known at a moment, knows three numbers of a person. Where enough people have
been watched for a horizon that is over, LightGBM learns what it misses from all columns, beginning with what it says.

A horizon may be as long as all of history. What is learnt then is learnt on shorter ones: the past is parted as past
and future are, so that people had been watched as long, beside the horizon, as they have been now. All columns of time
are therefore told in horizons, and the level comes with them: how far orders outran the forecast in such a past window.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import lightgbm as lgb
import numpy as np
import polars as pl

from models_ml import artifacts, calibration, cards, evaluation, pareto_nbd
from models_ml.features import Matrix
from models_ml.likelihood import Histories

MODEL = "purchases"
NEEDED = ("customer_id", "x", "t_x", "T")
AT_LEAST, AT_LEAST_TO_BOOST, AT_LEAST_WINDOWS = 500, 5_000, 2
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


@dataclass(frozen=True)
class Window:
    """People at a past moment, and the orders of each in the `horizon` after it, which is over.

    `people` holds `customer_id`, `x`, `t_x`, `T` as `likelihood.Histories` (time in any unit, that of `horizon`), and
    any further numbers known at that moment; `orders` has shape (rows,).
    """

    people: pl.DataFrame
    orders: Matrix
    horizon: float


@dataclass(frozen=True)
class Forecast:
    """For each person, shape (rows,): orders expected in the horizon, the probability of any, and of being alive."""

    expected: Matrix
    any_order: Matrix
    alive: Matrix


def parted(observed: float, horizon: float) -> int:
    """How long a past horizon, in whole units, parts `observed` as the present parts `observed` and `horizon`.

    With b back from the end: b / (observed - b) = horizon / observed.
    """
    return int(observed * horizon / (observed + horizon))


def histories(people: pl.DataFrame) -> Histories:
    """Recency and frequency of each row."""
    return Histories(*(people[name].cast(pl.Float64).to_numpy() for name in ("x", "t_x", "T")))


def lacking(people: pl.DataFrame) -> str | None:
    """Why there is too little to fit anything to; None where there is enough."""
    if people.height < AT_LEAST:
        return f"{people.height} people with an order; at least {AT_LEAST} are needed"
    if not (people["x"] > 0).any():
        return "nobody ordered on a second day"
    return None


def fit(people: pl.DataFrame, horizon: float, windows: Sequence[Window] = (), threads: int = 1) -> artifacts.Files:
    """Fit to `people` as they are now, for a horizon after now; return the artifact's files. Same input, same bytes.

    Args:
        people: columns as those of `Window.people`.
        horizon: how far to look, in the unit of `T`.
        windows: past moments, oldest first, whose horizons are over; the newest calibrates, the others train.
        threads: LightGBM's; more than one changes no digit, `deterministic` sees to it.

    Raises:
        models_ml.likelihood.NoFit: the order histories have no likeliest parameters.
    """
    reason = _no_boost(windows)
    now = pareto_nbd.fit(histories(people).grouped())
    model: dict[str, object] = {"horizon": horizon, "parameters": asdict(now)}
    files: artifacts.Files = {}
    if reason is None:
        boosted, model["calibration"], model["names"] = _boost(windows, threads)
        files = {f"{task}.txt": text.encode() for task, text in boosted.items()}
    card = cards.purchases(people.height, model, [_backtest(one) for one in windows], reason)
    return {
        **files,
        "model.json": artifacts.dump(model),
        "card.json": artifacts.dump(card),
        "card.md": cards.markdown(card).encode(),
    }


def predict(files: artifacts.Files, people: pl.DataFrame) -> Forecast:
    """The forecast of each row of `people`, by an artifact's files.

    Raises:
        ValueError: a column that the model was fitted on is not in the frame.
    """
    model = json.loads(files["model.json"])
    base = _base(pareto_nbd.Parameters(**model["parameters"]), people, model["horizon"])
    if "names" not in model:
        return base
    if absent := sorted(set(model["names"]) - set(people.columns)):
        raise ValueError(f"the model needs columns that are not there: {', '.join(absent)}")
    boosters = {task: lgb.Booster(model_str=files[f"{task}.txt"].decode()) for task in ("any", "count")}
    count, margin = _margins(boosters, people, base, model["horizon"], tuple(model["names"]))
    fitted = model["calibration"]
    probability = calibration.sigmoid(fitted["slope"] * margin + fitted["intercept"])
    return Forecast(fitted["level"] * np.exp(count), probability, base.alive)


def names(people: pl.DataFrame) -> tuple[str, ...]:
    """The further columns of a frame, which LightGBM learns from beside recency and frequency."""
    return tuple(sorted(n for n, kind in people.schema.items() if kind.is_numeric() and n not in NEEDED))


def _no_boost(windows: Sequence[Window]) -> str | None:
    """Why there is nothing for LightGBM to learn from; None where there is."""
    if len(windows) < AT_LEAST_WINDOWS:
        return f"{len(windows)} past windows are over; two are needed, one to learn from and one to calibrate by"
    fewest = min(one.people.height for one in windows)
    if fewest < AT_LEAST_TO_BOOST:
        return f"{fewest} people in a past window; at least {AT_LEAST_TO_BOOST} are needed for more than Pareto/NBD"
    if any(not 0 < (one.orders > 0).mean() < 1 for one in windows):
        return "in a past window everybody ordered, or nobody"
    return None


def _base(p: pareto_nbd.Parameters, people: pl.DataFrame, horizon: float) -> Forecast:
    h = histories(people)
    return Forecast(pareto_nbd.expected(p, h, horizon), pareto_nbd.any_order(p, h, horizon), pareto_nbd.alive(p, h))


def _boost(windows: Sequence[Window], threads: int) -> tuple[dict[str, str], dict[str, float], list[str]]:
    """Trees for `any` and `count` on all windows but the newest, and the calibration found on that."""
    wanted, newest = names(windows[0].people), windows[-1]
    bases = [_base(pareto_nbd.fit(histories(one.people).grouped()), one.people, one.horizon) for one in windows]
    learnt = list(zip(windows, bases, strict=True))[:-1]
    x = np.vstack([_columns(one.people, base, one.horizon, wanted) for one, base in learnt])
    orders = np.concatenate([one.orders for one, _ in learnt])
    tasks = {"any": ("binary", (orders > 0).astype(np.float64)), "count": ("poisson", orders)}
    boosters = {}
    for task, (objective, target) in tasks.items():
        start = np.concatenate([_start(base)[task] for _, base in learnt])
        parameters = {**BOOST, "objective": objective, "num_threads": threads}
        boosters[task] = lgb.train(parameters, lgb.Dataset(x, target, init_score=start), ROUNDS)
    count, margin = _margins(boosters, newest.people, bases[-1], newest.horizon, wanted)
    platt = calibration.fit(margin, newest.orders > 0)
    level = float(newest.orders.sum() / np.exp(count).sum())
    fitted = {"slope": platt.slope, "intercept": platt.intercept, "level": level}
    return {task: booster.model_to_string() for task, booster in boosters.items()}, fitted, list(wanted)


def _margins(
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


def _backtest(one: Window) -> dict[str, float]:
    """How well Pareto/NBD alone, fitted at the window's moment, foresaw what came."""
    base = _base(pareto_nbd.fit(histories(one.people).grouped()), one.people, one.horizon)
    found = {"horizon": one.horizon, "total": float(base.expected.sum() / max(one.orders.sum(), 1.0))}
    if 0 < (one.orders > 0).mean() < 1:
        found["ece"] = evaluation.ece(one.orders > 0, base.any_order)
    return {name: round(value, 4) for name, value in found.items()}
