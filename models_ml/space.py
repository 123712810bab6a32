"""Where customers stand: features filled, logged where skewed, and scaled, so that no unit outweighs another."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from models_ml.arrays import Array
from models_ml.features import Matrix, matrix

SKEWED_ABOVE = 1.0
CONSTANT_BELOW = 1e-9  # rounding alone gives a constant column some spread


@dataclass(frozen=True)
class Space:
    """How features become coordinates; one entry per feature in each tuple."""

    names: tuple[str, ...]
    fill: tuple[float, ...]
    logged: tuple[bool, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]


def fit(frame: pl.DataFrame, names: tuple[str, ...]) -> Space:
    """Fill, log and scale, as these rows have it; features that do not vary are left out.

    Days since something that never happened are as many as the most seen; counts and amounts are 0.
    """
    x = matrix(frame, names)
    known = np.where(np.isnan(x), -np.inf, x).max(axis=0, initial=-np.inf)
    since = np.array([n == "recency_days" or n.startswith("days_since_") for n in names], dtype=np.bool_)
    fill = np.where(since & np.isfinite(known), known, 0.0)
    filled = np.where(np.isnan(x), fill, x)
    logged = (_skew(filled) > SKEWED_ABOVE) & (filled.min(axis=0, initial=0.0) >= 0)
    placed = np.where(logged, np.log1p(np.where(logged, filled, 0.0)), filled)
    scale = placed.std(axis=0)
    kept = np.flatnonzero(scale > CONSTANT_BELOW)
    columns = (fill, logged, placed.mean(axis=0), scale)
    return Space(tuple(names[i] for i in kept), *(tuple(column[kept].tolist()) for column in columns))


def coordinates(frame: pl.DataFrame, fitted: Space) -> Matrix:
    """Each row's place, shape (rows, features)."""
    return np.asarray(place(matrix(frame, fitted.names), fitted), dtype=np.float64)


def place(x: Matrix | Array, fitted: Space) -> Matrix | Array:
    """Turn features, in the order of the space, into coordinates: in place, in the array's own precision.

    A logged feature below 0, which no row had when the space was fitted, counts as 0.
    """
    np.copyto(x, np.array(fitted.fill, dtype=x.dtype), where=np.isnan(x))
    logged = np.flatnonzero(fitted.logged)
    x[:, logged] = np.log1p(np.maximum(x[:, logged], 0))
    x -= np.array(fitted.mean, dtype=x.dtype)
    x /= np.array(fitted.scale, dtype=x.dtype)
    return x


def _skew(x: Matrix) -> Matrix:
    centred = x - x.mean(axis=0)
    spread = np.maximum(x.std(axis=0), 1e-12)
    return np.asarray(
        (centred * centred * centred).mean(axis=0) / spread**3
    )  # `**` takes logarithms, ten times as long
