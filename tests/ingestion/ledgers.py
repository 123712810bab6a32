"""What a load leaves behind, added up: the balance of lines that count, files in a folder, rejects as published."""

from pathlib import Path
from typing import Any

import duckdb

from warehouse import raw

FATES = ("in", "loaded", "rejected", "duplicate", "suppressed")


def balance(desk: Any, source: str) -> dict[str, int]:
    """Rows by fate over the lines that count; each line of them, or superseded, must be exact."""
    every = [{fate: getattr(line, f"rows_{fate}") for fate in FATES} for line in desk.lines(source)]
    for counts in every:
        assert counts["in"] == sum(counts.values()) - counts["in"], counts
        assert min(counts.values()) >= 0, counts
    live = [counts for counts, line in zip(every, desk.lines(source), strict=True) if line.status == "loaded"]
    return {fate: sum(counts[fate] for counts in live) for fate in FATES[:-1]}


def in_folder(folder: Path) -> set[str]:
    """What stands in the folder itself."""
    return {path.name for path in folder.iterdir()}


def rejected_in(desk: Any, source: str) -> list[tuple[str, int]]:
    """File and position of each reject that a version publishes."""
    query = raw.rejects(desk.settings.raw / source, desk.lines(source))
    return duckdb.execute(f"select file, position from ({query}) order by all").fetchall() if query else []
