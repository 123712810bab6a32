"""m out of the records themselves, by expectation and maximisation (Dempster, Laird and Rubin 1977) over counts.

Pairs of one person agree on fields independently of each other, and so do pairs of two people: among pairs that agree
on a rule, the shares m under which both kinds explain best how often each combination of levels is seen, u being known.
"""

from collections.abc import Sequence

import duckdb
import numpy as np
import numpy.typing as npt

from linkage import blocks, rules
from linkage.comparisons import Comparison
from linkage.parameters import Model, Shares

_TINY = 1e-300
_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]


def taught(connection: duckdb.DuckDBPyConnection, model: Model, training: Sequence[str]) -> list[Shares]:
    """The m that each rule teaches; none of a rule with too few pairs, or with pairs of one kind only."""
    found = [_of_rule(connection, model, rule, at) for at, rule in enumerate(training)]
    return [shares for shares in found if shares]


def _of_rule(connection: duckdb.DuckDBPyConnection, model: Model, rule: str, at: int) -> Shares:
    """Give m by the pairs of `compared` that agree on a rule, of the fields which the rule does not name."""
    named = blocks.fields(rule)
    free = [one for one in model.comparisons if not named & one.columns()]
    if not free:
        return {}
    levels = ", ".join(f"level_{one.field}" for one in free)
    counted = connection.execute(
        f"select {levels}, count(*) from compared where rule_{at} group by {levels} order by {levels}"
    ).fetchall()
    if sum(row[-1] for row in counted) < rules.LEAST_STRICT_PAIRS:
        return {}
    rows = np.array(counted, dtype=np.int64)
    odds = model.prior / (1 - model.prior)
    for one in model.comparisons:
        if one.field in named:
            odds *= one.levels[0].m / one.levels[0].u
    return maximised(free, rows[:, :-1], rows[:, -1].astype(np.float64), odds / (1 + odds))


def maximised(comparisons: Sequence[Comparison], patterns: _Ints, counts: _Floats, share: float) -> Shares:
    """Give m of each level seen in `patterns`, u staying as it is; nothing where no pair is left of one kind.

    Args:
        comparisons: one a column of `patterns`, with the m and u to begin with.
        patterns: number of each field's level, a row a combination; -1 where missing.
        counts: how many pairs show the combination.
        share: of one person among the pairs, to begin with.
    """
    m = [np.array([level.m for level in one.levels]) for one in comparisons]
    u = [np.array([level.u for level in one.levels]) for one in comparisons]
    for _ in range(rules.EM_STEPS):
        probability = _expected(patterns, m, u, share) * counts
        before, m = m, [_shares(patterns[:, at], probability, len(one)) for at, one in enumerate(m)]
        was, share = share, float(probability.sum() / counts.sum())
        if probability.sum() < 1 or share >= 1:
            return {}
        change = max(*(float(abs(a - b).max()) for a, b in zip(m, before, strict=True)), abs(share - was))
        if change < rules.EM_CHANGE:
            break
    return {(one.field, at): float(x) for one, found in zip(comparisons, m, strict=True) for at, x in enumerate(found)}


def _expected(patterns: _Ints, m: list[_Floats], u: list[_Floats], share: float) -> _Floats:
    """The probability of one person, of each combination."""
    odds = np.full(len(patterns), np.log(share / (1 - share)))
    for at, (one, two) in enumerate(zip(m, u, strict=True)):
        known = np.append(np.log(np.maximum(one, _TINY) / np.maximum(two, _TINY)), 0.0)  # missing is the last
        odds += known[patterns[:, at]]
    probability: _Floats = 1 / (1 + np.exp(-np.clip(odds, -700, 700)))
    return probability


def _shares(levels: _Ints, weights: _Floats, count: int) -> _Floats:
    known = levels >= 0
    sums = np.bincount(levels[known], weights=weights[known], minlength=count)
    shares: _Floats = sums / max(sums.sum(), _TINY)
    return shares
