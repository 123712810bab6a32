"""What a customer will be worth: orders to come by `purchases`, what one is worth by `monetary`, and how sure that is.

The interval is of the person, not of the mean: whether they are alive, how often they order, when they leave, how many
orders that makes and what each is worth, drawn from what their history leaves open. The model's own parameters are
taken for known. Whoever never ordered has no history and no row.
"""

import json
from dataclasses import asdict

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models_ml import artifacts, cards, forecasts, monetary, pareto_nbd, purchases
from models_ml.features import Matrix
from models_ml.forecasts import DAYS_A_UNIT, histories
from models_ml.likelihood import Histories

MODEL = "lifetime"
HORIZON_DAYS = 365
DRAWS, SEED, SHARE = 400, 1, 0.8
FIT_SAMPLE = 200_000
COLUMNS = (*forecasts.COLUMNS, "spend_total_amount")
SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "customer_id": pl.String,
    "model": pl.String,
    "expected_orders": pl.Float64,
    "p_alive": pl.Float64,
    "value_amount": pl.Float64,
    "value_low_amount": pl.Float64,
    "value_high_amount": pl.Float64,
    "horizon_days": pl.Int32,
    "model_version": pl.String,
    "scored_at": pl.Datetime("us"),
}
_ROWS_AT_ONCE, _DISTINCT = 10_000, 30_000


def parameters() -> str:
    """What shapes the model besides its data, as text; part of the version's name."""
    return f"{HORIZON_DAYS} {DAYS_A_UNIT} {FIT_SAMPLE}"


def lacking(frame: pl.DataFrame) -> str | None:
    """Why there is too little to go by; None where there is enough. Whether it fits is known only by `fit`."""
    if absent := [name for name in COLUMNS if name not in frame.columns]:
        return f"the features have no {', '.join(absent)}"
    return purchases.lacking(_people(frame))


def fit(frame: pl.DataFrame) -> artifacts.Files:
    """Fit orders and amounts; return the artifact's files. Same frame, same bytes, whatever people are called.

    Raises:
        models_ml.likelihood.NoFit: the histories have no likeliest parameters.
    """
    known = _people(frame).sort("x", "t_x", "T", "mean")
    orders, amounts, rows = _models(known)
    card = cards.lifetime(_figures(known, rows), json.loads(orders["card.json"]), asdict(amounts))
    return {
        "purchases.json": orders["model.json"],
        "model.json": artifacts.dump(asdict(amounts)),
        "card.json": artifacts.dump(card),
        "card.md": cards.markdown(card).encode(),
    }


def predict(files: artifacts.Files, frame: pl.DataFrame, version: str, scored_at: object) -> pl.DataFrame:
    """Rows of `scores.lifetime`, one for each customer who ever ordered."""
    known = _people(frame)
    forecast = purchases.predict({"model.json": files["purchases.json"]}, known.select("customer_id", "x", "t_x", "T"))
    amounts = monetary.Parameters(**json.loads(files["model.json"]))
    n, mean = known["n"].to_numpy(), known["mean"].to_numpy()
    found = pareto_nbd.Parameters(**json.loads(files["purchases.json"])["parameters"])
    low, high = interval(found, amounts, histories(known), mean, HORIZON_DAYS / DAYS_A_UNIT)
    columns = {
        "customer_id": known["customer_id"],
        "expected_orders": forecast.expected,
        "p_alive": forecast.alive,
        "value_amount": forecast.expected * monetary.expected(amounts, n, mean),
        "value_low_amount": low,
        "value_high_amount": high,
    }
    constants = {"model": MODEL, "horizon_days": HORIZON_DAYS, "model_version": version, "scored_at": scored_at}
    full = pl.DataFrame(columns).with_columns(pl.lit(value).alias(name) for name, value in constants.items())
    return full.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())


def interval(
    p: pareto_nbd.Parameters, amounts: monetary.Parameters, h: Histories, mean: Matrix, horizon: float
) -> tuple[Matrix, Matrix]:
    """The middle 80 % of what each person may bring in the horizon: lower and upper bounds, shapes (rows,).

    In units of `monetary.scale` it depends on recency and frequency alone: all who are alike there share their draws,
    by the week where there are very many. Whoever is less likely to order than the tail is wide has 0 for both.
    """
    bounds = np.zeros((len(h.x), 2))
    open_still = np.flatnonzero(pareto_nbd.any_order(p, h, horizon) > (1 - SHARE) / 2)
    rows, which = _distinct(np.column_stack([h.x, h.t_x, h.T])[open_still])
    rng = np.random.default_rng(SEED)
    parts = np.array_split(rows, max(1, -(-len(rows) // _ROWS_AT_ONCE)))
    drawn = np.vstack([_bounds(p, amounts, Histories(*part.T), horizon, rng) for part in parts])
    bounds[open_still] = drawn[which] * monetary.scale(amounts, h.x + 1, mean)[open_still, None]
    return bounds[:, 0], bounds[:, 1]


def _distinct(rows: Matrix) -> tuple[Matrix, NDArray[np.int64]]:
    """Rows that differ, and which of them each one is; in whole units of time where too many differ."""
    for asked in (rows, np.round(rows)):
        found, which = np.unique(asked, axis=0, return_inverse=True)
        if len(found) <= _DISTINCT:
            break
    return found, np.asarray(which.ravel(), dtype=np.int64)


def _bounds(
    p: pareto_nbd.Parameters, amounts: monetary.Parameters, h: Histories, horizon: float, rng: np.random.Generator
) -> Matrix:
    size = (len(h.x), DRAWS)
    later = pareto_nbd.draw(p, h, horizon, size, rng)
    value = monetary.draw(amounts, (h.x + 1)[:, None], later, rng)
    return np.asarray(np.quantile(value, ((1 - SHARE) / 2, (1 + SHARE) / 2), axis=1).T)


def _models(known: pl.DataFrame) -> tuple[artifacts.Files, monetary.Parameters, int]:
    """Both models, and how many people they are fitted on."""
    sample = known if known.height <= FIT_SAMPLE else known.gather_every(-(-known.height // FIT_SAMPLE))
    orders = purchases.fit(sample.select("customer_id", "x", "t_x", "T"), HORIZON_DAYS / DAYS_A_UNIT)
    return orders, monetary.fit(sample["n"].to_numpy(), sample["mean"].to_numpy()), sample.height


def _people(frame: pl.DataFrame) -> pl.DataFrame:
    """Histories of buyers, with `n` order days and the `mean` amount of one."""
    mean = (
        (pl.col("spend_total_amount") / pl.col("order_days_count")).clip(lower_bound=0.0).fill_nan(0.0).fill_null(0.0)
    )
    amounts = forecasts.buyers(frame).select(n=pl.col("order_days_count").cast(pl.Float64), mean=mean)
    return pl.concat([forecasts.people(frame), amounts], how="horizontal")


def _figures(known: pl.DataFrame, sampled: int) -> dict[str, object]:
    longest = known["T"].max()
    history = round(float(longest) * DAYS_A_UNIT) if isinstance(longest, float) else 0
    return {"people with an order": known.height, "fitted on": sampled, "days of history": history}
