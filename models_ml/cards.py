"""Model cards: what a model is, what it was fitted on, how good it is, and where it must not be trusted.

A card is made of the same data as the model and carries no clock, so that it too is the same bytes
for the same input.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import version

import polars as pl

from models_ml.features import LABEL, Split, digest
from warehouse.cutoffs import HORIZON

Card = dict[str, object]
_PROPENSITY_LIMITS = [
    "The figures hold for one fortnight of one shop; a sale, a holiday or a change in tracking moves them.",
    "Probabilities are of what happens anyhow: they say nothing about what a message would change.",
    "Customers without any history get nearly the same probability.",
    "Not to be used for prices, credit, or anything with legal effect on a person.",
]
_CLUSTER_LIMITS = [
    "Groups are round or, by density, chains of round ones; a person near an edge may change group from run to run.",
    "A persona's name states what sets the group apart most, not what holds for each of its members.",
    "A number and its name go on in the next model where at least a third of the people in either are in both.",
    "That groups are stable and apart does not say that they are of use.",
]


def propensity(
    split: Split, parameters: Mapping[str, object], gains: Mapping[str, float], metrics: Mapping[str, object]
) -> Card:
    """The card of a propensity model; `gains` are shares of the total gain by feature."""
    return {
        "model": split.target.name,
        "what": split.target.what,
        "data": {
            **{part: _part(getattr(split, part), split) for part in ("train", "calibrate", "test")},
            "labels_known_until": str(_known_until(split)),
        },
        "metrics": dict(metrics),
        "features": dict(gains),
        "parameters": dict(parameters),
        "software": {name: version(name) for name in ("lightgbm", "scikit-learn")},
        "limits": _PROPENSITY_LIMITS,
    }


def clusters(
    data: Mapping[str, int],
    metrics: Mapping[str, object],
    tried: Sequence[Mapping[str, object]],
    parameters: Mapping[str, object],
    personas: Sequence[Mapping[str, object]],
    former: Mapping[str, object],
) -> Card:
    """The card of a clustering; `personas` states each group's name and what sets it apart, `former` what goes on."""
    return {
        "model": "clusters",
        "what": "Groups of customers who behave alike.",
        "data": {"scored cut-off": dict(data)},
        "metrics": dict(metrics),
        "numbers tried": {f"{one['number']} groups": dict(one) for one in tried},
        "personas": {f"{one['cluster']} {one['persona']}": _persona(one) for one in personas},
        "former model": dict(former),
        "parameters": dict(parameters),
        "software": {"scikit-learn": version("scikit-learn")},
        "limits": _CLUSTER_LIMITS,
    }


def _persona(one: Mapping[str, object]) -> str:
    if one["share"] is None:
        return str(one["sentence"])
    return f"{one['share']:.1%} of all. {one['sentence']} ({_inline(one['sets_apart'])})"


def markdown(card: Card) -> str:
    """The same card for a reader."""
    lines = [f"# Model card: {card['model']}", "", str(card["what"]), ""]
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
