"""Gamma-gamma: what an order of a person is worth, where few orders tell little and everybody's tell the rest.

Fader and Hardie, "The Gamma-Gamma Model of Monetary Value" (2013), after Colombo and Jiang (1999): amounts of a
person's orders are gamma distributed with shape `p` and a rate of the person's own; rates are gamma distributed with
shape `q` and rate `gamma`. How often somebody orders is taken to say nothing about how much.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from models_ml import likelihood
from models_ml.features import Matrix
from models_ml.likelihood import Histories, NoFit


@dataclass(frozen=True)
class Parameters:
    """`p` of a person's amounts, `q` and `gamma` of people; gamma in the currency."""

    p: float
    q: float
    gamma: float


def fit(orders: Matrix, mean: Matrix) -> Parameters:
    """The parameters under which these mean amounts of so many orders are most likely; both shapes (rows,).

    Amounts are divided by their middle while the search lasts, so that the currency decides nothing.

    Raises:
        NoFit: no amount is above 0, or they vary so much that people have no mean.
    """
    known = (orders > 0) & (mean > 0)
    if not known.any():
        raise NoFit("no order has an amount above 0")
    unit = float(np.median(mean[known]))
    n, m = orders[known], mean[known] / unit
    rows = Histories(n, m, m)
    found = likelihood.maximise(lambda theta: _log_likelihood(Parameters(*theta), n, m), 3, rows)
    fitted = Parameters(found[0], found[1], found[2] * unit)
    if fitted.p + fitted.q <= 1:
        raise NoFit("amounts of orders vary so much that the mean of a person's is not to be had")
    return fitted


def expected(fitted: Parameters, orders: Matrix, mean: Matrix) -> Matrix:
    """The mean amount of a person's orders to come, given those there were, shape (rows,)."""
    return np.asarray(fitted.p * scale(fitted, orders, mean) / (fitted.p * orders + fitted.q - 1))


def scale(fitted: Parameters, orders: Matrix, mean: Matrix) -> Matrix:
    """What amounts to come are proportional to, whatever a person's history is, shape (rows,)."""
    return np.asarray(fitted.gamma + orders * mean)


def draw(fitted: Parameters, orders: Matrix, later: Matrix, rng: np.random.Generator) -> Matrix:
    """Draws of the sum of `later` orders, in units of `scale`; `orders` were there before, shapes (rows, draws).

    The person's rate is gamma with shape p n + q, the sum of m orders gamma with shape p m.
    """
    rate = rng.standard_gamma(np.broadcast_to(fitted.p * orders + fitted.q, later.shape))
    total = rng.standard_gamma(np.maximum(fitted.p * later, np.finfo(float).tiny))
    return np.asarray(np.where(later > 0, total / rate, 0.0))


def _log_likelihood(fitted: Parameters, n: Matrix, m: Matrix) -> Matrix:
    p, q, gamma = fitted.p, fitted.q, fitted.gamma
    common = special.gammaln(p * n + q) - special.gammaln(p * n) - special.gammaln(q) + q * np.log(gamma)
    return np.asarray(common + (p * n - 1) * np.log(m) + p * n * np.log(n) - (p * n + q) * np.log(gamma + n * m))
