"""What a page is made of: a question, its answer in words, and figures, each as a table and mostly also as a chart."""

from dataclasses import dataclass
from typing import Literal

from plotly.graph_objects import Figure

Cell = str | int | float | None
Layout = Literal["half", "beside", "full"]


@dataclass(frozen=True)
class Part:
    """One set of figures; `words` say what it shows, or why there is nothing to show.

    `layout` gives it half a line, or a whole one with the table `beside` the chart or to be opened below it.
    """

    name: str
    title: str
    words: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    figure: Figure | None = None
    layout: Layout = "half"


@dataclass(frozen=True)
class Section:
    """A question that a reader has, and what answers it."""

    question: str
    answer: str
    parts: tuple[Part, ...] = ()
