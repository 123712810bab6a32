"""A log of stages, `logs/<run_id>.jsonl`: one JSON object a line, for whoever collects logs.

Structured where `<run_id>.log` is what Airflow printed. It holds names, times, counts and our own messages: no row.
"""

from pathlib import Path
from typing import Any

import structlog

_PROCESSORS = (
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.JSONRenderer(default=str),
)


def write(folder: Path, event: str, fields: dict[str, Any], level: str = "info") -> None:
    """Append one event with these fields to the log of the run that `fields` names; unknown figures are left out."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{fields['run_id']}.jsonl").open("a") as file:
        # processors of its own: inside Airflow, structlog's defaults are Airflow's
        log = structlog.wrap_logger(
            structlog.WriteLogger(file), processors=_PROCESSORS, wrapper_class=structlog.BoundLogger
        )
        getattr(log, level)(event, **{name: value for name, value in fields.items() if value not in (None, "")})
