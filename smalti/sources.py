"""What is known of each source: its files, what was loaded from them, and how fresh that is."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from ingestion import source
from warehouse import freshness, ledger, manifest
from warehouse.settings import Settings


def listed(settings: Settings, at: datetime) -> list[dict[str, Any]]:
    """Every source that there is a file of in `ingestion/sources`, loaded or not; freshness is that of `at` (UTC)."""
    began = {(row["run_id"], row["source"]): row["started_at"] for row in ledger.stages(settings.ledger)}
    return [_of(settings, source.load_source(name), at, began) for name in source.names()]


def _of(settings: Settings, one: source.Source, at: datetime, began: dict[tuple[Any, Any], Any]) -> dict[str, Any]:
    lines = [line for line in manifest.read(settings.raw / one.contract.source) if line.status == "loaded"]
    last = began.get((lines[-1].run_id, one.contract.source)) if lines else None
    files = {"files": one.pattern.pattern, "files_loaded": len({line.sha256 for line in lines})}
    return asdict(freshness.of_source(one.contract, lines, at)) | files | {"last_loaded_at": last}
