"""Why a person's score is what it is: what each feature adds on the way through the trees.

On its way from the root to a leaf a row's expected margin changes at each split; the change is laid to the feature that
splits (Saabas, 2014). The parts add up to the margin. Exact Shapley values cost twenty times as much, and are kept for
the card.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from models_ml.features import Matrix

REASONS = 3
_BATCH = 8_192  # rows whose leaves stay near the processor


@dataclass(frozen=True)
class Paths:
    """What each leaf adds, shape (leaves of all trees, features), its margin, and where each tree's leaves begin."""

    added: NDArray[np.float32]
    margin: Matrix
    begins: NDArray[np.int32]
    booster: lgb.Booster


def paths(booster: lgb.Booster) -> Paths:
    """The paths of a fitted model."""
    trees = booster.dump_model()["tree_info"]
    sizes = [int(tree["num_leaves"]) for tree in trees]
    begins = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    added = np.zeros((int(begins[-1]), booster.num_feature()), dtype=np.float64)
    margin = np.zeros(int(begins[-1]))
    for begin, tree in zip(begins, trees, strict=False):
        for leaf, value, steps in _leaves(tree["tree_structure"], ()):
            margin[begin + leaf] = value
            for feature, change in steps:
                added[begin + leaf, feature] += change
    return Paths(added.astype(np.float32), margin, begins[:-1], booster)


def _leaves(
    node: Mapping[str, Any], steps: tuple[tuple[int, float], ...]
) -> Iterator[tuple[int, float, tuple[tuple[int, float], ...]]]:
    if "leaf_value" in node:
        yield int(node.get("leaf_index", 0)), float(node["leaf_value"]), steps
        return
    for side in ("left_child", "right_child"):
        child = node[side]
        value = child["leaf_value"] if "leaf_value" in child else child["internal_value"]
        change = (int(node["split_feature"]), float(value) - float(node["internal_value"]))
        yield from _leaves(child, (*steps, change))


def margins(found: Paths, x: NDArray[Any], threads: int) -> tuple[Matrix, NDArray[np.float32]]:
    """Each row's margin, shape (rows,), and what each feature adds to it, shape (rows, features)."""
    margin = np.zeros(len(x))
    added = np.zeros((len(x), found.added.shape[1]), dtype=np.float32)
    for begin in range(0, len(x), _BATCH):
        part = slice(begin, begin + _BATCH)
        margin[part], added[part] = _of(found, x[part], threads)
    return margin, added


def _of(found: Paths, x: NDArray[Any], threads: int) -> tuple[Matrix, NDArray[np.float32]]:
    trees = len(found.begins)
    leaves = np.asarray(found.booster.predict(x, pred_leaf=True, num_threads=threads), dtype=np.int32)
    places = (leaves.reshape(len(x), trees) + found.begins).ravel()
    shape, ends = (len(x), len(found.margin)), np.arange(0, len(places) + 1, trees, dtype=np.int32)
    chosen = sparse.csr_array((np.ones(len(places), dtype=np.float32), places, ends), shape=shape)
    margin = found.margin[places].reshape(len(x), trees).sum(axis=1)
    return margin, np.asarray(chosen @ found.added)


def reasons(added: NDArray[np.float32], names: tuple[str, ...]) -> pl.Series:
    """The names of the features that move each row's margin most, either way, the first most; no values."""
    most = min(REASONS, len(names))
    if not len(added) or not most:
        return pl.Series("reasons", [[]] * len(added), dtype=pl.List(pl.String))
    chosen = np.concatenate([_largest(added[at : at + _BATCH], most) for at in range(0, len(added), _BATCH)])
    words = pl.Series("reasons", names, dtype=pl.String).gather(chosen.ravel())
    return words.reshape((len(added), most)).cast(pl.List(pl.String))


def _largest(added: NDArray[np.float32], most: int) -> NDArray[np.int64]:
    """The columns of the largest parts of each row, the largest first, shape (rows, most)."""
    size = -np.abs(added)
    top = np.argpartition(size, most - 1, axis=1)[:, :most]
    order = np.argsort(np.take_along_axis(size, top, axis=1), axis=1, kind="stable")
    return np.take_along_axis(top, order, axis=1)
