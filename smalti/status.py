"""What is published, the latest runs, and what went wrong."""

from typing import Any

import duckdb

from smalti import alerts
from smalti.summary import is_simulated
from warehouse import freshness, ledger, overrides, pseudonyms
from warehouse.errors import SmaltiError
from warehouse.publish import Version, versions
from warehouse.settings import Settings

_LATEST = 10
_WORST = ("failed", "running", "waiting", "blocked", "problem", "skipped")
_FRESHNESS = ("source", "newest_at", "fresh_within_hours", "freshness")


def status(settings: Settings) -> dict[str, Any]:
    """The published version (None before the first), the latest runs and the latest alerts, newest first."""
    current = [_published(settings, version) for version in versions(settings) if version.is_current]
    stages: dict[str, list[dict[str, Any]]] = {}
    for row in ledger.stages(settings.ledger):
        stages.setdefault(row["run_id"], []).append(row)  # rows of runs that wait for each other lie mixed
    runs = [_run(run_id, rows) for run_id, rows in stages.items()]
    return {
        "published": current[0] if current else None,
        "runs": runs[::-1][:_LATEST],
        "blocked": _blocked(settings),
        "overrides": overrides.latest(settings.ledger, _LATEST),
        "key": {"id": pseudonyms.key_id(settings.hmac_key), "is_rotating": settings.rotation.exists()},
        "alerts": alerts.latest(settings, _LATEST),
    }


def _blocked(settings: Settings) -> list[dict[str, Any]]:
    """The destinations that hold less than is published, because their last send was blocked; and by what."""
    last = {row["source"]: row for row in ledger.stages(settings.ledger, stage="deliver")}
    return [
        {"destination": name, "run_id": row["run_id"], "message": row["message"]}
        for name, row in sorted(last.items())
        if row["status"] == "blocked"
    ]


def stages(settings: Settings, run_id: str | None = None) -> list[dict[str, Any]]:
    """The ledger's rows of a run, of the latest where none is named.

    Raises:
        SmaltiError: there is no such run.
    """
    rows = ledger.stages(settings.ledger)
    wanted = run_id or (rows[-1]["run_id"] if rows else None)
    found = [row for row in rows if row["run_id"] == wanted]
    if not found:
        what = f"no run {run_id!r}" if run_id else "no run yet"
        raise SmaltiError(f"{what} in {settings.ledger}; `smalti status` lists the latest, `smalti run` makes one")
    return found


def _published(settings: Settings, version: Version) -> dict[str, Any]:
    with duckdb.connect(version.path, read_only=True) as connection:
        simulated = is_simulated(connection)
    sources = [row for row in freshness.published(version.path) if row["rows_loaded"]]
    shown = [{name: row.get(name) for name in _FRESHNESS} for row in sources]
    place = {"path": str(settings.current), "version": version.name}
    return place | {"as_of": version.as_of.isoformat(), "simulated": simulated, "sources": shown}


def _run(run_id: str, stages: list[dict[str, Any]]) -> dict[str, Any]:
    states = {stage["status"] for stage in stages}
    worst = next((state for state in _WORST if state in states), "ok")
    return {
        "run_id": run_id,
        "status": worst,
        "started_at": stages[0]["started_at"],
        "seconds": round(sum(stage["seconds"] or 0 for stage in stages), 1),
        "stages": stages,
    }
