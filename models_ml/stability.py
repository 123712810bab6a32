"""Whether groups stay the same when they are drawn again from other people of the same kind.

Agreement is the adjusted Rand index (Hubert and Arabie, 1985): 1 where all pairs of people are together or apart in
both, 0 where no more of them than by chance.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from sklearn.metrics import adjusted_rand_score

from models_ml.features import Matrix
from models_ml.grouping import Groups, nearest

T = TypeVar("T")
Agreed = dict[int, list[float]]  # by number of groups, the agreement of each draw
Finder = Callable[[Matrix, Sequence[int]], Mapping[int, Groups]]


def bootstrap(
    sample: Matrix, find: Finder, found: Mapping[int, Groups], draws: int, rng: np.random.Generator
) -> Agreed:
    """The agreement of the sample's groups with those drawn from people resampled with replacement."""
    members = {k: nearest(sample, groups) for k, groups in found.items()}
    agreed: Agreed = {k: [] for k in found}
    for _ in range(draws):
        again = find(sample[rng.integers(0, len(sample), len(sample))], list(found))
        for k, own in members.items():
            other = of(again, k, None)
            agreed[k].append(adjusted_rand_score(own, nearest(sample, other)) if other else 0.0)
    return agreed


def split_half(sample: Matrix, find: Finder, numbers: Sequence[int], draws: int, rng: np.random.Generator) -> Agreed:
    """The agreement, over everybody, of groups drawn from one half with those drawn from the other."""
    agreed: Agreed = {k: [] for k in numbers}
    for _ in range(draws):
        order = rng.permutation(len(sample))
        one, other = (find(sample[half], list(numbers)) for half in np.array_split(order, 2))
        for k in numbers:
            both = [of(half, k, None) for half in (one, other)]
            same = [nearest(sample, groups) for groups in both if groups]
            agreed[k].append(adjusted_rand_score(*same) if len(same) == len(both) else 0.0)
    return agreed


def of(found: Mapping[int, T], k: int, otherwise: T) -> T:
    """What was found of this number; of a method that finds its own, whatever it found."""
    return found[k] if k in found else next(iter(found.values()), otherwise)
