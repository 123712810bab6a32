"""The kinds of charts of a report; colours hold on light and dark, everything else the page sets by its theme.

Names are escaped: Plotly reads tags in its labels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from plotly.graph_objects import Bar, Figure, Heatmap, Sankey, Scatter
from plotly.subplots import make_subplots

BLUE, GREEN, AMBER, RED, PURPLE, GREY = "#4a86d8", "#3f9f74", "#d19a2e", "#cc5a43", "#9a78c9", "#8b929c"
SERIES = (BLUE, AMBER, GREEN, PURPLE, RED, "#3fa3b5", "#c9719f", "#8a9a3b", "#7a6a55", GREY)
_DASHES = ("solid", "dash", "dot", "dashdot")
_ROW, _REST = 34, 70
_PANELS, _PANEL, _BETWEEN = 4, 84, 62  # in a line; pixels of each, and below it for dates and the next one's name


@dataclass(frozen=True)
class Panel:
    """A line of its own: points by day or moment (ISO 8601), a gap where there is no value, and moments to mark."""

    name: str
    points: Sequence[tuple[str, float | None]]
    marks: Sequence[str] = ()


def _laid_out(figure: Figure, height: int, **more: object) -> Figure:
    figure.update_layout(
        template="none", height=height, margin={"l": 8, "r": 16, "t": 8, "b": 8}, separators=".,", **more
    )
    figure.update_xaxes(automargin=True)
    figure.update_yaxes(automargin=True)
    return figure


def names(values: Sequence[object]) -> list[str]:
    """Labels that show as they are written."""
    return [escape(str(value)) for value in values]


def bars(labels: Sequence[str], series: Mapping[str, tuple[str, Sequence[float], Sequence[str]]], axis: str) -> Figure:
    """Horizontal bars, one a label, stacked by series: name → colour, values, and each value's words.

    Where each label has words in one series only, the words stand beside the bars, however short these are.
    """
    alone = all(sum(map(bool, words)) <= 1 for words in zip(*(one[2] for one in series.values()), strict=True))
    traces = [
        Bar(
            name=escape(name), y=names(labels), x=list(values), orientation="h", marker={"color": colour},
            text=names(words), textposition="outside" if alone else "auto", cliponaxis=False,
            hovertemplate="%{y}: %{text}<extra>" + escape(name) + "</extra>", insidetextanchor="middle",
            constraintext="none" if alone else "both", textangle=0,
        )
        for name, (colour, values, words) in series.items()
    ]  # fmt: skip
    figure = _laid_out(
        Figure(traces), _REST + _ROW * max(len(labels), 2) + 30 * (len(series) > 1),
        barmode="overlay" if alone else "stack",
        uniformtext={"minsize": 11, "mode": "hide"}, bargap=0.35, showlegend=len(series) > 1,
        legend={"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed", ticksuffix="  ")
    longest = max((sum(values) for values in zip(*(one[1] for one in series.values()), strict=True)), default=0)
    room = 1.18 if alone else 1.02  # for the words outside
    figure.update_xaxes(title=axis, range=[0, (longest or 1) * room], showgrid=True, zeroline=False, tickformat=",")
    return figure


def lines(
    series: Mapping[str, Sequence[tuple[object, float | None]]], axes: tuple[str, str], *, height: int = 340,
    percent: bool = False, diagonal: str | None = None,
) -> Figure:  # fmt: skip
    """Lines through points, a series each; a point without a value is a gap."""
    traces = [
        Scatter(
            name=escape(name), x=[x for x, _ in points], y=[y for _, y in points], mode="lines+markers",
            line={"color": SERIES[i % len(SERIES)], "dash": _DASHES[i // len(SERIES) % len(_DASHES)], "width": 2},
            marker={"size": 7},
        )
        for i, (name, points) in enumerate(series.items())
    ]  # fmt: skip
    if diagonal:
        ends = [float(y) for points in series.values() for _, y in points if y is not None]
        line: dict[str, object] = {"color": GREY, "dash": "dot", "width": 1.5}
        reach = [0.0, max(ends, default=1.0)]
        traces.append(Scatter(name=diagonal, x=reach, y=reach, mode="lines", line=line, hoverinfo="skip"))
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
    figure = _laid_out(Figure(traces), height, legend=legend, showlegend=len(traces) > 1)
    figure.update_xaxes(title=axes[0], zeroline=False, tickformat=".0%" if percent else None)
    figure.update_yaxes(title=axes[1], rangemode="tozero", zeroline=False, tickformat=".0%" if percent else ",d")
    return figure


def panels(found: Sequence[Panel]) -> Figure:
    """Small charts of one kind, four in a line, each with a scale of its own from 0 and the same days."""
    lines = -(-len(found) // _PANELS)
    inside = lines * _PANEL + (lines - 1) * _BETWEEN
    figure = make_subplots(
        rows=lines, cols=_PANELS, subplot_titles=names([one.name for one in found]), horizontal_spacing=0.055,
        vertical_spacing=_BETWEEN / inside if lines > 1 else 0,
    )  # fmt: skip
    days = [point[0] for one in found[:1] for point in one.points]
    for at, one in enumerate(found):
        _draw(figure, one, {"row": at // _PANELS + 1, "col": at % _PANELS + 1})
    figure = _laid_out(figure, inside + 70, showlegend=False)
    figure.update_layout(margin={"l": 46, "r": 34, "t": 30, "b": 40})
    figure.update_annotations(font_size=13, yshift=4)
    figure.update_xaxes(
        range=[days[0], days[-1]], tickvals=[days[0], days[-1]], tickformat="%-d %b", zeroline=False, automargin=False,
        showgrid=False, ticks="outside",
    )  # fmt: skip
    figure.update_yaxes(rangemode="tozero", zeroline=False, nticks=3, tickformat=",d", automargin=False)
    return figure


def _draw(figure: Figure, one: Panel, where: dict[str, int]) -> None:
    values = [value for _, value in one.points]
    hover = "%{x|%-d %b %Y}: %{y:,d}<extra>" + escape(one.name) + "</extra>"
    line = Scatter(
        x=[x for x, _ in one.points], y=values, mode="lines+markers", hovertemplate=hover, cliponaxis=False,
        line={"color": BLUE, "width": 2}, marker={"size": 4},
    )  # fmt: skip
    figure.add_trace(line, **where)
    for moment in one.marks:
        figure.add_vline(x=moment, line={"color": AMBER, "width": 2, "dash": "dot"}, **where)
    figure.update_yaxes(range=[0, 1.15 * max((value or 0 for value in values), default=1) or 1], **where)


def flow(
    nodes: Sequence[tuple[str, str]], links: Sequence[tuple[int, int, float, str]], height: int,
    places: Sequence[tuple[float, float]] = (),
) -> Figure:  # fmt: skip
    """A Sankey diagram: nodes with label and colour, links from and to them with width and words.

    `places` are the centres of the nodes, from 0 to 1; without them Plotly finds its own.
    """
    chart = Sankey(
        arrangement="snap",
        node={
            "label": names([label for label, _ in nodes]), "color": [colour for _, colour in nodes],
            "pad": 18, "thickness": 14, "line": {"width": 0}, "hoverinfo": "skip",
            "x": [x for x, _ in places] or None, "y": [y for _, y in places] or None,
        },
        link={
            "source": [link[0] for link in links], "target": [link[1] for link in links],
            "value": [link[2] for link in links], "customdata": names([link[3] for link in links]),
            "color": [_faint(nodes[link[1]][1]) for link in links],
            "hovertemplate": "%{source.label} → %{target.label}: %{customdata}<extra></extra>",
        },
    )  # fmt: skip
    figure = _laid_out(Figure(chart), height)
    return figure.update_layout(margin_b=26)  # for the label of the lowest node


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.35)"


def grid(labels: Sequence[str], shares: Sequence[Sequence[float | None]], words: Sequence[Sequence[str]]) -> Figure:
    """A square of shares from 0 to 1, each cell with its hundredths; one without a share stays empty.

    `words` are what each cell says of itself when it is pointed at.
    """
    text = [["" if share is None else f"{share * 100:.0f}" for share in row] for row in shares]
    chart = Heatmap(
        z=[list(row) for row in shares], x=names(labels), y=names(labels), text=text, texttemplate="%{text}",
        customdata=[names(row) for row in words], zmin=0, zmax=1, xgap=2, ygap=2, hoverongaps=False,
        colorscale=[[0, "rgba(74,134,216,0.08)"], [1, "rgba(74,134,216,0.8)"]],
        colorbar={"tickformat": ".0%", "thickness": 12, "len": 0.6, "outlinewidth": 0},
        hovertemplate="of %{y}, in %{x} too: %{text} in a hundred; %{customdata} people<extra></extra>",
    )  # fmt: skip
    figure = _laid_out(Figure(chart), 150 + 32 * len(labels))
    figure.update_yaxes(autorange="reversed", ticksuffix="  ", showgrid=False)
    return figure.update_xaxes(side="top", tickangle=-45, showgrid=False)
