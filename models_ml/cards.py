"""Model cards: what a model is, what it was fitted on, how good it is, and where it must not be trusted.

A card is made of the same data as the model and carries no clock, so that it too is the same bytes
for the same input.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version

import polars as pl

from models_ml.features import LABEL, Split, digest
from warehouse.cutoffs import HORIZON

Card = dict[str, object]
WHY = "Gradient-boosted trees: with 500 people and more to learn from they find what no formula states beforehand."
_PROPENSITY_LIMITS = [
    "The figures hold for one fortnight of one shop; a sale, a holiday or a change in tracking moves them.",
    "Probabilities are of what happens anyhow: they say nothing about what a message would change.",
    "Customers without any history get nearly the same probability.",
    "Not to be used for prices, credit, or anything with legal effect on a person.",
]
_CLUSTER_LIMITS = [
    "K-Means finds round groups of similar width; a person near an edge may change group from run to run.",
    "A persona's name states what sets the group apart most, not what holds for each of its members.",
    "A new fit may draw other groups: compare personas by name and card, not by number.",
]


@dataclass(frozen=True)
class Told:
    """What a card tells beside its data: figures, shares of gain, shares of what moves the margin, groups."""

    metrics: Mapping[str, object]
    gains: Mapping[str, float]
    moves: Mapping[str, float]
    groups: Mapping[str, object]


def propensity(split: Split, parameters: Mapping[str, object], told: Told) -> Card:
    """The card of a propensity model; features are told with their share of the total gain."""
    return {
        "model": split.target.name,
        "what": split.target.what,
        "why": WHY,
        "data": {
            **{part: _part(getattr(split, part), split) for part in ("train", "calibrate", "test")},
            "labels_known_until": str(_known_until(split)),
        },
        "metrics": dict(told.metrics),
        "features": dict(told.gains),
        "what moves the score": dict(told.moves),
        "groups": dict(told.groups),
        "parameters": dict(parameters),
        "software": {name: version(name) for name in ("lightgbm", "scikit-learn")},
        "limits": _PROPENSITY_LIMITS,
    }


def clusters(
    rows: int, metrics: Mapping[str, object], parameters: Mapping[str, object], personas: list[dict[str, object]]
) -> Card:
    """The card of a clustering; `personas` states each group's name, share and what sets it apart."""
    return {
        "model": "clusters",
        "what": "Groups of customers who behave alike, found by K-Means.",
        "data": {"scored cut-off": {"rows": rows}},
        "metrics": dict(metrics),
        "personas": {str(p["persona"]): f"{p['share']:.1%} of all; {_inline(p['sets_apart'])}" for p in personas},
        "parameters": dict(parameters),
        "software": {"scikit-learn": version("scikit-learn")},
        "limits": _CLUSTER_LIMITS,
    }


def markdown(card: Card) -> str:
    """The same card for a reader."""
    lines = [f"# Model card: {card['model']}", "", str(card["what"]), ""]
    lines += [str(card["why"]), ""] if "why" in card else []
    sections = [name for name, value in card.items() if isinstance(value, Mapping)]
    for title in sections:
        lines += [f"## {title.capitalize()}", "", *_bullets(card[title]), ""]
    limits = card["limits"]
    return "\n".join([*lines, "## Limits", "", *(f"- {limit}" for limit in limits), ""])  # type: ignore[attr-defined]


def _bullets(value: object) -> list[str]:
    if not isinstance(value, Mapping):
        return [f"- {value}"]
    return [f"- {name}: {_inline(inner)}" for name, inner in sorted(value.items(), key=_largest_first)]


def _largest_first(item: tuple[str, object]) -> tuple[float, str]:
    return (-item[1] if isinstance(item[1], float) else 0.0, item[0])


def _inline(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_inline(inner)}" for name, inner in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _part(frame: pl.DataFrame, split: Split) -> Card:
    return {
        "rows": frame.height,
        split.target.kind: int(frame[LABEL].sum()),
        "cutoffs": [str(moment) for moment in frame["cutoff_at"].unique().sort()],
        "sha256": digest(frame, split.names),
    }


def _known_until(split: Split) -> datetime:
    """The end of the last label that the model has learnt from: to be judged on earlier ones would flatter it."""
    latest = split.calibrate["cutoff_at"].max()
    assert isinstance(latest, datetime)
    return latest + HORIZON
