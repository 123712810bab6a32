"""EM finds the shares that made the data."""

import numpy as np
import pytest

from linkage import training
from linkage.comparisons import Comparison, Level


def _comparison(field: str, m: float, u: float) -> Comparison:
    return Comparison(field, "false", (Level("equal", "", m, u), Level("unlike", "true", 1 - m, 1 - u)))


@pytest.mark.parametrize("begin", [0.6, 0.99])
def test_em_finds_the_m_that_made_the_pairs(begin: float):
    rng = np.random.default_rng(4)
    true, u = {"a": 0.9, "b": 0.75, "c": 0.8}, {"a": 0.05, "b": 0.02, "c": 0.1}
    is_one = rng.random(60_000) < 0.3
    pairs = np.column_stack([np.where(rng.random(60_000) < np.where(is_one, true[k], u[k]), 0, 1) for k in true])
    pairs[rng.random(60_000) < 0.2, 1] = -1  # missing values teach nothing of their field
    patterns, counts = np.unique(pairs, axis=0, return_counts=True)
    begun = [_comparison(k, begin, u[k]) for k in true]
    found = training.maximised(begun, patterns, counts.astype(float), 0.5)
    assert [found[k, 0] for k in true] == pytest.approx(list(true.values()), abs=0.015)


def test_where_no_pair_can_be_of_one_person_nothing_is_learned():
    patterns, counts = np.array([[1, 1]]), np.array([1000.0])
    never = [_comparison(field, 1.0, 1e-9) for field in "ab"]
    assert not training.maximised(never, patterns, counts, 1e-15)
