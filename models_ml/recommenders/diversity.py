"""Spread: lists that do not show one thing ten times, by maximal marginal relevance and a bound on each category.

Carbonell and Goldstein, "The Use of MMR", SIGIR 1998: the next of a list is what is relevant and unlike those before.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models_ml.recommenders import content
from models_ml.recommenders.shop import Floats, Ints

MOST_OF_ONE = 6  # of ten: no category has more while there is anything else
_ALIKE = (0.5, 0.25, 0.25)  # for one category, brand, price band
_CROWDED, _OUT = np.float32(100.0), np.float32(-1e9)
Codes = NDArray[np.int32]


@dataclass(frozen=True)
class Traits:
    """What products can have in common, a number each; below 0: nothing with anybody. Shapes (products,)."""

    category: Codes
    brand: Codes
    band: Codes

    @classmethod
    def of(cls, catalogue: pl.DataFrame) -> "Traits":
        """The traits of a catalogue's products, in its order; a price band is one of its category."""
        category, band = content.codes(catalogue["category"]), content.bands(catalogue)
        banded = np.where((category >= 0) & (band >= 0), category * content.BANDS + band, -1)
        return cls(category, content.codes(catalogue["brand"]), banded.astype(np.int32))


def alike(one: tuple[Codes, ...], other: tuple[Codes, ...]) -> Floats:
    """How alike products are, 0 to 1, given the traits of each; shapes as numpy spreads them."""
    found = (np.float32(share) * ((a == b) & (a >= 0)) for share, a, b in zip(_ALIKE, one, other, strict=True))
    return np.asarray(sum(found), dtype=np.float32)


def spread(candidates: Ints, values: Floats, traits: Traits, n: int, relevance: float) -> Ints:
    """The places of n candidates for each person, in the order to show them, shape (people, n); -1 where none is left.

    Args:
        candidates: products, each once or more often; shape (people, candidates).
        values: how relevant each is, 0 to 1 above a whole number by which some come before all others; not finite: out.
        traits: of the products.
        n: how long a list is to be.
        relevance: 1 for nothing but relevance, 0 for nothing but difference.
    """
    # more than any unlikeness can make good
    tier = np.floor(np.where(np.isfinite(values), values, 0.0) - 1e-6).astype(np.float32)
    worth = np.where(np.isfinite(values), 10 * tier + relevance * (values - tier), _OUT).astype(np.float32)
    own = tuple(trait[candidates] for trait in (traits.category, traits.brand, traits.band))
    nearest, count = np.zeros_like(worth), np.zeros(worth.shape, dtype=np.int8)
    rows, chosen = np.arange(len(worth)), np.full((len(worth), n), -1, dtype=np.int64)
    most = max(1, round(MOST_OF_ONE * n / 10))
    for place in range(n):
        marginal = worth - np.float32(1 - relevance) * nearest - _CROWDED * (count >= most)
        best = marginal.argmax(axis=1)
        left = worth[rows, best] > _OUT / 2
        chosen[left, place] = best[left]
        taken = tuple(trait[rows, best][:, None] for trait in own)
        nearest = np.maximum(nearest, alike(own, taken))
        count += (own[0] == taken[0]) & (own[0] >= 0)
        worth[candidates == candidates[rows, best][:, None]] = _OUT
    return chosen


def within(ranked: Ints, traits: Traits) -> Floats:
    """How unlike the products of each list are, the mean over all pairs, 0 to 1; shape (people,)."""
    n = ranked.shape[1]
    own = tuple(trait[np.maximum(ranked, 0)] for trait in (traits.category, traits.brand, traits.band))
    known = ranked >= 0
    total, pairs = np.zeros(len(ranked), np.float32), np.zeros(len(ranked), np.float32)
    for one in range(n):
        for other in range(one + 1, n):
            both = known[:, one] & known[:, other]
            pairs += both
            total += both * (1 - alike(tuple(t[:, one] for t in own), tuple(t[:, other] for t in own)))
    return np.asarray(total / np.maximum(pairs, 1), dtype=np.float32)
