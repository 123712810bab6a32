"""Recommendations: for everybody known the products that suit them, and how each was found.

`fit` learns weights from product to product; `predict` needs no more than these and what people did since.
"""

import io
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import polars as pl
from scipy import sparse
from threadpoolctl import threadpool_limits

from models_ml import artifacts, cards
from models_ml.recommenders import blend, judging, neighbours, popularity, report, shop
from models_ml.recommenders.blend import CONTENT, POPULAR, SESSIONS, Parameters
from models_ml.recommenders.diversity import Traits
from models_ml.recommenders.judging import Tuned
from models_ml.recommenders.lists import OF_HISTORY, Lists, Model, N, Ranker
from models_ml.recommenders.ranking import Figures
from models_ml.recommenders.shop import TESTED, TUNED, Shop
from models_ml.recommenders.strategies import ALIKE, BY_HISTORY, NAMES, PERSONAL, TOGETHER

MODEL = "recommendations"
PARAMETERS = Parameters()
AT_LEAST, AT_LEAST_JUDGES = 500, 100
SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "customer_id": pl.String,
    "rank": pl.Int32,
    "product_id": pl.String,
    "score": pl.Float64,
    "strategy": pl.String,
    "model_version": pl.String,
}
_PARTS = ("data", "indices", "indptr")  # of a sparse matrix, as scipy takes them


def lacking(found: Shop | None) -> str | None:
    """Why there is too little to learn from or to judge by; None where there is enough."""
    if found is None:
        return shop.NONE_EXPORTED
    sampled, people = found.sampled(), found.interactions["shopper_number"].n_unique()
    if people < AT_LEAST:
        return f"{people} people did anything with a product; at least {AT_LEAST} are needed"
    on_sale = int(found.available().sum())
    if on_sale <= N:
        return f"{on_sale} products are on sale; more than {N} are needed"
    for period, name in ((TUNED, "second last"), (TESTED, "last")):
        judges = judging.case(sampled, period).history.shape[0]
        if judges < AT_LEAST_JUDGES:
            few = f"{judges} people turned to something new in the {name} fortnight"
            return f"{few}; at least {AT_LEAST_JUDGES} are needed"
    return None


def fit(found: Shop) -> artifacts.Files:
    """Tune, judge and learn; return the artifact's files. Same shop, same bytes.

    What was judged was learnt without the last fortnight; what recommends is learnt again with it.
    """
    # one thread: threads would add up in an order of their own, and the last digits would differ
    with threadpool_limits(1):
        every = shop.narrowed(found, shop.worth_knowing(found))
        known = every.sampled()
        chosen = judging.tuned(known, PARAMETERS)
        figures, _ = judging.judge(known, PARAMETERS, chosen)
        model = _model(known, chosen)
        card = report.card(
            every, figures, chosen, report.audit(Ranker(model, every.first(report.PEOPLE))), asdict(PARAMETERS)
        )
    return {**_files(model, chosen), "card.json": artifacts.dump(card), "card.md": cards.markdown(card).encode()}


def predict(files: artifacts.Files, found: Shop, version: str) -> Iterator[pl.DataFrame]:
    """Rows of `scores.recommendations` of everybody in the shop, some thousands of people at a time, ordered by id."""
    model = load(files)
    ranker = Ranker(model, shop.narrowed(found, model.product_ids))
    with threadpool_limits(1):
        for rows, lists in ranker.blocks():
            yield _rows(ranker, rows, lists, version)


def version(found: Shop) -> str:
    """The name of what would be fitted: by all that goes in."""
    return artifacts.version(MODEL, json.dumps(asdict(PARAMETERS)), found.digest())


