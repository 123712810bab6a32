"""A picture of the groups on two axes, in which every dot stands for many people and nobody for themselves.

The axes are the principal components (Pearson, 1901) of the sample. Each group is halved along its wider side until
its parts would hold fewer than `people` each; a dot is the mean of a part. Whoever is in a part cannot be told from it,
and a group smaller than one part has no dot.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from models_ml.features import Matrix
from models_ml.grouping import Members

FLOOR, DOTS = 100, 400
_NAMED = 3


def draw(placed: Matrix, members: Members, numbers: Sequence[int], names: Sequence[str]) -> dict[str, object]:
    """The picture as JSON holds it: axes, dots by group, how many people at least a dot stands for.

    Args:
        placed: where the people sampled stand, shape (people, features).
        members: the group's number of each, shape (people,).
        numbers: the groups.
        names: the features, in the order of the columns.
    """
    centre = placed.mean(axis=0)
    _, lengths, axes = np.linalg.svd(placed - centre, full_matrices=False)
    axes = _upright(axes[:2])
    flat = np.zeros((len(placed), 2))
    flat[:, : len(axes)] = (placed - centre) @ axes.T
    people = max(FLOOR, -(-len(placed) // DOTS))
    return {
        "people_a_dot": people,
        "axes": [
            {"share": round(float(length**2 / (lengths**2).sum()), 3), "features": _leading(axis, names)}
            for axis, length in zip(axes, lengths, strict=False)
        ],
        "groups": [
            {"cluster": number, "dots": [_mean(part) for part in _parts(flat[members == number], people)]}
            for number in numbers
        ],
    }


def _upright(axes: Matrix) -> Matrix:
    """Axes that point to where their strongest feature is high: a decomposition leaves their sign open."""
    strongest = axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)]
    return np.asarray(axes * np.sign(strongest)[:, None])


def _leading(axis: Matrix, names: Sequence[str]) -> dict[str, float]:
    order = np.argsort(-np.abs(axis), kind="stable")[:_NAMED]
    return {names[feature]: round(float(axis[feature]), 2) for feature in order}


def _parts(flat: Matrix, people: int) -> Iterator[Matrix]:
    if len(flat) < people:
        return
    if len(flat) < 2 * people:
        yield flat
        return
    side = int(np.ptp(flat, axis=0).argmax())
    for half in np.array_split(flat[np.argsort(flat[:, side], kind="stable")], 2):
        yield from _parts(half, people)


def _mean(part: Matrix) -> list[float]:
    return [round(float(value), 2) for value in part.mean(axis=0)]
