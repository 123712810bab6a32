"""Which of the new groups are those of the former model, by the people whom they share, and who moved where.

Pairs are chosen so that as many people as possible keep their number (Kuhn, 1955, by scipy). A pair that shares less
than a third of the people in either is none: then the group is new, under a number that never meant anything else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from models_ml.grouping import NONE, Members

LEAST_SHARED = 1 / 3
NOBODYS = "in no group"
SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "from_cluster": pl.Int32,
    "from_persona": pl.String,
    "into_cluster": pl.Int32,
    "into_persona": pl.String,
    "people": pl.Int64,
    "share": pl.Float64,
    "from_version": pl.String,
    "into_version": pl.String,
}
Personas = Mapping[int, str]


@dataclass(frozen=True)
class Numbers:
    """The number of each new group, in the groups' order; which are carried on, and the first never given."""

    given: tuple[int, ...]
    carried: frozenset[int]
    unused: int

    @property
    def of_place(self) -> dict[int, int]:
        """The number of each place."""
        return dict(enumerate(self.given))


def number(count: int, unused: int, former: Members | None, members: Members) -> Numbers:
    """Number new groups: as the former groups that they go on from, the rest from `unused` up.

    Args:
        count: how many new groups there are; `members` holds their places, 0 to count - 1.
        unused: the first number that no group ever had.
        former: the number of the former group that each person is like, shape (people,); None where none can be said.
        members: the new group's place of each person, same shape.
    """
    pairs = {} if former is None or not count else _pairs(former, members, count)
    given = []
    for place in range(count):
        given.append(pairs.get(place, unused))
        unused += place not in pairs
    return Numbers(tuple(given), frozenset(pairs.values()), unused)


def moves(former: Members | None, members: Members, was: Personas, now: Personas) -> list[dict[str, object]]:
    """How many people went from which former group into which new one; None where there are no new groups."""
    if former is None:
        return []
    rows = []
    for source in sorted(set(former.tolist())):
        own = members[former == source]
        for target, people in zip(*(column.tolist() for column in np.unique(own, return_counts=True)), strict=True):
            left = {"from_cluster": source, "from_persona": was.get(source, NOBODYS)}
            into = {"into_cluster": target, "into_persona": now.get(target, NOBODYS)} if now else _GONE
            rows.append({**left, **into, "people": people, "share": round(people / len(own), 4)})
    return rows


_GONE: dict[str, object] = {"into_cluster": None, "into_persona": None}


def frame(rows: Sequence[Mapping[str, object]], versions: tuple[str | None, str]) -> pl.DataFrame:
    """Rows of `scores.cluster_migrations`."""
    named = [{**row, "from_version": versions[0], "into_version": versions[1]} for row in rows]
    return pl.DataFrame(named, schema=SCHEMA)


def _pairs(former: Members, members: Members, count: int) -> dict[int, int]:
    numbers = sorted(set(former.tolist()) - {NONE})
    shared = np.array([_counts(members[former == one], count) for one in numbers]).reshape(len(numbers), count)
    sizes = np.array([(former == one).sum() for one in numbers]), _counts(members, count)
    either = sizes[0][:, None] + sizes[1] - shared
    rows, places = linear_sum_assignment(-shared)
    kept = shared[rows, places] >= LEAST_SHARED * np.maximum(either[rows, places], 1)
    return {int(place): numbers[row] for row, place, keeps in zip(rows, places, kept, strict=True) if keeps}


def _counts(members: Members, count: int) -> NDArray[np.int64]:
    return np.bincount(members[members != NONE], minlength=count)
