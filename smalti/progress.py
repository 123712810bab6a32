"""Progress of a run: a bar on a terminal, a line a step elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from ingestion.ready import WAITS

_MARKS = {"ok": "[green]✓[/green]", "none": " ", "skipped": " ", "problem": "[yellow]![/yellow]"}
_BAD = "[red]✗[/red]"


@contextmanager
def people(console: Console) -> Iterator[Callable[[int, int], None]]:
    """A bar of how many people are through, for whoever calls with (done, of)."""
    columns = (TextColumn("people sent"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("people")
        yield lambda done, of: bar.update(task, completed=done, total=of)


class Follower:
    """Shows each step of the run once, when it has ended, and the one that is running."""

    def __init__(self, console: Console, steps: int) -> None:
        """Follow a run of `steps` steps on this console."""
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        self._bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task("starting Airflow", total=steps)
        self._shown: set[tuple[str, str]] = set()

    def __enter__(self) -> Self:
        """Start drawing."""
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop drawing and leave the terminal as it was."""
        self._bar.stop()

    def show(self, rows: list[dict[str, Any]]) -> None:
        """Take the run's ledger rows as they stand now."""
        for row in rows:
            name = f"{row['stage']} {row['source']}".strip()
            if row["status"] == "running":
                self._bar.update(self._task, description=name)
            elif (row["stage"], row["source"]) not in self._shown:
                self._shown.add((row["stage"], row["source"]))
                self._bar.update(self._task, completed=len(self._shown))
                self._bar.console.print(
                    f"{_MARKS.get(row['status'], _BAD)} {name:<32} {row['seconds']:6.1f} s  {_told(row)}",
                    highlight=False,
                    soft_wrap=True,
                )


def _told(row: dict[str, Any]) -> str:
    lines = str(row["message"] or "").splitlines()
    if row["stage"] == "load_raw" and row["status"] == "none" and not any(one.startswith(WAITS) for one in lines):
        return "no files"
    if row["stage"] == "load_raw" and row["status"] == "ok":
        return f"{row['rows_loaded'] or 0:,} of {row['rows_in'] or 0:,} rows, {escape(lines[0])}"
    return escape(lines[0]) if lines else ""
