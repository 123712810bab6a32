"""One person on a terminal; what is shown is the same as `--json`, but for what is empty."""

from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.markup import escape

from smalti.present import table

_BAR = 24


def show(console: Console, found: dict[str, Any]) -> None:
    """Who it is, then a table each of what is known."""
    console.print(f"[bold]{found['customer_id']}[/bold] as of {found['as_of']} UTC", soft_wrap=True)
    for step in found["followed"]:
        console.print(f"{step['from_customer_id']} was merged on {step['merged_at']}", soft_wrap=True)
    until = found["valid_to"] or "now"
    console.print(f"so since {found['valid_from']}, until {until}\n", soft_wrap=True)
    known = [[name, str(value)] for name, value in found["profile"].items() if value is not None]
    console.print(table("Profile", ["attribute", "value"], [line for line in known if line[0] != "customer_id"]))
    for name, draw in _TABLES.items():
        _table(console, name, found[name], draw)
    for note in found["notes"]:
        console.print(f"[yellow]note[/yellow] {escape(note)}", soft_wrap=True)


def _table(console: Console, name: str, rows: list[dict[str, Any]] | None, draw: Callable[..., list[Any]]) -> None:
    if rows:
        columns = [column.removesuffix("_id").removeprefix("identifier_") for column in rows[0]]
        console.print()
        lines = [draw(row, rows) for row in rows]
        console.print(table(name.capitalize(), [*columns, ""] if draw is _bar else columns, lines))
    elif rows is not None:
        console.print(f"\n[bold]{name.capitalize()}[/bold]\nnone")


def _plain(row: dict[str, Any], _: list[dict[str, Any]]) -> list[Any]:
    return [str(value) if value is not None else None for value in row.values()]


def _bar(row: dict[str, Any], rows: list[dict[str, Any]]) -> list[Any]:
    """The score beside the greatest of its dimension."""
    greatest = max(one["score"] for one in rows if one["dimension"] == row["dimension"])
    length = round(_BAR * row["score"] / greatest) if greatest else 0
    return [row["dimension"], row["value"], f"{row['score']:.3f}", "█" * length]


_TABLES = {"segments": _plain, "identifiers": _plain, "consents": _plain, "interests": _bar}
