"""EASE: one linear model of every product on all others, in closed form.

Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019: with P the inverse of the regularised Gram
matrix, the weights are -P divided by its diagonal, column by column, and 0 on the diagonal.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from models_ml.recommenders.shop import Floats, Sparse

MOST_ITEMS = 5_000  # the inverse of more takes too long and too much memory: ALS takes over


def gram(history: Sparse) -> NDArray[np.float64]:
    """The products' Gram matrix, shape (products, products)."""
    x = history.astype(np.float64)
    return np.asarray((x.T @ x).toarray())


def fit(of_products: NDArray[np.float64], regularisation: float) -> Floats:
    """Weights from each product (row) to each other (column), shape (products, products).

    Args:
        of_products: the Gram matrix, as `gram` gives it; it stays as it is.
        regularisation: added to its diagonal, above 0.
    """
    inverse = linalg.inv(of_products + regularisation * np.eye(len(of_products)), check_finite=False)
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return np.asarray(weights, dtype=np.float32)
