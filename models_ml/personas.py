"""Name each group by what sets it apart, and say it in a sentence that a marketer can read.

A group is named by its strongest difference from everybody. Where others are named by the same, a second difference is
joined that the others do not have; where there is none, the group's number. `split_part(persona, ', ', 1)` is what sets
the group apart most.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models_ml.features import Matrix
from models_ml.words import AVERAGE, IMPLIED, NAMES, phrase

TELLS = 0.25  # standard deviations from everybody: less is nothing to name a group by
FLOOR = 100
_MOSTLY = 0.5
_FACTS = 3
_FEW = "Too few people to say more of them."
_LIKE_ALL = "Much like everybody."


@dataclass(frozen=True)
class Traits:
    """How groups differ from everybody, by group (row) and feature (column).

    `z` are standard deviations between a group's mean and everybody's, `absent` the share of the group without a value,
    `ratio` the group's mean as a multiple of everybody else's (NaN where it says nothing).
    """

    names: tuple[str, ...]
    z: Matrix
    absent: Matrix
    ratio: Matrix


def measure(
    names: tuple[str, ...], placed: Matrix, raw: Matrix, members: NDArray[np.int32], groups: Sequence[int]
) -> Traits:
    """The traits of groups: from coordinates and from features as they are, both of shape (people, features)."""
    z, absent, ratio = (np.zeros((len(groups), len(names))) for _ in range(3))
    known = ~np.isnan(raw)
    values = np.where(known, raw, 0.0)
    for row, group in enumerate(groups):
        own = members == group
        z[row] = placed[own].mean(axis=0) if own.any() else 0.0
        absent[row] = 1 - known[own].mean(axis=0) if own.any() else 0.0
        mean, others = (values[part].sum(axis=0) / np.maximum(known[part].sum(axis=0), 1) for part in (own, ~own))
        ratio[row] = np.where(others > 0, mean / np.where(others > 0, others, 1), np.nan)
    return Traits(names, z, absent, ratio)


def name(traits: Traits, numbers: Sequence[int], kept: Mapping[int, str] | None = None) -> list[str]:
    """A name for each group, no two alike.

    Args:
        traits: of the groups.
        numbers: the groups' numbers, in the order of the rows.
        kept: names that groups have already, by number; they stay.
    """
    kept = kept or {}
    heads = [
        kept[number].split(", ")[0] if number in kept else _head(traits, row) for row, number in enumerate(numbers)
    ]
    taken = set(kept.values())
    given = dict(kept)
    for row in sorted(range(len(numbers)), key=lambda row: (-_strength(traits, row), row)):
        if numbers[row] in given:
            continue
        same = [other for other, head in enumerate(heads) if head == heads[row] and other != row]
        choices = _choices(traits, row, same, heads[row], numbers[row])
        given[numbers[row]] = next(choice for choice in choices if choice not in taken)
        taken.add(given[numbers[row]])
    return [given[number] for number in numbers]


def still_true(named: str, traits: Traits, row: int) -> bool:
    """Whether each word of a name still holds of a group: that is when it keeps the name."""
    words = [word for word in named.split(", ") if not word.startswith("group ")]
    true = {word for _, word in _words(traits, row)} or {AVERAGE}
    return bool(words) and set(words) <= true


def sentence(traits: Traits, row: int, people: int) -> str:
    """What sets a group apart: at most three things, the strongest first; nothing of a group below the floor."""
    if people < FLOOR:
        return _FEW
    told = dict[str, str]()
    for column, word in _words(traits, row):
        theme, words = phrase(traits.names[column], word, float(traits.ratio[row, column]))
        told.setdefault(theme, words)
    facts = list(told.values())[:_FACTS]
    return f"{'; '.join(facts).capitalize()}." if facts else _LIKE_ALL


def strongest(traits: Traits, row: int) -> dict[str, float]:
    """The three features by which a group differs most, in standard deviations from everybody."""
    order = np.argsort(-np.abs(traits.z[row]), kind="stable")[:_FACTS]
    return {traits.names[column]: round(float(traits.z[row, column]), 2) for column in order}


def _head(traits: Traits, row: int) -> str:
    return next((word for _, word in _words(traits, row)), AVERAGE)


def _choices(traits: Traits, row: int, same: Sequence[int], head: str, number: int) -> Iterator[str]:
    if not same:
        yield head
    theirs = {word for other in same for _, word in _words(traits, other)}
    own = [word for _, word in _words(traits, row) if word != head]
    for word in (*(word for word in own if word not in theirs), *own):
        yield f"{head}, {word}"
    yield f"{head}, group {number}"


def _words(traits: Traits, row: int) -> list[tuple[int, str]]:
    """What may be said of a group, the strongest difference first: the feature's column and its word."""
    found = []
    for column in np.argsort(-np.abs(traits.z[row]), kind="stable").tolist():
        z, feature = float(traits.z[row, column]), traits.names[column]
        if abs(z) >= TELLS and feature in NAMES and (word := _word(feature, z, float(traits.absent[row, column]))):
            found.append((column, word))
    implied = set().union(*(IMPLIED.get(word, set()) for _, word in found))
    return [
        (column, word) for column, word in found if traits.z[row, column] > 0 or traits.names[column] not in implied
    ]


def _word(feature: str, z: float, absent: float) -> str | None:
    """The feature's word; None where most of the group have no value, and there is no word for that."""
    high, low, without = NAMES[feature]
    if absent > _MOSTLY:
        return without if z > 0 else None
    return high if z > 0 else low


def _strength(traits: Traits, row: int) -> float:
    return max((abs(float(traits.z[row, column])) for column, _ in _words(traits, row)), default=0.0)
