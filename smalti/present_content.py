"""Content on a terminal: what is shown is the same as `--json`."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from rich.console import Console

from smalti import present
from warehouse.content import STAGES, Cell

_FOR = ("stage", "segment", "priority", "row_id", "strategy")
_SHOWS = ("block_id", "offer_id", "message_id")
_CONDITIONS = ("regions", "usual_devices", "hours", "devices", "valid_from", "valid_to", "until")
_WITHHELD = {
    "floor": "the segment has too few active members",
    "consent": "no consent",
    "holdout": "in the control group",
}


def coverage(console: Console, cells: list[Cell]) -> None:
    """One line a destination and segment, with the row that holds at each stage whatever else is true."""
    lines = []
    for where, found in groupby(cells, key=lambda cell: (cell.destination, cell.segment, cell.channel)):
        rows = {cell.stage: f"{cell.row_id}{' *' if cell.is_fallback else ''}" for cell in found}
        lines.append([*where, *(rows[stage] for stage in STAGES)])
    console.print(present.table("Content by segment and stage", ["destination", "segment", "channel", *STAGES], lines))
    own = sum(not cell.is_fallback for cell in cells)
    console.print(
        f"{own} of {len(cells)} by a variant of their own, the others by a fallback (*); none without content"
    )


def matrix(console: Console, rows: list[dict[str, Any]]) -> None:
    """A table a channel, by stage and in the order in which rows are tried."""
    for channel, found in groupby(rows, key=lambda row: row["channel"]):
        lines = [[*(row[name] for name in _FOR), _shows(row), _conditions(row)] for row in found]
        head = [*(name.removesuffix("_id") for name in _FOR), "shows", "only"]
        console.print(present.table(f"Content, {channel}", head, lines))


def person(console: Console, found: dict[str, Any]) -> None:
    """What somebody is shown at each destination and channel, and what was passed over."""
    console.print(f"[bold]{found['customer_id']}[/bold] as of {found['as_of']} UTC", soft_wrap=True)
    present.simulated(console, found["simulated"])
    for one in found["content"]:
        _choice(console, one)
    for one in found["withheld"]:
        told = f"{one['destination']}, {one['channel']}: shown nothing, {_WITHHELD[one['reason']]}"
        console.print(told, soft_wrap=True, markup=False)
    if not found["content"] and not found["withheld"]:
        console.print("in no segment that is sent there")


def _choice(console: Console, one: dict[str, Any]) -> None:
    head = ["row", "strategy", "block", "offer", "message"]
    lines = [[*(variant.get(name) for name in head), _conditions(variant["when"])] for variant in one["variants"]]
    title = f"\n{one['destination']}, {one['channel']}, {one['stage']}: the first of these that holds"
    console.print(present.table(title, [*head, "only"], lines))
    for name, value in one["tokens"].items():
        console.print(f"{{{name}}} is {value}", soft_wrap=True, markup=False)
    passed_over = [[row["row_id"], row["passed_over_for"].replace("_", " ")] for row in one["passed_over"]]
    console.print(present.table("\nPassed over", ["row", "for its"], passed_over))


def _shows(row: Mapping[str, Any]) -> str:
    return " + ".join(row[name] for name in _SHOWS if row[name])


def _conditions(row: Mapping[str, Any]) -> str | None:
    stated = {name.replace("_", " "): row[name] for name in _CONDITIONS if row.get(name)}
    return "; ".join(f"{name} {_text(value)}" for name, value in stated.items()) or None


def _text(value: object) -> str:
    """Hours are two numbers, from and to; what else there may be several of are words."""
    if not isinstance(value, list):
        return str(value)
    return (" to " if all(isinstance(one, int) for one in value) else ", ").join(map(str, value))
