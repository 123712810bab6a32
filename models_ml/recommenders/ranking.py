"""How good rankings are, over all products there are: recall, ndcg, coverage, and a paired interval."""

import numpy as np
from numpy.typing import NDArray

from models_ml.recommenders.shop import Flags, Floats, Ints, Sparse

Figures = NDArray[np.float64]
_DRAWS, _BLOCK, _WIDTH = 1_000, 50, 16


def top(scores: Floats, k: int) -> Ints:
    """The k best products of each person, best first, shape (people, k); equal scores in order of the products."""
    k = min(k, scores.shape[1])
    part = np.sort(_largest(scores, k), axis=1)
    order = np.argsort(-np.take_along_axis(scores, part, axis=1), axis=1, kind="stable")
    return np.take_along_axis(part, order, axis=1).astype(np.int64)


def _largest(scores: Floats, k: int) -> Ints:
    """The k best products of each person in any order.

    The k largest numbers stand in k groups at most, those of the k largest maxima: to find these, and to look into them
    only, takes half the time of looking at every product.
    """
    people, n = scores.shape
    groups = n // _WIDTH
    if groups <= k:
        return np.argpartition(scores, n - k, axis=1)[:, n - k :]
    # a group is every so-manieth product: maxima are then taken line by line
    whole = groups * _WIDTH
    maxima = scores[:, :whole].reshape(people, _WIDTH, groups).max(axis=1)
    found = np.argpartition(maxima, groups - k, axis=1)[:, groups - k :]
    inside = (found[:, :, None] + groups * np.arange(_WIDTH)).reshape(people, -1)
    rest = np.broadcast_to(np.arange(whole, n), (people, n - whole))
    candidates = np.hstack([inside, rest])
    values = np.take_along_axis(scores, candidates, axis=1)
    best = np.argpartition(values, values.shape[1] - k, axis=1)[:, values.shape[1] - k :]
    return np.take_along_axis(candidates, best, axis=1)


def hits(ranked: Ints, relevant: Sparse) -> Flags:
    """Whether each place of each list holds what the person turned to, shape of `ranked`; one of -1 holds nothing."""
    turned_to = relevant.toarray() > 0
    return np.asarray(np.take_along_axis(turned_to, np.maximum(ranked, 0), axis=1) & (ranked >= 0))


def recall(hit: Flags, relevant: Sparse, k: int) -> Figures:
    """Of what each person turned to, the share among the first k, shape (people,)."""
    return np.asarray(hit[:, :k].sum(axis=1) / np.maximum(counts(relevant), 1))


def ndcg(hit: Flags, relevant: Sparse, k: int) -> Figures:
    """Discounted gain of the first k beside the best possible (Järvelin and Kekäläinen, 2002), shape (people,)."""
    discount = 1 / np.log2(np.arange(2, k + 2))
    gained = (hit[:, :k] * discount[: hit[:, :k].shape[1]]).sum(axis=1)
    ideal = np.concatenate([[0.0], np.cumsum(discount)])[np.minimum(counts(relevant), k)]
    return np.asarray(gained / np.maximum(ideal, 1e-12))


def coverage(ranked: Ints, k: int, products: int) -> float:
    """The share of all products that stand among anybody's first k."""
    found = np.unique(ranked[:, :k])
    return float((found >= 0).sum() / max(products, 1))


def counts(relevant: Sparse) -> Ints:
    """How many products each person turned to, shape (people,)."""
    return np.asarray(np.diff(relevant.indptr), dtype=np.int64)


def interval(gain: Figures, seed: int) -> tuple[float, float]:
    """The middle 95 % of the mean gain over people drawn again and again: a paired bootstrap.

    Args:
        gain: what one ranking gives each person more than another, shape (people,).
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    means = [gain[rng.integers(0, len(gain), (_BLOCK, len(gain)))].mean(axis=1) for _ in range(_DRAWS // _BLOCK)]
    low, high = np.quantile(np.concatenate(means), [0.025, 0.975])
    return float(low), float(high)
