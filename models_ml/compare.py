"""Whether one set of predictions is better than another on the same people: a paired bootstrap.

People are drawn with replacement, and both predictions are judged on each draw, so that what the people have in
common cancels out (Efron and Tibshirani, 1993, ch. 13: percentile intervals). A person may have several rows, which
hang together: they are drawn together (Field and Welsh, 2007: the cluster bootstrap).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models_ml.features import Labels, Matrix

DRAWS, SEED = 500, 1
MOST_ROWS = 20_000  # more people make the interval narrower than any difference that matters
_BOUNDS = (0.025, 0.975)
_SURE = 1e-6  # a probability of 0 or 1 would cost without limit


@dataclass(frozen=True)
class Gain:
    """How much better the challenger is: the figure on all rows, and the bounds of its 95 % interval."""

    value: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Comparison:
    """What the challenger gains in log loss (per row) and in ROC-AUC; above 0 it is the better one."""

    rows: int
    log_loss: Gain
    roc_auc: Gain
    people: int

    @property
    def is_better(self) -> bool:
        """Better beyond chance by log loss, which counts rank and calibration, and not worse beyond chance in rank."""
        return self.log_loss.lower > 0 and self.roc_auc.upper >= 0


def paired(label: Labels, champion: Matrix, challenger: Matrix, people: NDArray[np.int64] | None = None) -> Comparison:
    """Hold two arrays of probabilities against the same labels; all have shape (rows,), both classes must occur.

    `people` says of whom each row is, by numbers from 0 without a gap; where it is left out, each of somebody else.
    """
    rng = np.random.default_rng(SEED)
    people = np.arange(len(label)) if people is None else people
    if len(label) > MOST_ROWS:
        among = int(people.max()) + 1
        some = np.sort(rng.choice(among, MOST_ROWS * among // len(label), replace=False))
        kept = np.isin(people, some)
        label, champion, challenger = label[kept], champion[kept], challenger[kept]
        people = np.searchsorted(some, people[kept])
    saved = losses(label, champion) - losses(label, challenger)
    old, new = _Ranked(label, champion), _Ranked(label, challenger)
    every = np.ones(len(label), dtype=np.int64)
    drawn = np.array([_draw(rng, people, saved, old, new) for _ in range(DRAWS)])
    bounds = np.nanquantile(drawn, _BOUNDS, axis=0)
    found = (float(saved.mean()), new.auc(every) - old.auc(every))
    gains = [Gain(*(round(float(x), 6) for x in (value, *bounds[:, i]))) for i, value in enumerate(found)]
    log_loss, roc_auc = gains
    return Comparison(len(label), log_loss, roc_auc, len(np.unique(people)))


def losses(label: Labels, probability: Matrix) -> Matrix:
    """The log loss of each row, shape (rows,)."""
    sure = np.clip(probability, _SURE, 1 - _SURE)
    return np.asarray(-np.log(np.where(label, sure, 1 - sure)))


def _draw(
    rng: np.random.Generator, people: NDArray[np.int64], saved: Matrix, old: "_Ranked", new: "_Ranked"
) -> tuple[float, float]:
    n = int(people.max()) + 1
    times = np.bincount(rng.integers(0, n, n), minlength=n)[people]
    return float(saved @ times) / float(times.sum()), new.auc(times) - old.auc(times)


class _Ranked:
    """Rows sorted by probability once, so that each draw costs two counts."""

    def __init__(self, label: Labels, probability: Matrix) -> None:
        self.place: NDArray[np.int64] = np.unique(probability, return_inverse=True)[1]
        self.label = label.astype(np.float64)

    def auc(self, times: NDArray[np.int64]) -> float:
        """Chance that one with the label ranks above one without, ties as half; NaN where a draw has one kind only."""
        true = np.bincount(self.place, self.label * times)
        false = np.bincount(self.place, (1 - self.label) * times)
        pairs = true.sum() * false.sum()
        return float(true @ (np.cumsum(false) - false / 2) / pairs) if pairs else float("nan")
