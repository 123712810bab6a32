"""Session co-occurrence: products looked at or bought in one session, beside how often each is seen at all."""

import numpy as np
from scipy import sparse

from models_ml.recommenders.shop import Sparse

SHRINKAGE = 5.0  # sessions: a pair seen once says little


def fit(together: Sparse) -> Sparse:
    """Cosine between the sessions of two products, shrunk where they are few; shape (products, products).

    Args:
        together: sessions of each pair, as `Shop.together` gives them.
    """
    sessions = np.asarray(together.sum(axis=1)).ravel()
    pairs = together.tocoo()
    rows, columns = pairs.coords
    cosine = pairs.data / (np.sqrt(sessions[rows] * sessions[columns]) + SHRINKAGE)
    return sparse.csr_array((cosine.astype(np.float32), (rows, columns)), shape=together.shape)
