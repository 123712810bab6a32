"""What the benchmark of linkage came to, on its page: the table, match weights by level, precision against recall."""

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

from linkage import card, forms, model, parameters
from linkage.parameters import Model
from warehouse.settings import CHECKOUT

PAGE = CHECKOUT / "docs" / "linkage.md"
IMAGE = CHECKOUT / "docs" / "images" / "linkage.svg"
Point = tuple[float, float]
_COLOURS = ("#4a86d8", "#d19a2e", "#3f9f74", "#9a78c9", "#cc5a43", "#3fa3b5", "#8b929c")
_LEFT, _TOP, _WIDTH, _HEIGHT = 64, 24, 560, 320
_RECALL, _PRECISION = (0.5, 1.0), (0.9, 1.0)  # what the axes show


def write(measured: card.Section, models: Mapping[str, Model], curves: Mapping[str, Sequence[Point]]) -> None:
    """Rewrite the tables on the page, each between its two comments, and the picture."""
    text = _between(PAGE.read_text(), "measured", card.measured_table(measured))
    PAGE.write_text(_between(text, "weights", weights(models)))
    at = {name: (one["pairs"]["recall"], one["pairs"]["precision"]) for name, one in measured["data"].items()}
    IMAGE.write_text(picture(curves, at))


def _between(text: str, name: str, lines: Sequence[str]) -> str:
    before, _, rest = text.partition(f"<!-- {name} -->\n")
    _, _, after = rest.partition(f"<!-- /{name} -->\n")
    return "\n".join([f"{before}<!-- {name} -->", "", *lines, "", f"<!-- /{name} -->\n"]) + after


def weights(models: Mapping[str, Model]) -> list[str]:
    """Match weights by level, as stated and as learned on each data set, as a Markdown table."""
    stated = parameters.readable(model.stated(set(forms.COMPARED), []))
    learned = [parameters.readable(one) for one in models.values()]
    rows = [
        [field, label, f"{level['weight']:+.1f}"]
        + [f"{one[field][label]['weight']:+.1f}" if field in one else "" for one in learned]
        for field, levels in stated.items()
        for label, level in levels.items()
    ]
    return card.table(["field", "level", "stated", *models], rows)


def picture(curves: Mapping[str, Sequence[Point]], chosen: Mapping[str, Point]) -> str:
    """Precision against recall of pairs as SVG, a line a data set; the dot is the fixed threshold."""
    size = f'viewBox="0 0 {_LEFT + _WIDTH + 220} {_TOP + _HEIGHT + 56}"'
    drawn = [f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">']
    drawn += ['<rect width="100%" height="100%" fill="#ffffff"/>', *_axes()]
    for at, (name, points) in enumerate(curves.items()):
        colour = _COLOURS[at % len(_COLOURS)]
        shown = [point for point in points if point[1] >= _PRECISION[0]]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(_place, shown))
        x, y = _place(chosen[name])
        drawn += [
            f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>',
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{colour}"/>',
            f'<text x="{_LEFT + _WIDTH + 20}" y="{_TOP + 16 + 20 * at}" fill="{colour}">{escape(name)}</text>',
        ]
    return "\n".join([*drawn, "</svg>\n"])


def _place(point: Point) -> Point:
    recall, precision = (
        min(max((value - low) / (high - low), 0), 1)
        for value, (low, high) in zip(point, (_RECALL, _PRECISION), strict=True)
    )
    return _LEFT + recall * _WIDTH, _TOP + (1 - precision) * _HEIGHT


def _axes() -> list[str]:
    bottom, grey = _TOP + _HEIGHT, 'stroke="#d8dbe0"'
    lines = []
    for step in range(6):
        x, y = _LEFT + step * _WIDTH / 5, bottom - step * _HEIGHT / 5
        recall = _RECALL[0] + step * (_RECALL[1] - _RECALL[0]) / 5
        precision = _PRECISION[0] + step * (_PRECISION[1] - _PRECISION[0]) / 5
        lines += [
            f'<line x1="{x}" y1="{_TOP}" x2="{x}" y2="{bottom}" {grey}/>',
            f'<line x1="{_LEFT}" y1="{y}" x2="{_LEFT + _WIDTH}" y2="{y}" {grey}/>',
            f'<text x="{x}" y="{bottom + 18}" text-anchor="middle">{recall:.1f}</text>',
            f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{precision:.2f}</text>',
        ]
    middle = f'x="{_LEFT + _WIDTH / 2}" y="{bottom + 40}"'
    return [*lines, f'<text {middle} text-anchor="middle">recall (upwards: precision; dot: the fixed threshold)</text>']


def curve(rows: Sequence[tuple[float, bool]], true: int) -> list[Point]:
    """Recall and precision as the threshold falls; `rows` are match weight and truth of each pair, `true` all pairs."""
    points, right = [], 0
    ordered = sorted(rows, reverse=True)
    for at, (weight, is_right) in enumerate(ordered, 1):
        right += is_right
        if at == len(ordered) or round(ordered[at][0], 1) != round(weight, 1):
            points.append((right / true, right / at))
    return points
