"""What an order of a person is worth, so that a tier may go by what is to be expected rather than by chance alone.

Expected value = probability x worth of an order. Worth is the mean of the person's orders drawn towards everybody's by
`monetary` (gamma-gamma); of churn it is what is at stake: the order that is not placed.
"""

import json
from dataclasses import asdict, dataclass

import numpy as np
import polars as pl

from models_ml import artifacts, monetary
from models_ml.features import Labels, Matrix
from models_ml.likelihood import NoFit

COLUMNS = ("orders_count", "mean_order_amount")
FIT_SAMPLE, FEWEST = 20_000, 100
BY_VALUE, BY_PROBABILITY = "expected value", "probability: no order has an amount yet"


@dataclass(frozen=True)
class Worth:
    """The mean amount of an order in the shop, and gamma-gamma where it could be fitted."""

    shop: float
    amounts: monetary.Parameters | None

    def files(self) -> artifacts.Files:
        """As part of an artifact."""
        return {"worth.json": artifacts.dump(asdict(self))}


def load(files: artifacts.Files) -> Worth | None:
    """What an artifact says of amounts; None where it has none, so that tiers go by probability."""
    if "worth.json" not in files:
        return None
    found = json.loads(files["worth.json"])
    amounts = found["amounts"]
    return Worth(found["shop"], monetary.Parameters(**amounts) if amounts else None)


def fit(frame: pl.DataFrame) -> Worth | None:
    """What the orders of these people say; None where there is no order with an amount.

    Where gamma-gamma cannot be fitted an order is worth the shop's mean, whoever places it.
    """
    if not set(COLUMNS) <= set(frame.columns):
        return None
    orders, mean = _history(frame)
    known = (orders > 0) & (mean > 0)
    if not known.any():
        return None
    shop = float(orders[known] @ mean[known] / orders[known].sum())
    some = np.flatnonzero(known)[:: 1 + int(known.sum()) // FIT_SAMPLE]
    try:
        amounts = monetary.fit(orders[some], mean[some])
    except NoFit:
        return Worth(shop, None)
    return Worth(shop, amounts if amounts.q > 1 else None)  # else people who never ordered have no mean


def of(worth: Worth, frame: pl.DataFrame) -> Matrix:
    """What an order of each row's person is worth, in the currency, shape (rows,)."""
    if worth.amounts is None:
        return np.full(frame.height, worth.shop)
    return monetary.expected(worth.amounts, *_history(frame))


def expected(worth: Worth | None, frame: pl.DataFrame, probability: Matrix) -> Matrix | None:
    """The expected value of each row, in the currency, shape (rows,); None where nothing is known of amounts."""
    return None if worth is None else np.asarray(probability * of(worth, frame))


def told(
    tier: pl.Series, frame: pl.DataFrame, label: Labels, probability: Matrix, worth: Worth | None
) -> dict[str, object]:
    """What the card says of tiers on the test cut-off, all in one order of rows; of fewer than 100 people no figure."""
    found: dict[str, object] = {"by": BY_PROBABILITY if worth is None else BY_VALUE}
    amount = None if worth is None else of(worth, frame)
    for name in ("high", "medium", "low"):
        chosen = (tier == name).to_numpy()
        if chosen.sum() >= FEWEST:
            found[name] = _figures(label[chosen], probability[chosen], None if amount is None else amount[chosen])
    return found


def _figures(label: Labels, probability: Matrix, amount: Matrix | None) -> dict[str, float]:
    people = float(len(label) // FEWEST * FEWEST)
    rates = {"people": people, "rate": float(label.mean()), "promised_rate": float(probability.mean())}
    if amount is not None:
        rates["mean_order_amount"] = float(amount.mean())
        rates["promised_value_amount"] = float((probability * amount).mean())
        rates["value_amount"] = float((label * amount).mean())
    return {name: round(value, 4) for name, value in rates.items()}


def _history(frame: pl.DataFrame) -> tuple[Matrix, Matrix]:
    """Orders and the mean amount of one, never below 0; both 0 of whoever never ordered."""
    known = frame.select(pl.col(COLUMNS).cast(pl.Float64).fill_nan(0.0).fill_null(0.0).clip(lower_bound=0.0))
    orders, mean = known[COLUMNS[0]].to_numpy(), known[COLUMNS[1]].to_numpy()
    has = np.isfinite(orders) & np.isfinite(mean) & (orders > 0) & (mean > 0)
    return np.where(has, orders, 0.0), np.where(has, mean, 0.0)
