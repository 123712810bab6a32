"""ALS: people and products as factors, by alternating least squares over what people did and did not do.

Hu, Koren and Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008.
"""

import numpy as np
from scipy import sparse

from models_ml.recommenders import neighbours
from models_ml.recommenders.shop import Floats, Sparse

_BLOCK = 1_000


def fit(
    history: Sparse, *, factors: int, regularisation: float, alpha: float, rounds: int, seed: int
) -> tuple[Floats, Floats]:
    """Factors of people and of products, shapes (people, factors) and (products, factors); same input, same bytes.

    One thread: several add up in an order of their own, and the last digits would differ.
    """
    from implicit.cpu.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(
        factors=factors,
        regularization=regularisation,
        alpha=alpha,
        iterations=rounds,
        num_threads=1,
        random_state=seed,
    )
    model.fit(sparse.csr_matrix(history), show_progress=False)
    return np.asarray(model.user_factors, np.float32), np.asarray(model.item_factors, np.float32)


def weights(products: Floats, regularisation: float, most: int) -> Sparse:
    """What ALS says of products alike, as weights from product to product; the strongest of each, 0 for itself.

    A person's factors, all products counting alike, are (Y'Y + r)^-1 Y' x for a history x, and their scores Y times
    that: so the scores are x W with W = Y (Y'Y + r)^-1 Y'. Made in blocks: all of it would not fit the memory.
    """
    y = products.astype(np.float64)
    inner = np.linalg.inv(y.T @ y + max(regularisation, 1e-3) * np.eye(y.shape[1]))
    half = y @ inner
    found = []
    for begin in range(0, len(y), _BLOCK):
        block = half[begin : begin + _BLOCK] @ y.T
        block[np.arange(len(block)), begin + np.arange(len(block))] = 0.0
        found.append(neighbours.strongest(block.astype(np.float32), most))
    return sparse.vstack(found, format="csr") if found else sparse.csr_array((0, 0), dtype=np.float32)
