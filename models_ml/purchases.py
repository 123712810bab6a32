"""How many orders to expect of each person in a horizon, and whether there will be any.

The Pareto/NBD model, fitted on what was known at a moment, knows three numbers of a person. Where enough people have
been watched for a horizon that is over, LightGBM learns what it misses from all columns, beginning with what it says.

A horizon may be as long as all of history. What is learnt then is learnt on shorter ones: the past is parted as past
and future are, so that people had been watched as long, beside the horizon, as they have been now. All columns of time
are therefore told in horizons, and the level comes with them: how far orders outran the forecast in such a past window.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict

import lightgbm as lgb
import numpy as np
import polars as pl

from models_ml import artifacts, boosting, calibration, cards, evaluation, forecasts, pareto_nbd
from models_ml.forecasts import Forecast, Window, fitted, foreseen

MODEL = "purchases"
_TOLD = ("expected_orders", "any_order_prob", "alive_prob")
AT_LEAST, AT_LEAST_TO_BOOST, AT_LEAST_WINDOWS = 500, 5_000, 2


def parted(observed: float, horizon: float) -> int:
    """How long a past horizon, in whole units, parts `observed` as the present parts `observed` and `horizon`.

    With b back from the end: b / (observed - b) = horizon / observed.
    """
    return int(observed * horizon / (observed + horizon))


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
    now = fitted(people)
    model: dict[str, object] = {"horizon": horizon, "parameters": asdict(now)}
    files: artifacts.Files = {}
    if reason is None:
        boosted, model["calibration"], model["names"] = boosting.fit(windows, threads)
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
    base = foreseen(pareto_nbd.Parameters(**model["parameters"]), people, model["horizon"])
    if "names" not in model:
        return base
    if absent := sorted(set(model["names"]) - set(people.columns)):
        raise ValueError(f"the model needs columns that are not there: {', '.join(absent)}")
    boosters = {task: lgb.Booster(model_str=files[f"{task}.txt"].decode()) for task in ("any", "count")}
    count, margin = boosting.margins(boosters, people, base, model["horizon"], tuple(model["names"]))
    level = model["calibration"]
    probability = calibration.sigmoid(level["slope"] * margin + level["intercept"])
    return Forecast(level["level"] * np.exp(count), probability, base.alive)


def columns(frame: pl.DataFrame, horizon_days: float) -> pl.DataFrame:
    """What Pareto/NBD says of rows of features of one moment, as columns for other models to learn from.

    Fitted on the frame itself, so on what was known at its moment; rows stay in their order.

    Returns:
        `expected_orders`, `any_order_prob` and `alive_prob`; null for people who never ordered, and for everybody where
        `lacking` says that there is too little.
    """
    known = forecasts.people(frame)
    told = pl.DataFrame(schema={"customer_id": frame.schema["customer_id"], **dict.fromkeys(_TOLD, pl.Float64)})
    if lacking(known) is None:
        horizon = horizon_days / forecasts.DAYS_A_UNIT
        base = foreseen(fitted(known), known, horizon)
        values = dict(zip(_TOLD, (base.expected, base.any_order, base.alive), strict=True))
        told = pl.DataFrame({"customer_id": known["customer_id"], **values})
    return frame.select("customer_id").join(told, on="customer_id", how="left", maintain_order="left").select(_TOLD)


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


def _backtest(one: Window) -> dict[str, float]:
    """How well Pareto/NBD alone, fitted at the window's moment, foresaw what came."""
    base = foreseen(fitted(one.people), one.people, one.horizon)
    found = {"horizon": one.horizon, "total": float(base.expected.sum() / max(one.orders.sum(), 1.0))}
    if 0 < (one.orders > 0).mean() < 1:
        found["ece"] = evaluation.ece(one.orders > 0, base.any_order)
    return {name: round(value, 4) for name, value in found.items()}
