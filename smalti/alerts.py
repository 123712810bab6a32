"""Alerts: one line on what went wrong and where, kept in `logs/alerts.jsonl` and posted where a webhook is set."""

import json
import os
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from warehouse import freshness, ledger, settings
from warehouse.settings import Settings

_BAD = ("failed", "problem", "refused", "blocked")
_RECENT = 1_000


@dataclass(frozen=True)
class Alert:
    """What went wrong: `late` is of a run, `stale` of a source, every other kind of a stage."""

    at: str
    kind: str
    run_id: str
    stage: str
    part: str  # the source or destination, where the stage has one
    message: str

    @property
    def text(self) -> str:
        """The alert as one line."""
        where = f"{self.stage} {self.part}".strip()
        return f"{self.kind}: {where}{' of ' if where else ''}{self.run_id}: {self.message}"


def of_stages(config: Settings, rows: list[dict[str, Any]]) -> None:
    """Alert on those of these ledger rows that tell of a failure, a blocked send, or files that could not be loaded."""
    for row in rows:
        if row["status"] in _BAD:
            _raise(config, row["status"], row["run_id"], row["stage"], row["source"], str(row["message"]))


def late(context: dict[str, Any], minutes: int) -> None:
    """Alert on a scheduled run past its deadline; Airflow calls it, with what it knows of the run."""
    config, run_id = settings.load(), ledger.run_id(context["dag_run"]["dag_run_id"])
    rows = ledger.stages(config.ledger, run_id)
    where = f"{rows[-1]['stage']} {rows[-1]['source']}".strip() if rows else "nothing has begun"
    _raise(config, "late", run_id, "", "", f"not ended after {minutes} minutes; last seen at: {where}")


def of_sources(config: Settings, run_id: str, before: Collection[str]) -> None:
    """Alert on sources that became stale: stale in this run's version, and not among those stale before it.

    A publication that is repeated after a kill tells none of them twice.
    """
    path = config.current.resolve()
    if not path.stem.endswith(run_id):
        return
    told = {(alert["run_id"], alert["part"]) for alert in latest(config, _RECENT) if alert["kind"] == "stale"}
    for row in freshness.published(path):
        if row["freshness"] == "stale" and row["source"] not in before and (run_id, row["source"]) not in told:
            message = f"newest row of {row['newest_at']}; allowed age: {row['fresh_within_hours']} h"
            _raise(config, "stale", run_id, "publish", row["source"], message)


def latest(config: Settings, count: int) -> list[dict[str, Any]]:
    """The latest alerts, newest first."""
    file = config.logs / "alerts.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    return [json.loads(line) for line in lines[: -count - 1 : -1]]


def _raise(config: Settings, kind: str, run_id: str, stage: str, part: str, message: str) -> None:
    line = message.splitlines()[0] if message else "no reason is known"
    line = line.replace(str(config.home), "SMALTI_HOME")  # a folder's name may be a person's
    alert = Alert(datetime.now(UTC).isoformat(timespec="seconds"), kind, run_id, stage, part, line)
    _keep(config, alert)
    if url := config.alert_url.get_secret_value():
        from smalti import webhook  # most stages have nothing to tell, and each is a process of its own

        if why := webhook.post(url, asdict(alert) | {"text": alert.text}):
            told = f"an alert was not posted to SMALTI_ALERT_URL: {why}"
            _keep(config, Alert(alert.at, "unposted", run_id, stage, part, told))


def _keep(config: Settings, alert: Alert) -> None:
    """Append one line in one write, so that alerts of several processes never mix."""
    config.logs.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(config.logs / "alerts.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, (json.dumps(asdict(alert)) + "\n").encode())
    finally:
        os.close(descriptor)
