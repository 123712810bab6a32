"""Model cards: what a model is, what it was fitted on, how good it is, and where it must not be trusted.

A card is made of the same data as the model and carries no clock, so that it too is the same bytes
for the same input.
"""

from collections.abc import Mapping, Sequence
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
    "What an order is worth is drawn from past amounts, by how many there were; it is revenue, not margin.",
    "Not to be used for prices, credit, or anything with legal effect on a person.",
]
_CLUSTER_LIMITS = [
    "Groups are round or, by density, chains of round ones; a person near an edge may change group from run to run.",
    "A persona's name states what sets the group apart most, not what holds for each of its members.",
    "A number and its name go on in the next model where at least a third of the people in either are in both.",
    "That groups are stable and apart does not say that they are of use.",
]
_LIFETIME_LIMITS = [
    "Where the shop has been known for less than a year, the figure is of a time longer than any that was seen.",
    "The interval says what is open about a person, not whether next year is like this one, nor how sure the model is.",
    "Revenue, not margin; nothing is discounted.",
    "Not to be used for prices, credit, or anything with legal effect on a person.",
]
_PURCHASE_LIMITS = [
    "With less than two years of orders the season cannot be told from growth: the level is that of the past windows.",
    "Order days are counted, not orders; people who never ordered have no history to go by.",
    "Not to be used for prices, credit, or anything with legal effect on a person.",
]


@dataclass(frozen=True)
class Told:
    """What a card tells beside its data: figures, their intervals, shares of gain and of the margin, groups, tiers."""

    metrics: Mapping[str, object]
    intervals: Mapping[str, object]
    gains: Mapping[str, float]
    moves: Mapping[str, float]
    groups: Mapping[str, object]
    tiers: Mapping[str, object]


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
        "95 % intervals": dict(told.intervals),
        "features": dict(told.gains),
        "what moves the score": dict(told.moves),
        "groups": dict(told.groups),
        "tiers": dict(told.tiers),
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


def purchases(rows: int, model: Mapping[str, object], backtests: list[dict[str, float]], why_alone: str | None) -> Card:
    """The card of a purchase model; `why_alone` says why Pareto/NBD stands without LightGBM, None where it does not."""
    chosen = "Pareto/NBD" if why_alone else "Pareto/NBD, corrected by LightGBM"
    return {
        "model": "purchases",
        "what": f"Orders expected of a customer, and the probability of any, by {chosen}.",
        "data": {"people": rows, "past windows": len(backtests)},
        "chosen": {"model": chosen, "why": why_alone or "enough people in past windows that are over"},
        "metrics": {f"Pareto/NBD in past window {at + 1}": one for at, one in enumerate(backtests)},
        "parameters": {name: value for name, value in model.items() if name != "names"},
        "software": {name: version(name) for name in ("lightgbm", "scipy")},
        "limits": _PURCHASE_LIMITS,
    }


def lifetime(data: Mapping[str, object], orders: Mapping[str, object], amounts: Mapping[str, float]) -> Card:
    """The card of lifetime value; `orders` is the card of the purchase model, `amounts` parameters of gamma-gamma."""
    return {
        "model": "lifetime",
        "what": "What a customer will bring in the next year, with an interval that four in five are in.",
        "data": dict(data),
        "chosen": orders["chosen"],
        "metrics": dict(data),
        "parameters": {"orders": orders["parameters"], "amounts": dict(amounts)},
        "software": orders["software"],
        "limits": _LIFETIME_LIMITS,
    }


def _persona(one: Mapping[str, object]) -> str:
    if one["share"] is None:
        return str(one["sentence"])
    return f"{one['share']:.1%} of all. {one['sentence']} ({_inline(one['sets_apart'])})"


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
