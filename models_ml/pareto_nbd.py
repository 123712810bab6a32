"""Pareto/NBD: people order at rates of their own until, at a moment of their own, they leave for good.

Schmittlein, Morrison and Colombo, "Counting Your Customers" (Management Science 33, 1987): orders of a living person
are Poisson with a gamma distributed rate (`r`, `alpha`), lifetimes are exponential with a gamma distributed rate
(`s`, `beta`).
Formulas as derived by Fader and Hardie, "A Note on Deriving the Pareto/NBD Model" (2005).
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from models_ml import likelihood
from models_ml.features import Matrix
from models_ml.likelihood import Histories

NAME = "pareto_nbd"
_TERMS = 1_000  # it is asked for far out only, where a search looks and does not stay
_ONE = 1e-9  # closer to 1 than that, s is 1


@dataclass(frozen=True)
class Parameters:
    """`r` and `alpha` of the order rate, `s` and `beta` of the rate of leaving; alpha and beta in units of time."""

    r: float
    alpha: float
    s: float
    beta: float


def fit(histories: Histories) -> Parameters:
    """The parameters under which these histories are most likely."""
    return Parameters(*likelihood.maximise(lambda theta: log_likelihood(Parameters(*theta), histories), 4, histories))


def log_likelihood(p: Parameters, h: Histories) -> Matrix:
    """The log likelihood of each history, shape (rows,)."""
    common = special.gammaln(p.r + h.x) - special.gammaln(p.r) + p.r * np.log(p.alpha) + p.s * np.log(p.beta)
    lived = -(p.r + h.x) * np.log(p.alpha + h.T) - p.s * np.log(p.beta + h.T)
    return np.asarray(common + np.logaddexp(lived, _left_between(p, h.x, h.t_x, h.T)))


def alive(p: Parameters, h: Histories) -> Matrix:
    """The probability that a person has not left by the end of the history, shape (rows,)."""
    lived = -(p.r + h.x) * np.log(p.alpha + h.T) - p.s * np.log(p.beta + h.T)
    return np.asarray(special.expit(lived - _left_between(p, h.x, h.t_x, h.T)))


def expected(p: Parameters, h: Histories, horizon: float) -> Matrix:
    """Orders expected in the `horizon` after the history, shape (rows,)."""
    passed = np.log((p.beta + h.T) / (p.beta + h.T + horizon))
    lasting = -passed if abs(p.s - 1) < _ONE else -np.expm1((p.s - 1) * passed) / (p.s - 1)
    return np.asarray(alive(p, h) * (p.r + h.x) * (p.beta + h.T) / (p.alpha + h.T) * lasting)


def any_order(p: Parameters, h: Histories, horizon: float) -> Matrix:
    """The probability of at least one order in the `horizon` after the history, shape (rows,).

    None comes of a living person who lives on without, or leaves before: the terms of the likelihood, moved on.
    """
    shape, end = p.r + h.x, h.T + horizon
    start = shape * np.log(p.alpha + h.T) + p.s * np.log(p.beta + h.T)
    lived = -shape * np.log(p.alpha + end) - p.s * np.log(p.beta + end)
    none = np.exp(start + np.logaddexp(lived, _left_between(p, h.x, h.T, end)))
    return np.asarray(alive(p, h) * np.clip(1.0 - none, 0.0, 1.0))


def simulate(
    p: Parameters,
    T: Matrix,  # noqa: N803 - as in the papers
    horizon: float,
    rng: np.random.Generator,
) -> tuple[Histories, Matrix]:
    """Histories of new people over `T`, and how many orders each has in the `horizon` after it, shape (rows,).

    The last of n orders that fall anywhere in a span lies at the span times a Beta(n, 1).
    """
    rate, lifetime = (
        rng.gamma(p.r, 1 / p.alpha, len(T)),
        rng.exponential(1.0, len(T)) / rng.gamma(p.s, 1 / p.beta, len(T)),
    )
    seen = np.minimum(lifetime, T)
    x = rng.poisson(rate * seen).astype(np.float64)
    last = np.where(x > 0, seen * rng.beta(np.maximum(x, 1.0), 1.0), 0.0)
    later = rng.poisson(rate * np.clip(lifetime - T, 0.0, horizon)).astype(np.float64)
    return Histories(x, last, T), later


def draw(p: Parameters, h: Histories, horizon: float, size: tuple[int, int], rng: np.random.Generator) -> Matrix:
    """Draws of a person's orders in the `horizon` after the history, shape `size` = (rows, draws).

    Whoever is alive orders at a gamma rate of shape r+x and leaves at one of shape s; nobody else orders.
    """
    rate = rng.standard_gamma((p.r + h.x)[:, None], size) / (p.alpha + h.T)[:, None]
    leaving = rng.standard_gamma(p.s, size) / (p.beta + h.T)[:, None]
    left = rng.standard_exponential(size)
    lasting = np.where(left < leaving * horizon, left / np.maximum(leaving, np.finfo(float).tiny), horizon)
    lasting *= rng.random(size) < alive(p, h)[:, None]
    return rng.poisson(rate * lasting).astype(np.float64)


def _left_between(p: Parameters, x: Matrix, start: Matrix, end: Matrix) -> Matrix:
    """Log of ∫ s (alpha+u)^-(r+x) (beta+u)^-(s+1) du from `start` to `end`: left in between, after x orders."""
    first, second = _tail(p, x, start), _tail(p, x, end)
    with np.errstate(divide="ignore", invalid="ignore"):  # nobody between a moment and itself
        difference = np.log(-np.expm1(np.minimum(second - first, 0.0)))
    return np.asarray(np.log(p.s) - np.log(p.r + p.s + x) + first + difference)


def _tail(p: Parameters, x: Matrix, time: Matrix) -> Matrix:
    """Log of the same integral from `time` on, but for the factor s / (r+s+x).

    Euler's transformation leaves a hypergeometric function with a leading 1, near 1 whatever x is; in the textbook's
    form it overflows for busy people, and the difference of two loses its digits.
    """
    shape, total = p.r + x, p.r + p.s + x
    near, far = np.log(p.alpha + time), np.log(p.beta + time)
    if p.alpha >= p.beta:
        grown = _grown(shape, total + 1, (p.alpha - p.beta) / (p.alpha + time))
        return np.asarray(-shape * near - p.s * far + np.log(grown))
    grown = _grown(np.full_like(total, p.s + 1), total + 1, (p.beta - p.alpha) / (p.beta + time))
    return np.asarray((1 - shape) * near - (p.s + 1) * far + np.log(grown))


def _grown(b: Matrix, c: Matrix, z: Matrix) -> Matrix:
    """The hypergeometric F(1, b; c; z) for 0 <= z < 1 and b < c; its series where the library has no number."""
    found = np.asarray(special.hyp2f1(1.0, b, c, z))
    lost = np.flatnonzero(~np.isfinite(found))
    if len(lost):
        term = total = np.ones(len(lost))
        for k in range(_TERMS):  # every term is positive and smaller than the one before
            term = term * z[lost] * (b[lost] + k) / (c[lost] + k)
            total = total + term
            if float((term / total).max()) < np.finfo(float).eps:
                break
        found[lost] = total
    return found
