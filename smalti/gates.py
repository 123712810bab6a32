"""A raw gate that is red stays so while its deliveries are in raw: a person looks, and accepts them with a reason."""

import json
from datetime import datetime
from typing import Any

from warehouse import ledger, manifest, overrides
from warehouse.errors import SmaltiError
from warehouse.settings import Settings

_SUITES = ("raw", "volume")
_LOADS = ("load_raw", "replay_raw")


def accept(settings: Settings, run_id: str, reason: str, now: datetime) -> list[str]:
    """Take over what the red raw gate of this run looked at, as it is; the failures that are accepted.

    From then on gates look only at what was loaded later. Nothing that came after that run is accepted.

    Raises:
        SmaltiError: the run's raw gate is not red, or it broke and so has looked at nothing; or there is no reason.
    """
    red = {row["run_id"]: row for row in ledger.stages(settings.ledger, stage="check_raw") if row["status"] == "failed"}
    if run_id not in red:
        raise SmaltiError(f"no run {run_id!r} with a red raw gate; there are: {', '.join(red) or 'none'}")
    results = [_result(settings, run_id, suite) for suite in _SUITES]
    failures = [failure for result in results for failure in result["failures"]]
    if not failures or any(result["failed"] and not result["evaluated"] for result in results):
        raise SmaltiError(f"the raw gate of run {run_id} did not judge everything: {red[run_id]['message']}")
    batch = _last_batch(settings, str(red[run_id]["started_at"]))
    overrides.record(settings.ledger, "gate", run_id, [str(batch)], reason, now)
    return failures


def accepted_batch(settings: Settings) -> int:
    """The last batch that a person accepted; 0 before the first."""
    return max(map(int, overrides.passed(settings.ledger, "gate")), default=0)


def _result(settings: Settings, run_id: str, suite: str) -> dict[str, Any]:
    path = settings.gates / run_id / f"{suite}.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"evaluated": 0, "failed": 1}
    return {"failures": []} | found


def _last_batch(settings: Settings, moment: str) -> int:
    """The last batch that was loaded before the gate looked: by runs that began loading by then."""
    loaded = {
        row["run_id"]
        for stage in _LOADS
        for row in ledger.stages(settings.ledger, stage=stage)
        if row["started_at"] <= moment
    }
    lines = (line for path in settings.raw.glob("*/manifest.jsonl") for line in manifest.read(path.parent))
    return max((line.batch for line in lines if line.run_id in loaded), default=0)
