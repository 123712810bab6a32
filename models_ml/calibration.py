"""From a model's margin to a probability that means what it says, and from there to a tier.

Two parameters (Platt, 1999) rather than isotonic steps: with few buyers, steps give hundreds of
people the same probability, and a tier's edge would fall in the middle of them.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from models_ml.features import Labels, Matrix

SHARES = {"low": 0.5, "medium": 0.3, "high": 0.2}
_STEPS, _ENOUGH = 100, 1e-12


@dataclass(frozen=True)
class Calibration:
    """probability = 1 / (1 + exp(-(slope · margin + intercept))); tiers begin above their bounds.

    The bounds are of the expected value where amounts are known, else of the probability.
    """

    slope: float
    intercept: float
    medium_above: float
    high_above: float


def sigmoid(margin: Matrix) -> Matrix:
    """The logistic function, element by element."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * margin)))


def fit(margin: Matrix, bought: Labels, worth: Matrix | None = None) -> Calibration:
    """Fit slope, intercept and the tiers' bounds on one cut-off; all arrays have shape (rows,).

    `worth` is what an order of each is worth: the bounds are then of probability times worth.

    A slope below zero would say that the model ranks backwards: then everybody gets the base rate,
    and nobody is in a higher tier than anybody else.
    """
    slope, intercept = _platt(margin, bought)
    if slope <= 0:
        rate = (bought.sum() + 1) / (len(bought) + 2)
        slope, intercept = 0.0, float(np.log(rate / (1 - rate)))
    probability = sigmoid(slope * margin + intercept)
    score = probability if worth is None else probability * worth
    bounds = np.quantile(score, np.cumsum([SHARES["low"], SHARES["medium"]]), method="inverted_cdf")
    return Calibration(slope, intercept, float(bounds[0]), float(bounds[1]))


def probabilities(calibration: Calibration, margin: Matrix) -> Matrix:
    """Calibrated probabilities, shape (rows,)."""
    return sigmoid(calibration.slope * margin + calibration.intercept)


def tiers(calibration: Calibration, score: Matrix) -> pl.Series:
    """`low`, `medium` or `high` for each score, which is what the bounds are of; equal scores get equal tiers."""
    above = pl.Series("tier", score)
    frame = pl.select(
        pl.when(above > calibration.high_above)
        .then(pl.lit("high"))
        .when(above > calibration.medium_above)
        .then(pl.lit("medium"))
        .otherwise(pl.lit("low"))
        .alias("tier")
    )
    return frame["tier"] if len(above) else pl.Series("tier", [], dtype=pl.String)


def _platt(margin: Matrix, bought: Labels) -> tuple[float, float]:
    """Newton's method on the log loss with Platt's softened targets; the loss is convex."""
    n, buyers = len(bought), int(bought.sum())
    target = np.where(bought, (buyers + 1) / (buyers + 2), 1 / (n - buyers + 2))
    columns = np.column_stack([margin, np.ones(n)])
    weights = np.array([1.0, 0.0])
    for _ in range(_STEPS):
        probability = sigmoid(columns @ weights)
        gradient = columns.T @ (probability - target)
        curvature = (columns * (probability * (1 - probability))[:, None]).T @ columns + 1e-6 * np.eye(2)
        step = _shorten(columns, target, weights, np.asarray(np.linalg.solve(curvature, gradient), np.float64))
        weights = weights - step
        if float(np.abs(step).max()) < _ENOUGH:
            break
    return float(weights[0]), float(weights[1])


def _shorten(columns: Matrix, target: Matrix, weights: Matrix, step: Matrix) -> Matrix:
    """Halve a step until the loss does not rise: far out, Newton's full step overshoots."""
    here = _loss(columns @ weights, target)
    for _ in range(30):
        if _loss(columns @ (weights - step), target) <= here:
            return step
        step = step / 2
    return np.zeros_like(step)


def _loss(margin: Matrix, target: Matrix) -> float:
    return float(np.sum(np.logaddexp(0.0, margin) - target * margin))
