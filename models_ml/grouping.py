"""Ways to group people by where they stand, and which group each person falls into.

K-Means draws round groups. Ward's tree joins what costs least, from single persons up. HDBSCAN (Campello, Moulavi and
Sander, 2013) takes what is dense and leaves the rest in no group. Each sees a sample; everybody else goes with the
nearest centre.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.cluster import hierarchy
from sklearn.cluster import HDBSCAN, KMeans

from models_ml.arrays import TILE, Array
from models_ml.features import Matrix

Method = Literal["kmeans", "ward", "hdbscan"]
Members = NDArray[np.int32]
NONE = -1  # in no group
_DENSE, _CORES, _REACHED = 50, 12, 0.99


@dataclass(frozen=True)
class Groups:
    """Centres, shape (centres, features), whose each is of a group, and how far it reaches; most groups have one."""

    centres: Matrix
    group: tuple[int, ...]
    reach: tuple[float, ...] | None = None

    @property
    def count(self) -> int:
        """How many groups there are."""
        return len(set(self.group))

    def relabelled(self, labels: Mapping[int, int]) -> "Groups":
        """The same groups under other labels; one without a label is left out."""
        kept = [place for place, one in enumerate(self.group) if one in labels]
        reach = None if self.reach is None else tuple(self.reach[place] for place in kept)
        return Groups(self.centres[kept], tuple(labels[self.group[place]] for place in kept), reach)

    def as_json(self) -> dict[str, object]:
        """As an artifact holds them."""
        return {"centres": self.centres.tolist(), "group": self.group, "reach": self.reach}

    @classmethod
    def of_json(cls, held: Mapping[str, Any], features: int) -> "Groups":
        """From what an artifact holds, in a space of so many features."""
        centres = np.array(held["centres"], dtype=np.float64).reshape(-1, features)
        return cls(centres, tuple(held["group"]), None if held["reach"] is None else tuple(held["reach"]))


def find(method: Method, starts: int, seed: int, sample: Matrix, numbers: Iterable[int]) -> Mapping[int, Groups]:
    """Groups of a sample by how many: of each number asked for, or of the one that the method finds by itself."""
    if method == "hdbscan":
        found = _dense(sample, seed)
        return {found.count: found} if found.count else {}
    if method == "ward":
        tree = hierarchy.linkage(sample, "ward")
        return {k: _means(sample, hierarchy.fcluster(tree, k, "maxclust") - 1) for k in numbers}
    return {k: kmeans(sample, k, starts, seed) for k in numbers}


def kmeans(sample: Matrix | Array, k: int, starts: int, seed: int) -> Groups:
    """The best of several starts by k-means++; a single one may end in a bad corner."""
    model = KMeans(k, n_init=starts, random_state=seed).fit(sample)
    return Groups(np.asarray(model.cluster_centers_, dtype=np.float64).round(6), tuple(range(k)))


def nearest(placed: Matrix | Array, groups: Groups) -> Members:
    """The group of each row, shape (rows,): that of the nearest centre, `NONE` beyond the reach of it."""
    if not groups.count:
        return np.full(len(placed), NONE, dtype=np.int32)
    centres: Any = groups.centres.astype(placed.dtype)
    turned, level = -2 * centres.T, (centres**2).sum(axis=1)
    found = np.empty(len(placed), dtype=np.int32)
    of = np.array(groups.group, dtype=np.int32)
    for at in range(0, len(placed), TILE):
        block = placed[at : at + TILE]
        distance = np.asarray(block @ turned)  # the square, but for the row's own length
        distance += level
        closest = distance.argmin(axis=1)
        found[at : at + TILE] = of[closest]
        if groups.reach is not None:
            square = distance[np.arange(len(block)), closest] + (block**2).sum(axis=1)
            beyond = square > np.array(groups.reach)[closest] ** 2
            found[at : at + TILE][beyond] = NONE
    return found


def relabelled(members: Members, labels: Mapping[int, int]) -> Members:
    """Members under other labels; one without a label is in no group."""
    table = np.full(max(members.max(initial=0), 0) + 2, NONE, dtype=np.int32)  # the last place is that of `NONE`
    for one, label in labels.items():
        table[one] = label
    return np.asarray(table[members])


def _means(sample: Matrix, members: NDArray[np.integer]) -> Groups:
    present = np.unique(members)
    centres = np.stack([sample[members == one].mean(axis=0) for one in present])
    return Groups(centres.round(6), tuple(range(len(present))))


def bounded(groups: Groups, placed: Matrix) -> Groups:
    """The same groups, each centre reaching as far as all but one in a hundred of the people nearest to it."""
    single = Groups(groups.centres, tuple(range(len(groups.centres))))
    closest = nearest(placed, single)
    reach = []
    for centre, place in enumerate(single.centres):
        far = np.sqrt(((placed[closest == centre] - place) ** 2).sum(axis=1))
        reach.append(round(float(np.quantile(far, _REACHED)), 6) if len(far) else 0.0)
    return Groups(groups.centres, groups.group, tuple(reach))


def _dense(sample: Matrix, seed: int) -> Groups:
    """What is dense, as centres of its cores: a group of any shape is a chain of small round ones.

    Nobody's own place is kept: each centre is the mean of many.
    """
    smallest = max(_DENSE, len(sample) // 50)
    labels = HDBSCAN(min_cluster_size=smallest, min_samples=_DENSE // 5, copy=True).fit(sample).labels_
    centres, group = np.empty((0, sample.shape[1])), list[int]()
    for one in range(labels.max() + 1):
        own = sample[labels == one]
        cores = kmeans(own, min(_CORES, max(1, len(own) // _DENSE)), 1, seed)
        centres = np.concatenate([centres, cores.centres])
        group += [one] * len(cores.centres)
    return bounded(Groups(centres, tuple(group)), sample[labels != NONE])
