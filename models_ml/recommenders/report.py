"""What a card says of recommendations: figures, what was learnt from, whether a few products or groups get it all."""

from collections.abc import Mapping
from importlib.metadata import version

import numpy as np
import polars as pl

from models_ml.recommenders.judging import LEAST_DIVERSITY, Tuned
from models_ml.recommenders.lists import Ranker
from models_ml.recommenders.shop import Flags, Floats, Ints, Shop
from models_ml.recommenders.strategies import BY_HISTORY, FALLBACKS, NONE

Card = dict[str, object]
HEAD, PEOPLE, FEWEST = 0.1, 20_000, 100
_LIMITS = [
    "The figures hold for one fortnight of one shop, and for people who had done something before it.",
    "Whoever turned to a product may have been shown it: what is popular looks better than it is.",
    "They say whether lists hold what people turn to by themselves, not whether showing it sells more.",
    "A product that is new since the model was learnt is not recommended until it is learnt again.",
    "After it was judged the model is learnt again with the last fortnight: the figures are of one learnt without it.",
]


def card(
    shop: Shop, figures: Mapping[str, object], chosen: Tuned, audited: Card, parameters: Mapping[str, object]
) -> Card:
    """The card of a model, by what was measured of it."""
    people = shop.interactions["shopper_number"].n_unique()
    return {
        "model": "recommendations",
        "what": "Ten products for each person: what suits them, spread over categories, else what is popular.",
        "data": {
            "people": shop.shape[0],
            "people_with_interactions": people,
            "products": shop.shape[1],
            "products_on_sale": int(shop.available().sum()),
            "interactions": shop.interactions.height,
        },
        "metrics": dict(figures),
        "tuned": {
            "regularisation": chosen.regularisation,
            "mix": {name: round(weight, 4) for name, weight in chosen.mix.items()},
            "relevance_beside_difference": chosen.relevance,
            "least_diversity": LEAST_DIVERSITY,
            "ndcg_at_20": chosen.ndcg,
        },
        "popularity_and_fairness": audited,
        "strategies": {one.name: f"{one.who}: {one.how}" for one in (*BY_HISTORY, *FALLBACKS)},
        "parameters": dict(parameters),
        "software": {name: version(name) for name in ("implicit", "numpy", "scipy")},
        "limits": _LIMITS,
    }


def audit(ranker: Ranker) -> Card:
    """How lists spread over products and over groups of people.

    The head are the tenth of the products that are most popular. Groups of fewer people than `FEWEST` are left out.
    """
    products = np.concatenate([found.products for _, found in ranker.blocks()])
    told = len(products)
    head = _head(ranker.model.popularity)
    on_sale = int(ranker.shop.available().sum())
    shoppers = ranker.shop.shoppers
    return {
        "people_looked_at": told,
        "people_with_a_full_list": _rounded((products >= 0).all(axis=1).mean() if told else 0.0),
        "products_recommended": _rounded(len(np.unique(products[products >= 0])) / max(on_sale, 1)),
        "gini_of_products": _rounded(
            gini(np.bincount(products[products >= 0], minlength=len(head))[ranker.shop.available()])
        ),
        "share_of_the_head": _rounded(_share(products, head)),
        "strategies": _strategies(ranker.strategy),
        "share_of_the_head_by_state": _by(shoppers["state"], products, head),
        "share_of_the_head_by_region": _by(shoppers["region"], products, head),
    }


def gini(counts: Ints) -> float:
    """How unevenly counts are spread: 0 all alike, near 1 all on one."""
    ordered = np.sort(counts).astype(np.float64)
    if not ordered.sum():
        return 0.0
    places = np.arange(1, len(ordered) + 1)
    return float((2 * places - len(ordered) - 1) @ ordered / (len(ordered) * ordered.sum()))


def _head(popularity: Floats) -> Flags:
    found = np.zeros(len(popularity), dtype=np.bool_)
    found[np.argsort(-popularity, kind="stable")[: max(1, round(HEAD * len(popularity)))]] = True
    return found


def _share(products: Ints, head: Flags) -> float:
    there = products >= 0
    return float((head[np.maximum(products, 0)] & there).sum() / max(int(there.sum()), 1))


def _by(groups: pl.Series, products: Ints, head: Flags) -> dict[str, float]:
    counted = groups.drop_nulls().value_counts().filter(pl.col("count") >= FEWEST)[groups.name].sort()
    return {
        name: _rounded(_share(products[(groups == name).fill_null(value=False).to_numpy()], head)) for name in counted
    }


def _strategies(found: Ints) -> dict[str, float]:
    names = {place: one.name for place, one in enumerate(BY_HISTORY)} | {NONE: "without_history"}
    return {name: _rounded(float((found == place).mean())) for place, name in names.items()} if len(found) else {}


def _rounded(value: float) -> float:
    return round(float(value), 4)
