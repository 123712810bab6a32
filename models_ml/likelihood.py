"""Order histories as recency and frequency, and the search for the parameters that make them most likely."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from models_ml.features import Matrix
from warehouse.errors import SmaltiError

_NOWHERE = 1e10
BOUND = 12.0  # of log parameters: beyond e¹² a mixing distribution has become a point


class NoFit(SmaltiError):
    """The likelihood has no maximum worth the name."""


@dataclass(frozen=True)
class Histories:
    """People by repeat orders `x`, time of the last of them `t_x` and time observed `T`, both since the first order.

    Shapes (rows,); any unit of time, the same everywhere. `weight` is how many people a row stands for.
    """

    x: Matrix
    t_x: Matrix
    T: Matrix
    weight: Matrix | None = None

    def grouped(self) -> "Histories":
        """One row for all who are alike: their likelihood is the same number."""
        rows, counts = np.unique(np.column_stack([self.x, self.t_x, self.T]), axis=0, return_counts=True)
        return Histories(rows[:, 0], rows[:, 1], rows[:, 2], counts.astype(np.float64))


def maximise(log_likelihood: Callable[[Matrix], Matrix], size: int, histories: Histories) -> tuple[float, ...]:
    """The `size` positive parameters with the highest mean log likelihood, searched in logs from ones.

    Raises:
        NoFit: the search ends nowhere.
    """
    weight = np.ones(len(histories.x)) if histories.weight is None else histories.weight
    total = float(weight.sum())

    def loss(logs: Matrix) -> float:
        with np.errstate(all="ignore"):  # far out, where a search may look, there are no numbers
            value = -float(weight @ log_likelihood(np.exp(logs))) / total
        return value if np.isfinite(value) else _NOWHERE

    found = optimize.minimize(
        loss,
        np.zeros(size),
        method="L-BFGS-B",
        bounds=[(-BOUND, BOUND)] * size,
        options={"maxiter": 500, "ftol": 1e-13, "gtol": 1e-7},
    )
    if not np.isfinite(found.fun) or found.fun >= _NOWHERE:
        raise NoFit("the likelihood of these order histories could not be maximised")
    return tuple(float(value) for value in np.exp(found.x))
