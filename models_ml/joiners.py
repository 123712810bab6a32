"""Whether people who resembled a seed a fortnight ago came to it, or bought, more often than others did.

Who was held out from the seed's people then is ranked by a model of that moment; what became of them since is known.
"""

from typing import Any

import numpy as np
import polars as pl

from models_ml import resemblance
from models_ml.baseline import FREQUENCY, RECENCY
from models_ml.features import Labels, Matrix, labels
from models_ml.seeded import BOUGHT, JOINED

FEWEST = 50  # people of the seed then, for a model of then
_DRAWS, _BOUNDS = 2_000, (0.025, 0.975)
_NOT_YET = "nobody was known to be in the seed at a cut-off whose fortnight is over"
_TOO_FEW = f"fewer than {FEWEST} people were in the seed at the latest cut-off whose fortnight is over"


def figures(then: pl.DataFrame, names: tuple[str, ...]) -> dict[str, Any]:
    """What became of the people ranked highest then, beside everybody and those first by recency and frequency.

    Where it cannot be told, `unknown` says why.

    Args:
        then: one row a person, labelled, with `joined` and whether they bought.
        names: the features to go by.
    """
    if not then.height:
        return {"unknown": _NOT_YET}
    label = labels(then)
    most = resemblance.size(label)
    defining = resemblance.defining(then, names) if most >= FEWEST else names
    used = tuple(name for name in names if name not in defining)
    if not used or not resemblance.varying(then, used):
        return {"unknown": _TOO_FEW}
    told = resemblance.held_out(then, used, resemblance.sample(label))
    best = _first(told, ~label, most)
    usual = _first(plain(then), ~label, most) if {RECENCY, FREQUENCY} <= set(then.columns) else None
    outcomes = {"joined the seed": JOINED, "bought": BOUGHT}
    found = {
        words: _rates(then[name].to_numpy().astype(np.bool_), ~label, best, usual) for words, name in outcomes.items()
    }
    return {"cut-off": str(then["cutoff_at"][0]), "ranked highest": most, **found}


def plain(then: pl.DataFrame) -> Matrix:
    """Who bought last and most often, without a model: the sum of both ranks, shape (rows,)."""
    late = (-pl.col(RECENCY).cast(pl.Float64)).fill_nan(None).fill_null(float("-inf"))
    ranks = then.select(pl.col(FREQUENCY).rank() + late.rank()).to_series()
    return np.asarray(ranks.to_numpy(), dtype=np.float64)


def _first(score: Matrix, asked: Labels, most: int) -> Labels:
    """Those of the highest score among the people asked, shape (rows,)."""
    order = np.argsort(np.where(asked, -score, np.inf), kind="stable")[:most]
    found = np.zeros(len(score), dtype=np.bool_)
    found[order] = True
    return found


def _rates(came: Labels, asked: Labels, best: Labels, plain: Labels | None) -> dict[str, Any]:
    """Rates of the groups, and how much higher the first is than each other, with intervals of 95 %."""
    others = asked & ~best
    found: dict[str, Any] = {"alike": _rate(came, best), "others": _rate(came, others)}
    found["more than others"] = _gain(came, best, others, (best.sum(), others.sum()))
    if plain is not None:
        found["recency and frequency"] = _rate(came, plain)
        found["more than by recency and frequency"] = _gain(
            came, best & ~plain, plain & ~best, (best.sum(), plain.sum())
        )
    return found


def _rate(came: Labels, group: Labels) -> float:
    return round(float(came[group].mean()), 4)


def _gain(came: Labels, one: Labels, other: Labels, people: tuple[int, int]) -> list[float]:
    """What two groups without a common person add to the rates of so many people: the difference, and its bounds.

    For counts of yes and no, to draw people again is to draw from a binomial distribution.
    """
    rng = np.random.default_rng(resemblance.SEED)
    drawn = [_drawn(rng, came[group]) / max(of, 1) for group, of in zip((one, other), people, strict=True)]
    value = came[one].sum() / max(people[0], 1) - came[other].sum() / max(people[1], 1)
    return [round(float(x), 4) for x in (value, *np.quantile(drawn[0] - drawn[1], _BOUNDS))]


def _drawn(rng: np.random.Generator, came: Labels) -> Matrix:
    n = len(came)
    return rng.binomial(n, came.mean() if n else 0.0, _DRAWS).astype(np.float64)
