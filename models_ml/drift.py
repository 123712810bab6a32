"""How far people are now from those that a model has learnt from, and its promises from what became true.

PSI over the deciles of then (Siddiqi, 2006), less what chance alone gives: two samples of one population differ by
(bins - 1) (1/n + 1/m) on average (Yurdakul, 2018). KS is taken at the same edges. What is absent is a bin of its own.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_ml.features import Labels, Matrix

NOTABLE, TOO_MUCH = 0.1, 0.25
BEYOND_CHANCE, OFF_BY = 3.0, 0.25
FEWEST = 100  # people, for a share to be told
_DECILES = np.arange(0.1, 1.0, 0.1)
_LEAST = 1e-4  # a bin that is empty on one side
SCORE = "score"

Counts = NDArray[np.int64]
Edges = Mapping[str, list[float]]


@dataclass(frozen=True)
class Moved:
    """How far a feature, or the score, has moved."""

    psi: float
    ks: float


@dataclass(frozen=True)
class Kept:
    """What was promised of the latest people whose label is known, and what became true of them."""

    people: int
    promised: float
    observed: float
    z: float


@dataclass(frozen=True)
class Drift:
    """What became of a model since it was fitted; `retrain` demands a training in the next run."""

    people: int
    features: dict[str, Moved] = field(default_factory=dict)
    score: Moved | None = None
    calibration: Kept | None = None
    told: tuple[str, ...] = ()
    retrain: bool = False

    def as_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self) | {"told": list(self.told)}


def reference(columns: Mapping[str, Matrix]) -> dict[str, Any]:
    """Deciles and how many people lie between them; what a later moment is held against."""
    found = {}
    for name, values in columns.items():
        known = values[~np.isnan(values)]
        edges = np.unique(np.quantile(known, _DECILES)).tolist() if len(known) else []
        found[name] = {"edges": edges, "counts": counted(values, edges).tolist()}
    return found


def counted(values: Matrix, edges: list[float]) -> Counts:
    """How many lie below, between and above the edges, and how many are absent; shape (edges + 2,)."""
    absent = np.isnan(values)
    places = np.searchsorted(np.asarray(edges, dtype=np.float64), values[~absent], side="right")
    return np.append(np.bincount(places, minlength=len(edges) + 1), absent.sum()).astype(np.int64)


def moved(then: Counts, now: Counts) -> Moved:
    """PSI beyond chance and KS of two histograms over the same bins."""
    if not then.sum() or not now.sum():
        return Moved(0.0, 0.0)
    expected, found = then / then.sum(), now / now.sum()
    bins = int(((then + now) > 0).sum())
    chance = (bins - 1) * (1 / then.sum() + 1 / now.sum())
    sure = [np.maximum(shares, _LEAST) for shares in (expected, found)]
    psi = float(np.sum((sure[1] - sure[0]) * np.log(sure[1] / sure[0])))
    ks = float(np.abs(np.cumsum(found) - np.cumsum(expected)).max())
    return Moved(round(max(psi - chance, 0.0), 4), round(ks, 4))


def kept(label: Labels, probability: Matrix) -> Kept | None:
    """Promised and true rate, and how many standard errors lie between them; None of too few people."""
    if len(label) < FEWEST:
        return None
    spread = float(np.sqrt((probability * (1 - probability)).sum())) or 1.0
    z = float(label.sum() - probability.sum()) / spread
    return Kept(len(label), round(float(probability.mean()), 4), round(float(label.mean()), 4), round(z, 2))


def judged(
    then: Mapping[str, Any],
    now: Mapping[str, Counts],
    gains: Mapping[str, float],
    calibration: Kept | None,
    *,
    can_learn: bool = True,
) -> Drift:
    """Hold the people of now against those of then.

    A training is demanded where the score has moved too far, where the features have, weighed by what the model makes
    of them, or where promises are off by a quarter and beyond chance; but only if it would learn from newer labels.
    """
    people = int(next(iter(now.values())).sum()) if now else 0
    if people < FEWEST:
        return Drift(people, calibration=calibration)
    found = {name: moved(np.array(one["counts"]), now[name]) for name, one in then.items() if name in now}
    score = found.pop(SCORE, None)
    told = [f"{name} has moved: PSI {one.psi}" for name, one in found.items() if one.psi >= TOO_MUCH]
    weighed = sum(gains.get(name, 0.0) * one.psi for name, one in found.items())
    demands = list(_demands(score, weighed, calibration))
    return Drift(people, found, score, calibration, (*demands, *told), retrain=bool(demands) and can_learn)


def _demands(score: Moved | None, weighed: float, calibration: Kept | None) -> Iterable[str]:
    if score is not None and score.psi >= TOO_MUCH:
        yield f"scores have moved: PSI {score.psi}; below {TOO_MUCH} is usual"
    if weighed >= TOO_MUCH:
        yield f"features have moved: PSI {weighed:.2f}, weighed by what they give; below {TOO_MUCH} is usual"
    if calibration is not None and abs(calibration.z) >= BEYOND_CHANCE:
        off = abs(calibration.observed - calibration.promised) / max(calibration.promised, _LEAST)
        if off >= OFF_BY:
            yield f"promised {calibration.promised:.1%}, came true {calibration.observed:.1%} of {calibration.people}"
