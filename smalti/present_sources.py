"""Sources on a terminal; what is shown is the same as `--json`."""

from datetime import datetime
from typing import Any

from rich.console import Console

from smalti.present import table


def listed(console: Console, found: list[dict[str, Any]], at: datetime) -> None:
    """One line a source, those with rows first."""
    columns = ["source", "files named", "rows", "last loaded", "newest row", "allowed h", "freshness"]
    lines = [
        [
            row["source"],
            row["files"],
            row["rows_loaded"],
            (row["last_loaded_at"] or "-")[:16],
            f"{row['newest_at']:%Y-%m-%d %H:%M}" if row["newest_at"] else "-",
            row["fresh_within_hours"],
            row["freshness"] or "no limit",
        ]
        for row in sorted(found, key=lambda row: (not row["rows_loaded"], row["source"]))
    ]
    console.print(table(f"Sources as of {at:%Y-%m-%d %H:%M} UTC", columns, lines))
