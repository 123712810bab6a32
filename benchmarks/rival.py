"""drt-core as its documentation has it run: members from DuckDB in batches to a REST address, and its `retry`.

Its settings are the most favourable that are documented: no pacing, a key for each request, whole rows as JSON by one
filter, a dead-letter file without a limit; tries and waits as they come, since more tries took as long.
"""

import os
import subprocess
from pathlib import Path

import yaml

VERSION = "1.2.1"
_PROJECT = {"name": "bench", "version": "1.0", "profile": "local"}


def install(folder: Path) -> Path:
    """An environment of its own; the path of its command."""
    python = folder / "venv" / "bin" / "python"
    subprocess.run(["uv", "venv", "--quiet", "--python", "3.11", str(folder / "venv")], check=True)
    wanted = f"drt-core[duckdb]=={VERSION}"
    subprocess.run(
        ["uv", "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python), wanted], check=True
    )
    return python.with_name("drt")


def configure(folder: Path, database: Path, url: str, batch: int) -> None:
    """A project that sends the table `members`."""
    destination = {
        "type": "rest_api",
        "url": url,
        "method": "POST",
        "headers": {"Content-Type": "application/json"},
        "body_mode": "batch",
        "batch_template": '{"records": {{ rows | tojson_safe }}}',
        "native_idempotency_key": "{{ request_id }}",
    }
    how = {
        "mode": "full",
        "batch_size": batch,
        "on_error": "skip",
        "rate_limit": {"requests_per_second": 0},
        "dlq": {"enabled": True, "max_records": 0},
    }
    query = "select customer_id as id, segment_ids from members order by customer_id"
    _write(folder / "drt_project.yml", _PROJECT)
    _write(folder / "home" / ".drt" / "profiles.yml", {"local": {"type": "duckdb", "database": str(database)}})
    _write(
        folder / "syncs" / "members.yml", {"name": "members", "model": query, "destination": destination, "sync": how}
    )


def environment(folder: Path) -> dict[str, str]:
    """The variables that its command needs to find its profile, and to tell nobody."""
    return {"HOME": str(folder / "home"), "PATH": os.environ["PATH"], "DRT_TELEMETRY": "0", "DO_NOT_TRACK": "1"}


def _write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content))
