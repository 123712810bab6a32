"""How far back a source reaches: what retention has removed does not come back, whatever file it comes in."""

import json
from datetime import datetime
from pathlib import Path

import duckdb

from warehouse import atomic

_NAME = "retention.json"


def read(folder: Path) -> datetime | None:
    """The arrival up to which the source's rows are gone (UTC, naive); None where retention never removed any."""
    path = folder / _NAME
    return datetime.fromisoformat(json.loads(path.read_text())["until"]) if path.exists() else None


def move(folder: Path, until: datetime) -> None:
    """Let the source reach back to this arrival, exclusive; never further than before."""
    if (before := read(folder)) and before >= until:
        return
    temporary = folder / f"{_NAME}.tmp"
    temporary.write_text(json.dumps({"until": until.isoformat()}))
    atomic.sync(temporary)
    temporary.replace(folder / _NAME)
    atomic.sync(folder)


def suppress(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Take the rows of `judged` beyond the source's horizon out of it, and count them by file in `suppressed`."""
    until = read(folder)
    old = f"_arrived_at <= timestamp '{until}'" if until else "false"
    connection.execute(
        "create or replace temp table suppressed as "
        f"select _file_no as number, count(*) as rows from judged where {old} group by all"
    )
    connection.execute(f"delete from judged where {old}")
