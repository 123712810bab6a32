"""How much a person resembles those of a seed: logistic regression in the space where groups are found.

What defines the seed is left out: a model that sees it only learns the rule again, and finds who just missed it.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from models_ml import artifacts, calibration, explain, leakage, space
from models_ml.calibration import Calibration
from models_ml.features import Labels, Matrix, labels, matrix
from models_ml.space import Space

FOLDS, SEED = 5, 1
DEFINES = 0.9  # the ROC-AUC above which a feature alone tells the seed's people from all others
MOST = {True: 50_000, False: 150_000}  # of the seed's people and of the others, to learn from
SHARE, AS_MANY = 0.1, 2  # the most that are high, of all others; and so many times as many are medium
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Fit:
    """margin = coordinates · weights + intercept."""

    space: Space
    weights: tuple[float, ...]
    intercept: float


@dataclass(frozen=True)
class Sample:
    """Some rows, and how many people each stands for; both of shape (rows sampled,)."""

    rows: Rows
    weight: Matrix


def sample(label: Labels, seed: int = SEED) -> Sample:
    """The seed's people and others, drawn apart, so that a small seed among millions is there in full."""
    rng, rows, weights = np.random.default_rng(seed), [], []
    for kind, most in MOST.items():
        of_kind = np.flatnonzero(label == kind)
        some = rng.choice(of_kind, most, replace=False) if len(of_kind) > most else of_kind
        rows.append(some)
        weights.append(np.full(len(some), len(of_kind) / max(len(some), 1)))
    order = np.argsort(np.concatenate(rows))
    return Sample(np.concatenate(rows)[order], np.concatenate(weights)[order])


def defining(frame: pl.DataFrame, names: Iterable[str]) -> dict[str, float]:
    """The features that alone tell the seed's people from all others, with the ROC-AUC that they reach."""
    some = frame[sample(labels(frame)).rows]
    label = labels(some)
    found = {name: round(leakage.auc_alone(matrix(some, (name,))[:, 0], label), 4) for name in names}
    return {name: reached for name, reached in found.items() if reached > DEFINES}


def learn(frame: pl.DataFrame, names: tuple[str, ...], some: Sample) -> Fit:
    """Fit on the rows sampled; each counts for as many people as it stands for."""
    chosen = frame[some.rows]
    placed = space.fit(chosen, names)
    model = LogisticRegression(max_iter=1_000)
    model.fit(space.coordinates(chosen, placed), labels(chosen), sample_weight=some.weight)
    return Fit(placed, tuple(model.coef_[0].tolist()), float(model.intercept_[0]))


def margins(fit: Fit, frame: pl.DataFrame) -> Matrix:
    """Each row's margin, shape (rows,)."""
    return _summed(fit, space.coordinates(frame, fit.space) * np.array(fit.weights))


def _summed(fit: Fit, added: Matrix) -> Matrix:
    """A matrix product adds in another order; its last digits would put whoever is at a bound above it."""
    return np.asarray(added.sum(axis=1) + fit.intercept, dtype=np.float64)


def held_out(frame: pl.DataFrame, names: tuple[str, ...], some: Sample) -> Matrix:
    """Each row's probability by a model that has not learnt from it, shape (rows,)."""
    fold = np.random.default_rng(SEED).permutation(frame.height) % FOLDS
    told = np.zeros(frame.height)
    for number in range(FOLDS):
        others = fold[some.rows] != number
        fit = learn(frame, names, Sample(some.rows[others], some.weight[others]))
        told[fold == number] = calibration.sigmoid(margins(fit, frame.filter(pl.Series(fold == number))))
    return told


def size(label: Labels) -> int:
    """How many are high at most: as many as the seed has, and no more than a tenth of all others."""
    return int(min(label.sum(), SHARE * (~label).sum()))


def bounds(probability: Matrix, most: int) -> Calibration:
    """Tiers by number: `most` above the upper bound at most, and twice as many between both; ties go below.

    Args:
        probability: of the others, shape (others,).
        most: how many are high at most, as `size` has it.
    """
    falling = np.append(np.sort(probability)[::-1], 0.0)
    high, medium = (float(falling[min(at, len(falling) - 1)]) for at in (most, most * (1 + AS_MANY)))
    return Calibration(1.0, 0.0, medium, high)


def dump(fit: Fit, tiers: Calibration) -> bytes:
    """The artifact's `model.json`."""
    return artifacts.dump({**asdict(fit), "tiers": asdict(tiers)})


def load(files: artifacts.Files) -> tuple[Fit, Calibration]:
    """A fitted model and its tiers."""
    told = json.loads(files["model.json"])
    placed = Space(**{name: tuple(values) for name, values in told["space"].items()})
    return Fit(placed, tuple(told["weights"]), told["intercept"]), Calibration(**told["tiers"])


def applied(fit: Fit, tiers: Calibration, frame: pl.DataFrame) -> pl.DataFrame:
    """`customer_id`, `probability`, `tier` and `reasons` of each row; being alike has no value in money."""
    placed = space.coordinates(frame, fit.space)
    added = placed * np.array(fit.weights)
    probability = calibration.sigmoid(_summed(fit, added))
    return pl.DataFrame(
        {
            "customer_id": frame["customer_id"],
            "probability": pl.Series(probability, dtype=pl.Float64),
            "tier": calibration.tiers(tiers, probability),
            "reasons": explain.reasons(added.astype(np.float32), fit.space.names),
            "expected_value_amount": pl.Series([None] * frame.height, dtype=pl.Float64),
        }
    )


def varying(frame: pl.DataFrame, names: tuple[str, ...]) -> bool:
    """Whether there is anything to go by."""
    return frame.height > 0 and bool(space.fit(frame[sample(labels(frame)).rows], names).names)
