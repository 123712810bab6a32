"""What the benchmark of scale came to: the table on the terminal; history and a chart on the page docs/speed.md."""

import json
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from rich.console import Console
from rich.table import Table

from warehouse.settings import CHECKOUT

PAGE = CHECKOUT / "docs" / "speed.md"
IMAGE = CHECKOUT / "docs" / "images" / "scale.svg"
_SHOWN = ("full rebuild", "full rebuild, 2 GB", "hour without news", "hour with news", "night", "preview", "scan")
_LARGEST = 20
_ROW, _LEFT, _WIDTH, _TOP = 20, 200, 420, 44
_BAR, _INK, _MUTED = "#4a86d8", "#23272e", "#6b7280"
Result = dict[str, Any]


def tell(result: Result) -> None:
    """Print every cost with its ratio to the scan, then the models of the full rebuild."""
    scan = _cost(result, "scan")["cpu_seconds"]
    table = Table(title=f"{result['events']:,} events", title_justify="left")
    for name in ("", "CPU-s", "scans", "wall s", "peak MB", "written MB"):
        table.add_column(name, justify="left" if not name else "right")
    for cost in result["costs"]:
        figures = (cost["cpu_seconds"], cost["cpu_seconds"] / scan, cost["seconds"])
        sizes = (cost["peak_memory_mb"], cost["written_mb"])
        table.add_row(cost["what"], *(f"{figure:,.1f}" for figure in figures), *(f"{size:,.0f}" for size in sizes))
    console = Console()
    console.print(table)
    console.print(f"largest {_LARGEST} models of the full rebuild, CPU-seconds and scans")
    for name, cpu in largest(result):
        console.print(f"{name:36} {cpu:8.1f} {cpu / scan:8.2f}", highlight=False)


def largest(result: Result) -> list[tuple[str, float]]:
    """The models that took most of the full rebuild, and their CPU-seconds."""
    parts: dict[str, float] = _cost(result, "full rebuild")["parts"]
    return sorted(parts.items(), key=lambda part: (-part[1], part[0]))[:_LARGEST]


def write(results: Path) -> None:
    """Rewrite the history on the page and draw the chart of the newest result of each size."""
    every = [result for path in results.glob("scale-*.json") for result in json.loads(path.read_text())]
    every.sort(key=lambda result: (result["events"], result["measured_at"]))
    rows = [_line(result) for result in every]
    head = ["events", "measured at (UTC)", "cores", *(f"{what}, CPU-s (scans)" for what in _SHOWN)]
    lines = [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]
    before, _, rest = PAGE.read_text().partition("<!-- history -->\n")
    _, _, after = rest.partition("<!-- /history -->\n")
    PAGE.write_text("\n".join([f"{before}<!-- history -->", "", *lines, "", f"<!-- /history -->\n{after}"]))
    newest = {result["events"]: result for result in every}
    IMAGE.write_text(picture([newest[events] for events in sorted(newest)]))


def _line(result: Result) -> list[str]:
    scan = _cost(result, "scan")["cpu_seconds"]
    there = {cost["what"]: cost["cpu_seconds"] for cost in result["costs"]}
    figures = [f"{there[what]:,.1f} ({there[what] / scan:,.1f})" if what in there else "" for what in _SHOWN]
    return [f"{result['events']:,}", result["measured_at"][:16], str(result["machine"]["cores"]), *figures]


def picture(results: list[Result]) -> str:
    """The largest models of a full rebuild as bars of scans, a panel for each size, as SVG."""
    panel = _TOP + _ROW * (_LARGEST + 1)
    size = f'viewBox="0 0 {_LEFT + _WIDTH + 90} {panel * len(results)}"'
    drawn = [f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">']
    drawn.append('<rect width="100%" height="100%" fill="#ffffff"/>')
    for at, result in enumerate(results):
        drawn += _panel(result, at * panel)
    return "\n".join([*drawn, "</svg>\n"])


def _panel(result: Result, top: int) -> list[str]:
    scan = _cost(result, "scan")["cpu_seconds"]
    bars = largest(result)
    longest = max((cpu for _, cpu in bars), default=1.0)
    whole = _cost(result, "full rebuild")["cpu_seconds"] / scan
    title = f"{result['events']:,} events: a full rebuild costs {whole:,.1f} scans; its largest models"
    lines = [f'<text x="12" y="{top + 24}" font-size="14" fill="{_INK}">{escape(title)}</text>']
    for at, (name, cpu) in enumerate(bars):
        y, width = top + _TOP + at * _ROW, _WIDTH * cpu / longest
        lines += [
            f'<text x="{_LEFT - 8}" y="{y + 12}" text-anchor="end" fill="{_MUTED}">{escape(name)}</text>',
            f'<rect x="{_LEFT}" y="{y + 2}" width="{width:.1f}" height="{_ROW - 6}" fill="{_BAR}"/>',
            f'<text x="{_LEFT + width + 6:.1f}" y="{y + 12}" fill="{_INK}">{cpu / scan:.2f}</text>',
        ]
    return lines


def _cost(result: Result, what: str) -> dict[str, Any]:
    found: dict[str, Any] = next(cost for cost in result["costs"] if cost["what"] == what)
    return found
