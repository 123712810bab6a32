"""What is published, and the latest runs."""

from itertools import groupby
from typing import Any

from warehouse import ledger
from warehouse.publish import versions
from warehouse.settings import Settings

_LATEST = 10


def status(settings: Settings) -> dict[str, Any]:
    """The published version (None before the first) and the latest runs, newest first."""
    current = [version for version in versions(settings) if version.is_current]
    published = (
        {"path": str(settings.current), "version": current[0].name, "as_of": current[0].as_of.isoformat()}
        if current
        else None
    )
    runs = [
        _run(run_id, list(rows)) for run_id, rows in groupby(ledger.stages(settings.ledger), lambda row: row["run_id"])
    ]
    return {"published": published, "runs": runs[::-1][:_LATEST]}


def _run(run_id: object, stages: list[dict[str, Any]]) -> dict[str, Any]:
    states = {stage["status"] for stage in stages}
    worst = next((state for state in ("failed", "running", "problem") if state in states), "ok")
    return {
        "run_id": run_id,
        "status": worst,
        "started_at": stages[0]["started_at"],
        "seconds": round(sum(stage["seconds"] or 0 for stage in stages), 1),
        "stages": stages,
    }
