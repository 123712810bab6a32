"""The window of days being simulated, and its clock in milliseconds since 1970 (UTC)."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Ints: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]

SECOND = 1_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
HISTORY_DAYS = 400


@dataclass(frozen=True)
class Window:
    """`days` days up to and including `end`; day 0 is the first, earlier days are negative."""

    end: date
    days: int
    seed: int

    @property
    def start(self) -> date:
        """The first day."""
        return self.date(0)

    def date(self, day: int) -> date:
        """The calendar date of a day of the window."""
        return self.end - timedelta(days=self.days - 1 - day)

    def at(self, day: int) -> int:
        """Midnight at which a day begins, in milliseconds since 1970."""
        midnight = datetime.combine(self.date(day), datetime.min.time(), UTC)
        return int(midnight.timestamp()) * SECOND

    def random(self, part: int, day: int = 0) -> np.random.Generator:
        """The generator of one part on one day: parts can change without disturbing each other.

        `day` may be negative down to the history's first day.
        """
        return np.random.default_rng([self.seed, part, day + HISTORY_DAYS])


def in_chunks(counts: Ints) -> tuple[Ints, Ints]:
    """For groups of the given sizes laid end to end: each row's group, and its place in the group from 0."""
    group = np.repeat(np.arange(len(counts)), counts)
    return group, np.arange(len(group)) - (np.cumsum(counts) - counts)[group]
