"""The card of a look-alike model: what it goes by and what not, how well it tells, and what became of those found."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from models_ml import artifacts, cards, evaluation, joiners, resemblance
from models_ml.baseline import FREQUENCY, RECENCY
from models_ml.cards import Card
from models_ml.compare import MOST_ROWS
from models_ml.features import Labels, Matrix, digest, labels
from models_ml.resemblance import Fit, Sample
from models_ml.seeded import Seeded
from warehouse.lookalikes import Lookalike

WHY = (
    "Logistic regression: beside trees it found as many who joined the seed later, more evenly from seed to seed, "
    "and it costs a sum of products."
)
_DRAWS, _BOUNDS = 200, (0.025, 0.975)
_LIMITS = [
    "How alike, not how likely: the probability is that of being in the seed already, of somebody who is not.",
    "The seed's people are those of the last published version; who has joined since is learnt as one of the others.",
    "What was left out as defining may still be guessed from what goes with it.",
    "Says nothing about what a message would change; not to be used for prices, credit, or anything of legal effect.",
]


def files(card: Card) -> artifacts.Files:
    """The card for machines and for readers."""
    return {"card.json": artifacts.dump(card), "card.md": cards.markdown(card).encode()}


def card(
    stated: Lookalike,
    rows: Seeded,
    used: tuple[str, ...],
    fitted: Fit,
    some: Sample,
    parameters: Mapping[str, object],
) -> Card:
    """The card of a model that was fitted on these rows by these features."""
    label = labels(rows.people)
    left_out = resemblance.defining(rows.people, rows.names)
    told = resemblance.held_out(rows.people, used, some)
    return {
        "model": stated.model,
        "what": f"How much a person who is not in the segment {stated.seed} resembles those who are.",
        "why": WHY,
        "data": {
            "people": rows.people.height,
            "in the seed": int(label.sum()),
            "high at most": resemblance.size(label),
            "sha256": digest(rows.people, rows.names),
        },
        "metrics": {
            "held out": _figures(label, told, some),
            **_plain(rows, left_out, label),
            "since then": joiners.figures(rows.then, rows.names),
        },
        "left out": {name: f"alone tells the seed's people by a ROC-AUC of {area}" for name, area in left_out.items()}
        | dict.fromkeys(stated.without, "by the sidecar's word"),
        "weights": {name: round(weight, 4) for name, weight in zip(fitted.space.names, fitted.weights, strict=True)},
        "parameters": dict(parameters),
        "software": {"scikit-learn": version("scikit-learn")},
        "limits": _LIMITS,
    }


def _figures(label: Labels, told: Matrix, some: Sample) -> dict[str, float]:
    """Figures of people held out, with intervals of 95 %: people are drawn again by what each stands for."""
    rng, share = np.random.default_rng(resemblance.SEED), some.weight / some.weight.sum()
    is_in, probability = label[some.rows], told[some.rows]
    rows = min(len(is_in), MOST_ROWS)
    drawn = np.array([_ranks(is_in, probability, rng.choice(len(share), rows, p=share)) for _ in range(_DRAWS)])
    low, high = np.nanquantile(drawn, _BOUNDS, axis=0).round(4).tolist()
    every = evaluation.metrics(label, told)
    return every | {
        "roc_auc_low": low[0],
        "roc_auc_high": high[0],
        "average_precision_low": low[1],
        "average_precision_high": high[1],
    }


def _ranks(label: Labels, probability: Matrix, chosen: np.ndarray[Any, Any]) -> tuple[float, float]:
    is_in, told = label[chosen], probability[chosen]
    if is_in.all() or not is_in.any():
        return float("nan"), float("nan")
    return float(roc_auc_score(is_in, told)), float(average_precision_score(is_in, told))


def _plain(rows: Seeded, left_out: Mapping[str, float], label: Labels) -> dict[str, object]:
    """What recency and frequency tell by themselves, where neither defines the seed."""
    if {RECENCY, FREQUENCY} & set(left_out) or not {RECENCY, FREQUENCY} <= set(rows.names):
        return {}
    score = joiners.plain(rows.people)
    found = {"roc_auc": roc_auc_score(label, score), "average_precision": average_precision_score(label, score)}
    return {"recency and frequency": {name: round(float(value), 4) for name, value in found.items()}}
