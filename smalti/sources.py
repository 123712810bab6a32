"""What is known of each source: its files, what was loaded from them, and how fresh that is."""

import secrets
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from ingestion import replay as replaying
from ingestion import source
from smalti import observe
from warehouse import freshness, lease, ledger, manifest, slot
from warehouse.errors import SmaltiError
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


def replay(settings: Settings, name: str, folder: Path | None, now: datetime) -> replaying.Outcome:
    """Try a source's rejected rows again, between runs, as a stage of its own in the ledger.

    Raises:
        Busy: a run holds the warehouse.
        SmaltiError: there is no such source or folder.
    """
    source.load_source(name)
    if folder and not folder.is_dir():
        raise SmaltiError(f"no folder {folder}; --data names a folder with exports")
    run_id = f"replay-{now:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"
    with slot.take(settings):
        lease.refuse_while_held(settings.ledger, now)
        with observe.stage(settings, run_id, "replay_raw", name) as row:
            done = replaying.replay(settings, name, folder, run_id, now)
            row.count(done)
            row.message = "\n".join(done.problems) or f"{done.rows_in} rejected rows tried"
            row.status = "problem" if done.problems else "ok"
    return done
