"""How good the recommenders are, told honestly: on a later fortnight, over all products, beside popularity.

Each part is learnt on what was known before the fortnight that it is judged on. Beside it stands a random split, which
flatters: what people did later tells of what was held out.
"""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from scipy import sparse

from models_ml.recommenders import blend, ranking
from models_ml.recommenders.blend import Mix, Parameters, Parts
from models_ml.recommenders.diversity import Traits, spread, within
from models_ml.recommenders.shop import LEARNT, TESTED, TUNED, Floats, Ints, Shop, Sparse, drawn

K, OF_COVERAGE, CANDIDATES = 20, 10, 60
MOST_PEOPLE, CELLS = 5_000, 20_000_000
RELEVANCES = (1.0, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5)
LEAST_DIVERSITY = 0.5
ONE_OF = 5
SEED = 1


@dataclass(frozen=True)
class Case:
    """People to judge by: what they had done, and what they turned to after that; shapes (people, products)."""

    history: Sparse
    relevant: Sparse
    numbers: Ints

    def __post_init__(self) -> None:
        """Refuse a case that tells beforehand what is asked.

        Raises:
            ValueError: something that people turned to stands in their history.
        """
        both = self.history.astype(bool).multiply(self.relevant.astype(bool)).nnz
        if both:
            raise ValueError(f"{both} products to be found stand in the histories they are to be found from")


@dataclass(frozen=True)
class Tuned:
    """What was chosen on the second last fortnight: how, and how well it ranked there."""

    regularisation: float
    mix: Mix
    relevance: float
    ndcg: float


def case(shop: Shop, period: int) -> Case:
    """Who did something before a period and turned to something new in it; of many people a sample, always the same."""
    history = shop.until(period - 1).history()
    later = replace(shop, interactions=shop.interactions.filter(pl.col("period") == period)).history()
    return _sampled(history, _without(later, history))


def at_random(shop: Shop) -> tuple[Shop, Case]:
    """The shop without a fifth of what people did, drawn by chance, and the case of that fifth."""
    people, products = (
        shop.interactions[f"{name}_number"].to_numpy().astype(np.uint64) for name in ("shopper", "product")
    )
    held = pl.Series(drawn(people << np.uint64(32) | products) % ONE_OF == 0)
    kept, out = (replace(shop, interactions=shop.interactions.filter(rows)) for rows in (~held, held))
    return kept, _sampled(kept.history(), out.history())


def tuned(shop: Shop, parameters: Parameters) -> Tuned:
    """Regularisation, mix and diversity, on the second last fortnight, of what was learnt before it."""
    before, found = shop.until(LEARNT), case(shop, TUNED)
    tried = []
    for regularisation in parameters.regularisations:
        parts = blend.learn(before, parameters, regularisation)
        mix, ndcg = blend.tune(parts, found.history, found.relevant)
        tried.append((ndcg, -regularisation, regularisation, mix, parts))
        if shop.shape[1] > parameters.most_for_ease:
            break  # ALS has its own
    ndcg, _, regularisation, mix, parts = max(tried, key=lambda one: one[:2])
    scores = scored(parts, mix, found.history)
    traits = Traits.of(shop.catalogue)
    relevance = next((r for r in RELEVANCES if _diversity(scores, traits, r) >= LEAST_DIVERSITY), RELEVANCES[-1])
    return Tuned(regularisation, mix, relevance, ndcg)


def judge(shop: Shop, parameters: Parameters, chosen: Tuned) -> tuple[dict[str, object], dict[str, ranking.Figures]]:
    """Figures of the last fortnight, and each person's ndcg by who ranks."""
    found = case(shop, TESTED)
    parts = blend.learn(shop.until(TUNED), parameters, chosen.regularisation)
    figures, ndcg = _figures(parts, chosen, found, Traits.of(shop.catalogue))
    kept, drawn = at_random(shop)
    flattered, _ = _figures(
        blend.learn(kept, parameters, chosen.regularisation), chosen, drawn, Traits.of(shop.catalogue)
    )
    gain = ndcg["lists"] - ndcg["popularity"]
    low, high = ranking.interval(gain, SEED)
    verdict = "better" if low > 0 else "worse" if high < 0 else "a tie"
    beside = {"ndcg_at_20_gain": round(float(gain.mean()), 4), "low": round(low, 4), "high": round(high, 4)}
    return {
        **figures,
        "lists_beside_popularity": {**beside, "verdict": verdict},
        "random_split_which_flatters": flattered["lists"],
        "people": {"tuned_and_judged_by": int(found.history.shape[0])},
    }, ndcg


