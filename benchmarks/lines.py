"""A line of the table of references: ours beside the reference and the goal, with an interval and a verdict."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Verdict = Literal["met", "tie", "missed", "no goal", "not measured"]
Draw = NDArray[np.int64]
SEED, DRAWS = 1, 500


@dataclass(frozen=True)
class Line:
    """One figure. `low` and `high` bound ours at 95 %; `why` says what stands in the way where nothing was measured."""

    name: str
    ours: float | None
    reference: float | None
    by: str
    goal: str
    low: float | None
    high: float | None
    verdict: Verdict
    why: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The line as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Goal:
    """What a figure has to reach: at least or at most `bound`, or within `bound` of 1; None sets no goal."""

    kind: Literal["at least", "at most", "within"]
    bound: float | None

    def __str__(self) -> str:
        """As a table shows it."""
        sign = {"at least": "≥", "at most": "≤", "within": "1 ±"}[self.kind]
        return "" if self.bound is None else f"{sign} {self.bound:g}"

    def verdict(self, value: float, *, is_surely_better: bool) -> Verdict:
        """Whether the figure is on the right side of the bound; four digits are what is printed and compared."""
        if self.bound is None:
            return "no goal"
        if self.worth(value) < self.worth(self.bound if self.kind != "within" else 1 + self.bound):
            return "missed"
        return "met" if is_surely_better else "tie"

    def worth(self, value: float) -> float:
        """The figure so that more is better."""
        rounded = round(value, 4)
        return {"at least": rounded, "at most": -rounded, "within": -round(abs(rounded - 1), 4)}[self.kind]


def compare(
    name: str, goal: Goal, ours: Callable[[Draw], float], other: Callable[[Draw], float], by: str, rows: int
) -> Line:
    """Ours and the reference on all rows, and on the same bootstrap draws of them (Efron, 1979; 2.5 % at each end).

    Met is a goal that is reached by more than the reference may reach by chance; one that is reached but not surely
    better than the reference is a tie; one that is not reached is missed, however near.
    """
    everybody = np.arange(rows)
    value, theirs = ours(everybody), other(everybody)
    drawn = np.array([(ours(draw), other(draw)) for draw in draws(rows)])
    low, high = (float(bound) for bound in np.quantile(drawn[:, 0], (0.025, 0.975)))
    gains = [goal.worth(one) - goal.worth(another) for one, another in drawn]
    verdict = goal.verdict(value, is_surely_better=float(np.quantile(gains, 0.025)) > 0)
    return Line(name, value, theirs, by, str(goal), low, high, verdict)


def alone(name: str, goal: Goal, ours: Callable[[Draw], float], rows: int) -> Line:
    """A figure that has a goal and no reference."""
    value = ours(np.arange(rows))
    low, high = (float(bound) for bound in np.quantile([ours(draw) for draw in draws(rows)], (0.025, 0.975)))
    return Line(name, value, None, "", str(goal), low, high, goal.verdict(value, is_surely_better=True))


def draws(rows: int) -> Iterator[Draw]:
    """Bootstrap draws of row numbers, the same ones each time."""
    rng = np.random.default_rng(SEED)
    return (rng.integers(rows, size=rows) for _ in range(DRAWS))


def not_measured(names: dict[str, Goal], why: str) -> list[Line]:
    """Lines that say why there is no figure."""
    return [Line(name, None, None, "", str(goal), None, None, "not measured", why) for name, goal in names.items()]


def table(lines: list[Line]) -> str:
    """The lines as a Markdown table."""
    head = ["| line | ours | 95 % | reference | goal | verdict |", "|---|--:|--:|--:|--:|---|"]
    return "\n".join([*head, *map(_row, lines)])


def _row(line: Line) -> str:
    if line.ours is None:
        return f"| {line.name} | | | | {line.goal} | {line.verdict}: {line.why} |"
    interval = "" if line.low is None or line.high is None else f"{line.low:.4f} to {line.high:.4f}"
    reference = "" if line.reference is None else f"{line.reference:.4f} ({line.by})"
    return f"| {line.name} | {line.ours:.4f} | {interval} | {reference} | {line.goal} | {line.verdict} |"