def compared(champion: artifacts.Files, challenger: artifacts.Files, found: Shop) -> Figures:
    """How much more the challenger's lists give each person than the champion's in the last fortnight.

    The challenger is learnt again without that fortnight, as it was tuned; the champion stands as it is, so that what
    it may have learnt of the fortnight favours it.
    """
    old = load(champion).with_products(shop.worth_knowing(found))
    known = shop.narrowed(found, old.product_ids).sampled()
    case, traits = judging.case(known, TESTED), Traits.of(known.catalogue)
    chosen = Tuned(**json.loads(challenger["model.json"])["tuned"])
    with threadpool_limits(1):
        parts = blend.learn(known.until(TUNED), PARAMETERS, chosen.regularisation)
        new = judging.scored(parts, chosen.mix, case.history)
        before = blend.scores(case.history, old.weights[PERSONAL], old.popularity, old.of_popularity)
        ndcg = [
            judging.gained(case, scores, traits, relevance)
            for scores, relevance in (
                (judging.masked(before, case.history), old.relevance),
                (new, chosen.relevance),
            )
        ]
    return np.asarray(ndcg[1] - ndcg[0])


def warnings(metrics: dict[str, Any]) -> tuple[str, ...]:
    """What a reader of the figures should look into."""
    beside = metrics["lists_beside_popularity"]
    if beside["verdict"] == "better":
        return ()
    return (f"the lists are {beside['verdict']} beside popularity: {beside['ndcg_at_20_gain']} of ndcg@20",)


def load(files: artifacts.Files) -> Model:
    """The model that an artifact's files hold."""
    told = json.loads(files["model.json"])
    n = len(told["product_ids"])
    weights = {
        name: sparse.csr_array(tuple(_array(files[f"{name}.{part}.npy"]) for part in _PARTS), shape=(n, n))
        for name in (PERSONAL, TOGETHER, ALIKE)
    }
    regional = dict(zip(told["regions"], _array(files["regional.npy"]), strict=True))
    popular = _array(files["popularity.npy"])
    return Model(told["product_ids"], weights, popular, regional, told["of_popularity"], told["relevance"])


def _model(known: Shop, chosen: Tuned) -> Model:
    parts = blend.learn(known, PARAMETERS, chosen.regularisation)
    n = known.shape[1]
    weights = {
        PERSONAL: parts.total(chosen.mix),
        TOGETHER: parts.weights[SESSIONS],
        ALIKE: neighbours.total([(1.0, parts.weights[name]) for name in (SESSIONS, CONTENT)], (n, n)),
    }
    return Model(
        known.catalogue["product_id"].to_list(),
        {name: neighbours.pruned(found, PARAMETERS.neighbours) for name, found in weights.items()},
        parts.popularity,
        popularity.by_group(known.history(), known.shoppers["region"]),
        chosen.mix[POPULAR],
        chosen.relevance,
    )


def _files(model: Model, chosen: Tuned) -> artifacts.Files:
    told = {
        "product_ids": model.product_ids,
        "regions": list(model.regional),
        "of_popularity": model.of_popularity,
        "relevance": model.relevance,
        "tuned": asdict(chosen),
    }
    n = len(model.product_ids)
    regional = np.vstack([np.zeros((0, n), np.float32), *model.regional.values()])
    arrays = {"popularity.npy": model.popularity, "regional.npy": regional}
    for name, found in model.weights.items():
        arrays |= {f"{name}.{part}.npy": getattr(found, part) for part in _PARTS}
    return {"model.json": artifacts.dump(told), **{name: _bytes(values) for name, values in arrays.items()}}


def _rows(ranker: Ranker, rows: slice, lists: Lists, version: str) -> pl.DataFrame:
    people, places = np.nonzero(lists.products >= 0)
    tiers = lists.tiers[people, places]
    fallback = len(BY_HISTORY) + np.clip(2 - tiers, 0, 2)
    strategies = np.where(tiers == OF_HISTORY, ranker.strategy[rows][people], fallback)
    return pl.DataFrame(
        {
            "customer_id": ranker.shop.shoppers["customer_id"][rows].gather(people),
            "rank": places + 1,
            "product_id": ranker.shop.catalogue["product_id"].gather(lists.products[people, places]),
            "score": lists.scores[people, places].round(6),
            "strategy": pl.Series(NAMES).gather(strategies),
            "model_version": pl.repeat(version, len(people), eager=True),
        }
    ).select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())


def _array(content: bytes) -> Any:
    return np.load(io.BytesIO(content), allow_pickle=False)


def _bytes(values: Any) -> bytes:
    written = io.BytesIO()
    np.save(written, values, allow_pickle=False)
    return written.getvalue()
