"""Popularity: what needs no model, and what everybody else falls back to."""

import numpy as np
import polars as pl
from scipy import sparse

from models_ml.recommenders.shop import Floats, Sparse

FEWEST = 100  # people of a region before it has a taste of its own


def overall(history: Sparse) -> Floats:
    """Interest of all people in each product as a share of the most, 0 to 1, shape (products,)."""
    return _share(np.asarray(history.sum(axis=0)).ravel())


def by_group(history: Sparse, groups: pl.Series) -> dict[str, Floats]:
    """The same within each group of people with enough of them; the group of nobody's name (null) has none."""
    names = groups.drop_nulls().value_counts().filter(pl.col("count") >= FEWEST)[groups.name].sort()
    numbers = {name: number for number, name in enumerate(names)}
    codes = np.array([numbers.get(name, -1) for name in groups], dtype=np.int64)
    known = np.flatnonzero(codes >= 0)
    shape = (len(numbers), history.shape[0])
    sums = sparse.csr_array((np.ones(len(known), np.float32), (codes[known], known)), shape=shape) @ history
    return {name: _share(np.asarray(sums[[number]].toarray()).ravel()) for name, number in numbers.items()}


def _share(totals: Floats) -> Floats:
    return np.asarray(totals / max(float(totals.max(initial=0.0)), 1e-9), dtype=np.float32)
