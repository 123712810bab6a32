"""Weights from product to product, of which only the strongest of each are kept: what a model of many products is."""

import numpy as np
from scipy import sparse

from models_ml.recommenders.shop import Floats, Sparse

_BLOCK = 1_000
MOST = 200  # a product: fewer cost accuracy, more cost time at every scoring


def strongest(weights: Floats, most: int = MOST) -> Sparse:
    """The largest of each row by size, whatever their sign, shape as given; equal ones by their place."""
    rows, columns = weights.shape
    if columns <= most:
        return sparse.csr_array(weights)
    kept = np.sort(np.argpartition(-np.abs(weights), most - 1, axis=1)[:, :most], axis=1)
    values = np.take_along_axis(weights, kept, axis=1)
    begins = np.arange(0, rows * most + 1, most, dtype=np.int32)
    found = sparse.csr_array((values.ravel(), kept.ravel().astype(np.int32), begins), shape=weights.shape)
    found.eliminate_zeros()
    return found


def pruned(weights: Sparse, most: int = MOST) -> Sparse:
    """The same of weights that are sparse already, in blocks of rows."""
    n = weights.shape[0]
    blocks = [strongest(weights[begin : begin + _BLOCK].toarray(), most) for begin in range(0, n, _BLOCK)]
    return sparse.vstack(blocks, format="csr") if blocks else weights


def total(parts: list[tuple[float, Sparse]], shape: tuple[int, int]) -> Sparse:
    """The weighted sum of several, in float32 and without what came to nothing."""
    found = sparse.csr_array(shape, dtype=np.float32)
    for weight, part in parts:
        if weight:
            found = found + part * np.float32(weight)
    found = sparse.csr_array(found)
    found.eliminate_zeros()
    found.sort_indices()
    return found