def scored(parts: Parts, mix: Mix, history: Sparse) -> Floats:
    """The blend's scores with what was seen masked, shape (people, products)."""
    found = blend.scores(history, parts.total(mix), parts.popularity, mix[blend.POPULAR])
    return masked(found, history)


def masked(scores: Floats, history: Sparse) -> Floats:
    """The scores, not finite where the person did something with the product before."""
    return np.where(history.toarray() > 0, -np.inf, scores).astype(np.float32)


def listed(scores: Floats, traits: Traits, relevance: float, n: int) -> Ints:
    """Lists as they are shown: the best candidates, spread; shape (people, n)."""
    candidates = ranking.top(scores, CANDIDATES)
    values = np.take_along_axis(scores, candidates, axis=1)
    best = np.maximum(np.max(values, axis=1, keepdims=True), 1e-9)
    places = spread(
        candidates, np.where(np.isfinite(values), np.clip(values / best, 1e-3, 1), -np.inf), traits, n, relevance
    )
    return np.where(places >= 0, np.take_along_axis(candidates, np.maximum(places, 0), axis=1), -1)


def gained(found: Case, scores: Floats, traits: Traits, relevance: float) -> ranking.Figures:
    """Each person's ndcg by the lists made of these scores, shape (people,)."""
    hit = ranking.hits(listed(scores, traits, relevance, K), found.relevant)
    return ranking.ndcg(hit, found.relevant, K)


def _figures(
    parts: Parts, chosen: Tuned, found: Case, traits: Traits
) -> tuple[dict[str, object], dict[str, ranking.Figures]]:
    """Figures of each ranking of one case, and each person's ndcg."""
    alone = {
        name: ranking.top(masked((found.history @ part).toarray(), found.history), K)
        for name, part in parts.weights.items()
    }
    scores = scored(parts, chosen.mix, found.history)
    popular = masked(np.broadcast_to(parts.popularity, scores.shape), found.history)
    rankings = {
        "lists": listed(scores, traits, chosen.relevance, K),
        "blend": ranking.top(scores, K),
        "popularity": ranking.top(popular, K),
        **alone,
    }
    figures: dict[str, object] = {}
    ndcg = {}
    for name, ranked in rankings.items():
        hit = ranking.hits(ranked, found.relevant)
        ndcg[name] = ranking.ndcg(hit, found.relevant, K)
        figures[name] = {
            "recall_at_20": round(float(ranking.recall(hit, found.relevant, K).mean()), 4),
            "ndcg_at_20": round(float(ndcg[name].mean()), 4),
            "coverage_at_10": round(ranking.coverage(ranked, OF_COVERAGE, scores.shape[1]), 4),
            "diversity_at_10": round(float(within(ranked[:, :OF_COVERAGE], traits).mean()), 4),
        }
    return figures, ndcg


def _diversity(scores: Floats, traits: Traits, relevance: float) -> float:
    return float(within(listed(scores, traits, relevance, OF_COVERAGE), traits).mean())


def _without(later: Sparse, history: Sparse) -> Sparse:
    """What people turned to that they had not before."""
    new = sparse.csr_array(later - later.multiply(history.astype(bool)))
    new.eliminate_zeros()
    return new


def _sampled(history: Sparse, relevant: Sparse) -> Case:
    who = np.flatnonzero((np.diff(history.indptr) > 0) & (np.diff(relevant.indptr) > 0))
    most = max(1, min(MOST_PEOPLE, CELLS // max(history.shape[1], 1)))
    if len(who) > most:
        who = np.sort(np.random.default_rng(SEED).choice(who, most, replace=False))
    return Case(history[who], relevant[who], who)
