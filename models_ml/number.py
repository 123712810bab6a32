"""How many groups there are: by silhouette, Davies-Bouldin and stability together, by one rule; it may be none.

A number may be taken where all of this holds of the people sampled:

- its mean silhouette (Rousseeuw, 1987) is at least `least_silhouette`, and above that of a single cloud by `margin`;
- its Davies-Bouldin index (1979) is below that of a single cloud;
- groups drawn again from people resampled are the same by an adjusted Rand index (Hubert and Arabie, 1985) of at least
  `least_bootstrap`, and those drawn from two halves of at least `least_halves`, each the mean of several draws;
- its smallest group holds at least `least_share`.

A single cloud is two sets of made-up people with the same spread in the same directions and no groups, one Gaussian and
one uniform in a box along the principal axes; the better of the two counts. Of the numbers left each figure ranks them
(stability is the mean of both); the lowest sum of the three ranks is taken, at a tie the smaller number.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from scipy.stats import rankdata
from sklearn.metrics import davies_bouldin_score, euclidean_distances, silhouette_score

from models_ml import stability
from models_ml.features import Matrix
from models_ml.grouping import Groups, nearest
from models_ml.stability import Finder


@dataclass(frozen=True)
class Rule:
    """The bounds of the rule, and how often people are drawn again."""

    fewest: int = 2
    most: int = 8
    least_silhouette: float = 0.15
    margin: float = 0.05
    least_bootstrap: float = 0.85
    least_halves: float = 0.80
    least_share: float = 0.02
    bootstraps: int = 10
    halves: int = 5


@dataclass(frozen=True)
class Figures:
    """What was measured of one number of groups; `cloud_` is the same of a single cloud."""

    number: int
    silhouette: float
    cloud_silhouette: float
    davies_bouldin: float
    cloud_davies_bouldin: float
    bootstrap_ari: float
    split_half_ari: float
    least_share: float

    @property
    def stability(self) -> float:
        """The mean of both draws."""
        return (self.bootstrap_ari + self.split_half_ari) / 2


def measure(sample: Matrix, find: Finder, rule: Rule, seed: int) -> list[Figures]:
    """The figures of each number of groups tried, rounded as the card shows them: from them the rule decides."""
    distinct = len(np.unique(sample, axis=0))
    numbers = range(rule.fewest, min(rule.most, distinct) + 1)
    found = find(sample, numbers)
    rng = np.random.default_rng(seed)
    apart = _apart(sample, found)
    clouds = [_apart(cloud, find(cloud, numbers)) for cloud in _clouds(sample, rng)]
    again = stability.bootstrap(sample, find, found, rule.bootstraps, rng)
    halves = stability.split_half(sample, find, tuple(found), rule.halves, rng)
    shares = {k: np.bincount(nearest(sample, one) + 1, minlength=2)[1:] / len(sample) for k, one in found.items()}
    return [
        Figures(
            k,
            apart[k][0],
            max(stability.of(cloud, k, (0.0, np.inf))[0] for cloud in clouds),
            apart[k][1],
            min(stability.of(cloud, k, (0.0, np.inf))[1] for cloud in clouds),
            round(float(np.mean(again[k])), 4),
            round(float(np.mean(halves[k])), 4),
            round(float(shares[k].min()), 4),
        )
        for k in found
    ]


def choose(measured: Sequence[Figures], rule: Rule) -> Figures | None:
    """The number that the rule takes; None where there is no structure."""
    left = [one for one in measured if not misses(one, rule)]
    if not left:
        return None
    columns = (
        [-one.silhouette for one in left],
        [one.davies_bouldin for one in left],
        [-one.stability for one in left],
    )
    ranks = sum(rankdata(np.round(column, 6), method="min") for column in columns)
    return left[int(np.argmin(ranks))]


def misses(one: Figures, rule: Rule) -> list[str]:
    """What keeps a number from being taken, in words; nothing where it may be."""
    bound = round(max(rule.least_silhouette, one.cloud_silhouette + rule.margin), 4)
    checks = {
        f"silhouette {one.silhouette}, {bound} is needed": one.silhouette >= bound,
        f"Davies-Bouldin {one.davies_bouldin}, of a single cloud {one.cloud_davies_bouldin}": (
            one.davies_bouldin < one.cloud_davies_bouldin
        ),
        f"bootstrap {one.bootstrap_ari}, {rule.least_bootstrap} is needed": one.bootstrap_ari >= rule.least_bootstrap,
        f"split half {one.split_half_ari}, {rule.least_halves} is needed": one.split_half_ari >= rule.least_halves,
        f"smallest group {one.least_share:.1%}, {rule.least_share:.0%} is needed": one.least_share >= rule.least_share,
    }
    return [words for words, holds in checks.items() if not holds]


def why_none(measured: Sequence[Figures], rule: Rule) -> str:
    """Why there is no structure, by the number that misses least."""
    if not measured:
        return "no group is dense enough to be one"
    closest = min(measured, key=lambda one: (len(misses(one, rule)), -one.silhouette))
    numbers = f"{measured[0].number} to {measured[-1].number}" if len(measured) > 1 else str(measured[0].number)
    return f"of {numbers} groups none stands out; closest are {closest.number}: {'; '.join(misses(closest, rule))}"


def metrics(measured: Sequence[Figures], rule: Rule) -> dict[str, object]:
    """What a card says: the number taken with its figures, or 0 and why; the silhouette of each number tried."""
    taken = choose(measured, rule)
    by_number = {str(one.number): one.silhouette for one in measured}
    if taken is None:
        best = max(by_number.values(), default=0.0)
        return {"clusters": 0, "silhouette": best, "why": why_none(measured, rule), "silhouette_by_number": by_number}
    names = ("silhouette", "davies_bouldin", "bootstrap_ari", "split_half_ari")
    figures = {name: getattr(taken, name) for name in names}
    return {"clusters": taken.number, **figures, "silhouette_by_number": by_number}


def as_json(measured: Sequence[Figures], rule: Rule) -> list[dict[str, object]]:
    """The figures of each number with what keeps it from being taken."""
    return [
        {name: None if value == np.inf else value for name, value in asdict(one).items()}
        | {"misses": misses(one, rule)}
        for one in measured
    ]


def _apart(sample: Matrix, found: Mapping[int, Groups]) -> dict[int, tuple[float, float]]:
    """Silhouette and Davies-Bouldin by number; the distances, the dear part, are computed once."""
    distances = euclidean_distances(sample)
    np.fill_diagonal(distances, 0.0)
    figures = {}
    for k, groups in found.items():
        members = nearest(sample, groups)
        if not 1 < len(np.unique(members)) < len(sample):
            figures[k] = (0.0, float(np.inf))
            continue
        silhouette = silhouette_score(distances, members, metric="precomputed")
        figures[k] = (round(float(silhouette), 4), round(float(davies_bouldin_score(sample, members)), 4))
    return figures


def _clouds(sample: Matrix, rng: np.random.Generator) -> Iterator[Matrix]:
    """People without groups, as many as sampled, with the sample's covariance: Gaussian, and uniform in a box."""
    centred = sample - sample.mean(axis=0)
    _, lengths, axes = np.linalg.svd(centred, full_matrices=False)
    spread = lengths / np.sqrt(len(sample))
    for drawn in (rng.normal(size=(len(sample), len(axes))), rng.uniform(-1, 1, (len(sample), len(axes))) * np.sqrt(3)):
        yield np.asarray((drawn * spread) @ axes)
