"""BG/NBD: people order at rates of their own, and after each order some of them leave for good.

Fader, Hardie and Lee, "Counting Your Customers" the Easy Way (Marketing Science 24, 2005): orders of a living person
are Poisson with a gamma distributed rate (`r`, `alpha`); after each repeat order a person leaves with a beta
distributed probability (`a`, `b`). Who never came again is alive by construction: that is the model's known weakness.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from models_ml import likelihood
from models_ml.features import Matrix
from models_ml.likelihood import Histories

NAME = "bg_nbd"


@dataclass(frozen=True)
class Parameters:
    """`r` and `alpha` of the order rate (alpha in units of time), `a` and `b` of leaving after an order."""

    r: float
    alpha: float
    a: float
    b: float


def fit(histories: Histories) -> Parameters:
    """The parameters under which these histories are most likely."""
    return Parameters(*likelihood.maximise(lambda theta: log_likelihood(Parameters(*theta), histories), 4, histories))


def log_likelihood(p: Parameters, h: Histories) -> Matrix:
    """The log likelihood of each history, shape (rows,): equation 6 of the paper."""
    common = special.gammaln(p.r + h.x) - special.gammaln(p.r) + p.r * np.log(p.alpha)
    stayed = special.betaln(p.a, p.b + h.x) - special.betaln(p.a, p.b)
    return np.asarray(common + stayed - (p.r + h.x) * np.log(p.alpha + h.T) + np.logaddexp(0.0, _left_odds(p, h)))


def alive(p: Parameters, h: Histories) -> Matrix:
    """The probability that a person has not left by the end of the history, shape (rows,)."""
    return np.asarray(special.expit(-_left_odds(p, h)))


def expected(p: Parameters, h: Histories, horizon: float) -> Matrix:
    """Orders expected in the `horizon` after the history, shape (rows,): equation 10 of the paper."""
    shape, since = p.r + h.x, p.alpha + h.T
    grown = special.hyp2f1(shape, p.b + h.x, p.a + p.b + h.x - 1, horizon / (since + horizon))
    kept = 1.0 - np.exp(shape * np.log(since / (since + horizon))) * grown
    return np.asarray(alive(p, h) * kept * (p.a + p.b + h.x - 1) / (p.a - 1))


def any_order(p: Parameters, h: Histories, horizon: float) -> Matrix:
    """The probability of at least one order in the `horizon` after the history, shape (rows,).

    A living person leaves only after an order, so the first of them depends on the rate alone.
    """
    since = p.alpha + h.T
    return np.asarray(-alive(p, h) * np.expm1((p.r + h.x) * np.log(since / (since + horizon))))


def counts(p: Parameters, time: float, most: int) -> Matrix:
    """P(X = 0..most) of repeat orders in the first `time` of a new person: equation 8 of the paper."""
    x = np.arange(most + 1.0)
    stay = np.exp(special.betaln(p.a, p.b + x) - special.betaln(p.a, p.b))
    exact = np.exp(
        special.gammaln(p.r + x) - special.gammaln(p.r) - special.gammaln(x + 1)
        + p.r * np.log(p.alpha / (p.alpha + time)) + x * np.log(time / (p.alpha + time))
    )  # fmt: skip
    at_least = 1.0 - np.concatenate([[0.0], np.cumsum(exact)[:-1]])
    leave = np.where(x > 0, np.exp(special.betaln(p.a + 1, p.b + np.maximum(x, 1) - 1) - special.betaln(p.a, p.b)), 0.0)
    return np.asarray(stay * exact + leave * at_least)


def simulate(
    p: Parameters,
    T: Matrix,  # noqa: N803 - as in the papers
    horizon: float,
    rng: np.random.Generator,
) -> tuple[Histories, Matrix]:
    """Histories of new people over `T`, and how many orders each has in the `horizon` after it, shape (rows,).

    Column by column of orders: as many rounds as the busiest person has orders.
    """
    rate = rng.gamma(p.r, 1 / p.alpha, len(T))
    leaving = rng.beta(p.a, p.b, len(T))
    now, last, x, later = np.zeros(len(T)), np.zeros(len(T)), np.zeros(len(T)), np.zeros(len(T))
    alive = np.ones(len(T), dtype=np.bool_)
    while alive.any():
        now = now + rng.exponential(1.0, len(T)) / rate
        alive &= now < T + horizon
        within = alive & (now <= T)
        x, last = x + within, np.where(within, now, last)
        later = later + (alive & ~within)
        alive &= rng.random(len(T)) >= leaving
    return Histories(x, last, T), later


def _left_odds(p: Parameters, h: Histories) -> Matrix:
    """Log of the odds of having left after the last order: minus infinity for whoever never came again."""
    came = np.maximum(h.x, 1.0)
    odds = np.log(p.a) - np.log(p.b + came - 1) + (p.r + h.x) * (np.log(p.alpha + h.T) - np.log(p.alpha + h.t_x))
    return np.where(h.x > 0, odds, -np.inf)
