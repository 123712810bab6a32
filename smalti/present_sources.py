"""Sources on a terminal; what is shown is the same as `--json`."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.markup import escape

from ingestion.check import Finding
from ingestion.rejects import Reject
from smalti.present import table

_MOST = 50


def listed(console: Console, found: list[dict[str, Any]], at: datetime) -> None:
    """One line a source, those with rows first."""
    columns = ["source", "files named", "rows", "last loaded", "newest row", "allowed h", "freshness"]
    lines = [
        [
            row["source"],
            _named(row["files"]),
            row["rows_loaded"],
            (row["last_loaded_at"] or "-")[:16],
            f"{row['newest_at']:%Y-%m-%d %H:%M}" if row["newest_at"] else "-",
            row["fresh_within_hours"],
            row["freshness"] or "no limit",
        ]
        for row in sorted(found, key=lambda row: (not row["rows_loaded"], row["source"]))
    ]
    console.print(table(f"Sources as of {at:%Y-%m-%d %H:%M} UTC", columns, lines))


def _named(pattern: str) -> str:
    """The pattern of file names as one reads it."""
    return re.sub(r"\(\?P<arrived>.*?\)", "DATE", pattern).replace("\\.", ".")


def checked(console: Console, found: Finding) -> None:
    """What a file would come to, then what stands in its way."""
    claimed = "" if found.is_claimed else ", which does not claim its name"
    console.print(f"{found.file}: source {found.source}{claimed}; {found.format}, {found.encoding}", soft_wrap=True)
    counts = [found.rows_in, found.rows_loaded, found.rows_rejected, found.rows_duplicate]
    console.print(table("Rows", ["in", "would load", "be rejected", "be duplicates"], [counts]))
    for problem in found.problems:
        console.print(f"[red]problem[/red] {escape(problem)}", soft_wrap=True)
    for reject in found.rejects:
        places = ", ".join(map(str, reject.positions)) + (", …" if reject.rows > len(reject.positions) else "")
        told = f"{reject.rows:,} rows: {reject.reason} · positions {places} · {', '.join(reject.contract) or '-'}"
        console.print(f"[yellow]rejected[/yellow] {escape(told)}", soft_wrap=True)
    for line in found.advice:
        console.print(f"[yellow]contract[/yellow] {escape(line)}", soft_wrap=True)
    console.print("would load whole" if found.loads_whole else "would not load whole")


def rejected(console: Console, found: Sequence[Reject]) -> None:
    """One line a rejected row, the latest; `--export` has them all."""
    columns = ["source", "file", "position", "reason", "row"]
    lines = [[one.source, one.file, one.position, one.reason, one.row] for one in found[-_MOST:]]
    if not found:
        console.print("no rejected row")
        return
    console.print(table(f"Rejected rows: {len(found):,}", columns, lines))
    if len(found) > _MOST:
        console.print(f"the last {_MOST} are shown; --export FILE writes all of them")
