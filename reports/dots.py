"""A chart of points by two measures, a colour each group."""

from collections.abc import Mapping, Sequence
from html import escape

from plotly.graph_objects import Figure, Scatter

from reports.charts import SERIES


def scatter(groups: Mapping[str, Sequence[tuple[float, float]]], axes: tuple[str, str], height: int = 440) -> Figure:
    """Points of each group; names are escaped, since Plotly reads tags in its labels."""
    traces = [
        Scatter(
            name=escape(name), x=[x for x, _ in points], y=[y for _, y in points], mode="markers",
            marker={"size": 9, "color": SERIES[at % len(SERIES)], "opacity": 0.75}, hoverinfo="name",
        )
        for at, (name, points) in enumerate(groups.items())
    ]  # fmt: skip
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
    figure = Figure(traces)
    figure.update_layout(template="none", height=height, legend=legend, showlegend=True)
    figure.update_layout(margin={"l": 8, "r": 16, "t": 8, "b": 8})
    figure.update_xaxes(title=escape(axes[0]), zeroline=False, automargin=True)
    return figure.update_yaxes(title=escape(axes[1]), zeroline=False, automargin=True)
