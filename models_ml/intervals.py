"""How sure the figures of a model are: a bootstrap over people of the test cut-off.

People are drawn with replacement and each figure is counted again. The interval is the basic one (Davison and Hinkley,
1997, ch. 5.2): twice the figure less the quantiles of the draws. The calibration error of a draw is larger than that of
the people drawn from, and quantiles alone would leave a well calibrated model outside its own interval. Where labels
drawn by the promises themselves give as large an error, its interval begins at 0.
"""

import numpy as np
from numpy.typing import NDArray

from models_ml.evaluation import BINS
from models_ml.features import Labels, Matrix

DRAWS, SEED = 300, 1
MOST_ROWS = 20_000
_BOUNDS = (0.975, 0.025)
FIGURES = {"roc_auc": 1.0, "average_precision": 1.0, "ece": 1.0, "top_decile_lift": float(BINS)}  # the most of each
_ECE = list(FIGURES).index("ece")
Interval = dict[str, float]


def bounds(label: Labels, probability: Matrix, people: NDArray[np.int64] | None = None) -> dict[str, Interval]:
    """The 95 % interval of each of `FIGURES`; both arrays have shape (rows,), both classes must occur.

    `people` says of whom each row is, by numbers from 0 without a gap; where it is left out, each of somebody else.
    Of more than `MOST_ROWS` people so many are drawn, once; the interval is then narrowed to what all of them give.
    """
    people = np.arange(len(label)) if people is None else people
    rng, among = np.random.default_rng(SEED), int(people.max()) + 1
    some = np.sort(rng.choice(among, MOST_ROWS, replace=False)) if among > MOST_ROWS else np.arange(among)
    kept = np.isin(people, some)
    whose, n = np.searchsorted(some, people[kept]), len(some)
    ranked = Ranked(label[kept], probability[kept])
    drawn = np.array([ranked.figures(np.bincount(rng.integers(0, n, n), minlength=n)[whose]) for _ in range(DRAWS)])
    found, everybody = ranked.figures(np.ones(len(whose), dtype=np.int64)), Ranked(label, probability)
    whole = everybody.figures(np.ones(len(label), dtype=np.int64))
    off = (found - np.nanquantile(drawn, _BOUNDS, axis=0)) * np.sqrt(n / among)
    if found[_ECE] <= np.quantile([ranked.gap_by_chance(rng) for _ in range(DRAWS)], _BOUNDS[0]):
        off[0, _ECE] = -whole[_ECE]
    return {
        name: {"lower": _within(low, most), "upper": _within(high, most)}
        for (name, most), low, high in zip(FIGURES.items(), *(whole + off), strict=True)
    }


def _within(bound: float, most: float) -> float:
    return round(float(np.clip(bound, 0.0, most)), 4)


class Ranked:
    """People sorted by probability once, so that each draw costs a few cumulated sums."""

    def __init__(self, label: Labels, probability: Matrix) -> None:
        """Sort them; both arrays have shape (rows,)."""
        order = np.argsort(probability, kind="stable")
        self._order, self._label = order, label[order].astype(np.float64)
        self._probability = probability[order]
        self._ends = np.append(np.flatnonzero(np.diff(self._probability)), len(order) - 1)  # of equal probabilities

    def figures(self, times: NDArray[np.int64]) -> Matrix:
        """Each of `FIGURES` where person i counts `times[i]` times; NaN where all that count are of one kind."""
        weight = times[self._order].astype(np.float64)
        true, every = weight * self._label, np.cumsum(weight)
        bought = np.cumsum(true)
        if not 0 < bought[-1] < every[-1]:
            return np.full(len(FIGURES), np.nan)
        area, precision = self._ranking(bought, every)
        return np.array([area, precision, self._gap(weight, true, every), _lift(bought, every)])

    def gap_by_chance(self, rng: np.random.Generator) -> float:
        """The calibration error of as many people who keep every promise."""
        weight = np.ones(len(self._probability))
        kept = (rng.random(len(weight)) < self._probability).astype(np.float64)
        return self._gap(weight, kept, np.cumsum(weight))

    def _ranking(self, bought: Matrix, every: Matrix) -> tuple[float, float]:
        """ROC-AUC, ties as half, and average precision as a step for each probability that occurs."""
        true = np.diff(bought[self._ends], prepend=0.0)
        false = np.diff((every - bought)[self._ends], prepend=0.0)
        area = true @ (np.cumsum(false) - false / 2) / (true.sum() * false.sum())
        above, all_above = np.cumsum(true[::-1]), np.cumsum((true + false)[::-1])
        steps = np.divide(above, all_above, out=np.zeros_like(above), where=all_above > 0)
        return float(area), float(steps @ true[::-1] / true.sum())

    def _gap(self, weight: Matrix, true: Matrix, every: Matrix) -> float:
        """Expected calibration error over ten groups of equal weight."""
        middle = (every - weight / 2) / every[-1]
        group = np.minimum((middle * BINS).astype(np.int64), BINS - 1)
        promised = np.bincount(group, weight * self._probability, minlength=BINS)
        return float(np.abs(promised - np.bincount(group, true, minlength=BINS)).sum() / every[-1])


def _lift(bought: Matrix, every: Matrix) -> float:
    """Buyers among the tenth ranked highest, as a multiple of the rate among all."""
    below = np.searchsorted(every, every[-1] - np.ceil(every[-1] / BINS), side="right")
    without = (bought[below - 1], every[below - 1]) if below else (0.0, 0.0)
    return float((bought[-1] - without[0]) / (every[-1] - without[1]) * every[-1] / bought[-1])
