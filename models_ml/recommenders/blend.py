"""One ranking of several: each recommender as weights from product to product, added up as a later fortnight tells.

All of them are linear in what a person did: their sum is one sparse matrix, and to score millions is one product.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models_ml.recommenders import als, content, cooccurrence, ease, neighbours, popularity, ranking
from models_ml.recommenders.shop import Floats, Shop, Sparse

COLLABORATIVE, SESSIONS, CONTENT, POPULAR = "collaborative", "sessions", "content", "popularity"
K = 20
_STEPS = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0)
_ROUNDS = 2
Mix = dict[str, float]


@dataclass(frozen=True)
class Parameters:
    """What shapes the recommenders besides their data; part of the version's name."""

    regularisations: tuple[float, ...] = (10.0, 100.0, 1_000.0)
    most_for_ease: int = ease.MOST_ITEMS
    factors: int = 64
    als_regularisation: float = 0.05
    als_alpha: float = 5.0
    als_rounds: int = 10
    neighbours: int = neighbours.MOST
    seed: int = 1


@dataclass(frozen=True)
class Parts:
    """Recommenders by name, each with weights from product to product; and how popular each product is."""

    weights: Mapping[str, Sparse]
    popularity: Floats

    def total(self, mix: Mix) -> Sparse:
        """The recommenders as one, shape (products, products)."""
        n = len(self.popularity)
        return neighbours.total([(mix.get(name, 0.0), part) for name, part in self.weights.items()], (n, n))


def learn(shop: Shop, parameters: Parameters, regularisation: float) -> Parts:
    """Every recommender on all that the shop knows; popularity is of the interest left in each product."""
    history = shop.history()
    parts = {
        COLLABORATIVE: _collaborative(history, parameters, regularisation),
        SESSIONS: cooccurrence.fit(shop.together()),
        CONTENT: content.fit(shop.catalogue, parameters.neighbours),
    }
    return Parts(parts, popularity.overall(history))


def _collaborative(history: Sparse, parameters: Parameters, regularisation: float) -> Sparse:
    if history.shape[1] <= parameters.most_for_ease:
        return neighbours.strongest(ease.fit(ease.gram(history), regularisation), parameters.neighbours)
    _, products = als.fit(
        history,
        factors=parameters.factors,
        regularisation=parameters.als_regularisation,
        alpha=parameters.als_alpha,
        rounds=parameters.als_rounds,
        seed=parameters.seed,
    )
    return als.weights(products, parameters.als_regularisation, parameters.neighbours)


def relative(scores: Floats) -> Floats:
    """Each person's scores as a share of their best, in place; as they are where none is above 0."""
    best = scores.max(axis=1, keepdims=True, initial=0.0)
    np.divide(scores, best, out=scores, where=best > 0)
    return scores


def scores(history: Sparse, total: Sparse | Floats, popular: Floats, of_popularity: float) -> Floats:
    """How well each product fits each person, at most 1 from what they did, shape (people, products).

    Weights of few products are dense: then the product of both is several times as fast.
    """
    linear = history @ total
    found = relative(np.asarray(linear if isinstance(linear, np.ndarray) else linear.toarray(), dtype=np.float32))
    if of_popularity:
        found += np.float32(of_popularity) * popular
    return found


def tune(parts: Parts, history: Sparse, relevant: Sparse) -> tuple[Mix, float]:
    """The mix that ranks best what people turned to later, and its ndcg: one weight at a time, from the first alone.

    Args:
        parts: learnt on what `history` is of, and nothing later.
        history: what people did before, shape (people, products).
        relevant: what they turned to later and had not before, same shape.
    """
    apart = {name: (history @ part).toarray() for name, part in parts.weights.items()}
    # on one scale, so that equal weights weigh alike
    scale = {name: max(float(found.max(axis=1, initial=0.0).mean()), 1e-6) for name, found in apart.items()}
    seen = history.toarray() > 0
    mix = dict.fromkeys(parts.weights, 0.0) | {COLLABORATIVE: 1.0, POPULAR: 0.0}
    best = _judged(mix, apart, scale, parts.popularity, seen, relevant)
    for _ in range(_ROUNDS):
        for name in mix:
            for step in _STEPS:
                tried = mix | {name: step}
                if (
                    any(tried[one] for one in apart)
                    and (found := _judged(tried, apart, scale, parts.popularity, seen, relevant)) > best
                ):
                    mix, best = tried, found
    return {name: weight / scale.get(name, 1.0) for name, weight in mix.items()}, best


def _judged(
    mix: Mix, apart: Mapping[str, Floats], scale: Mix, popular: Floats, seen: np.ndarray, relevant: Sparse
) -> float:
    linear = sum((np.float32(mix[name] / scale[name]) * found for name, found in apart.items() if mix[name]), 0.0)
    found = relative(np.array(linear, dtype=np.float32)) + np.float32(mix[POPULAR]) * popular
    found[seen] = -np.inf
    hit = ranking.hits(ranking.top(found, K), relevant)
    return round(float(ranking.ndcg(hit, relevant, K).mean()), 6)
