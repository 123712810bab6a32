"""Content: products alike in category, brand, price band and words; the only answer for one nobody has touched."""

import re

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from models_ml.recommenders import neighbours
from models_ml.recommenders.shop import Sparse

BANDS = 5
WORTH = {"category": 1.0, "brand": 0.7, "band": 0.5, "word": 0.5}
_WORD, _SHORTEST, _BLOCK = re.compile(r"[^\W\d_]+"), 3, 1_000


def fit(catalogue: pl.DataFrame, most: int) -> Sparse:
    """Cosine of what two products have in common, the strongest of each; shape (products, products)."""
    x = _features(catalogue)
    found = []
    for begin in range(0, x.shape[0], _BLOCK):
        block = (x[begin : begin + _BLOCK] @ x.T).toarray()
        block[np.arange(len(block)), begin + np.arange(len(block))] = 0.0
        found.append(neighbours.strongest(block, most))
    return sparse.vstack(found, format="csr")


def bands(catalogue: pl.DataFrame) -> NDArray[np.int32]:
    """The fifth of its category's prices that each product is in, 0 to 4; -1 without a price."""
    place = pl.col("price_amount").rank("average").over("category") / pl.col("price_amount").count().over("category")
    fifth = (place * BANDS).ceil().cast(pl.Int32) - 1
    return catalogue.select(band=fifth.fill_null(-1)).to_series().to_numpy()


def codes(values: pl.Series) -> NDArray[np.int32]:
    """A number for each distinct text in order of the texts; -1 for null."""
    distinct = {text: number for number, text in enumerate(values.drop_nulls().unique().sort())}
    return np.array([distinct.get(text, -1) for text in values], dtype=np.int32)


def _features(catalogue: pl.DataFrame) -> Sparse:
    """One row a product, of length 1; a word counts the more the rarer it is."""
    n = catalogue.height
    kinds = {
        "category": codes(catalogue["category"]),
        "brand": codes(catalogue["brand"]),
        "band": bands(catalogue),
    }
    parts = [_one_hot(kind, WORTH[name]) for name, kind in kinds.items()]
    x = sparse.hstack([*parts, _words(catalogue["name"].to_list())], format="csr")
    length = np.sqrt(np.asarray(x.multiply(x).sum(axis=1)).ravel())
    return sparse.csr_array(sparse.diags_array(1 / np.maximum(length, 1e-9)) @ x).astype(np.float32).reshape((n, -1))


def _one_hot(numbers: NDArray[np.int32], worth: float) -> Sparse:
    known = np.flatnonzero(numbers >= 0)
    shape = (len(numbers), int(numbers.max(initial=-1)) + 1)
    return sparse.csr_array((np.full(len(known), worth), (known, numbers[known])), shape=shape)


def _words(names: list[str | None]) -> Sparse:
    found = [sorted({w for w in _WORD.findall((name or "").lower()) if len(w) >= _SHORTEST}) for name in names]
    numbers = {word: number for number, word in enumerate(sorted({word for words in found for word in words}))}
    rows = np.repeat(np.arange(len(names)), [len(words) for words in found])
    columns = np.array([numbers[word] for words in found for word in words], dtype=np.int64)
    seen = np.bincount(columns, minlength=len(numbers))
    rarity = np.log(len(names) / seen[columns]) if len(columns) else np.zeros(0)
    scale = WORTH["word"] / max(float(rarity.max(initial=0.0)), 1e-9)
    return sparse.csr_array((rarity * scale, (rows, columns)), shape=(len(names), len(numbers)))
