"""The truth about runs, plans, receipts and what destinations have accepted: one SQLite file."""

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from warehouse.errors import SmaltiError
from warehouse.usage import Meter

_SCHEMA = """
create table if not exists runs (
    run_id text not null, stage text not null, source text not null default '', started_at text not null,
    seconds real, rows_in integer, rows_loaded integer, rows_rejected integer, rows_duplicate integer,
    rows_suppressed integer, status text not null, message text, bytes_read integer, bytes_written integer,
    cpu_seconds real, peak_memory_mb real, input_hash text, output_hash text, primary key (run_id, stage, source)
);
create table if not exists plans (
    plan_id text primary key, run_id text not null, destination text not null, version text not null,
    created_at text not null, added integer not null, changed integer not null, removed integer not null,
    status text not null, blocked_by text, calls integer, records_sent integer, waits integer, waited_seconds real
);
create table if not exists receipts (
    plan_id text not null, destination text not null, customer_id text not null, outcome text not null,
    code text, attempted_at text not null, primary key (plan_id, customer_id)
) without rowid;
create table if not exists accepted (
    destination text not null, customer_id text not null, segment_ids text not null,
    accepted_at text not null, plan_id text not null, attributes text, primary key (destination, customer_id)
) without rowid;
create table if not exists batches (
    plan_id text not null, first integer not null, last integer not null, state text not null,
    primary key (plan_id, first)
);
create table if not exists dead_letters (
    destination text not null, customer_id text not null, segment_ids text not null, code text, plan_id text not null,
    rejected_at text not null, attributes text, primary key (destination, customer_id)
);
create table if not exists suppressions (
    identifier_type text not null, identifier_hash text not null, reason text not null, decided_at text not null,
    primary key (identifier_type, identifier_hash)
);
create table if not exists overrides (
    kind text not null, subject text not null, detail text not null, reason text not null, decided_at text not null,
    primary key (kind, subject, detail)
);
create table if not exists separations (
    left_type text not null, left_hash text not null, right_type text not null, right_hash text not null,
    reason text not null, decided_at text not null, primary key (left_type, left_hash, right_type, right_hash)
);
create table if not exists versions (
    version text primary key, run_id text not null, as_of text not null, batch integer not null,
    fingerprint text not null, digest text not null, links_run_id text,
    key_id text
);
create table if not exists decisions (
    run_id text not null, model text not null, as_of text not null, outcome text not null, reason text not null,
    champion text, challenger text, detail text not null, primary key (run_id, model)
);
create table if not exists turns (run_id text primary key, state text not null, until text not null);
"""
# what tables gained since they were first made: a ledger from before is given these columns and keeps its rows
_GAINED = {
    "runs": {
        "bytes_read": "integer",
        "bytes_written": "integer",
        "cpu_seconds": "real",
        "peak_memory_mb": "real",
        "input_hash": "text",
        "output_hash": "text",
    },
    "plans": {
        "blocked_by": "text",
        "calls": "integer",
        "records_sent": "integer",
        "waits": "integer",
        "waited_seconds": "real",
    },
    "accepted": {"attributes": "text"},
    "dead_letters": {"attributes": "text"},
}


_MESSAGES = ".messages"


def stream(destination: str) -> str:
    """Under which name plans, receipts and what was accepted of a destination's messages stand; no module has a dot."""
    return destination + _MESSAGES


@dataclass
class Stage:
    """Counts that a stage fills in while it runs; they become its row in `runs`.

    `status` is ok, running, failed; of a load also `problem` (some files could not be loaded),
    `refused` (none of the files given could) and `none` (no files were given); of a turn also
    `waiting` (another run has it) and `skipped` (this run is not needed). `bytes_read` to `peak_memory_mb`
    are measured (warehouse/usage.py); the hashes are those of what the stage read and left.
    """

    rows_in: int | None = None
    rows_loaded: int | None = None
    rows_rejected: int | None = None
    rows_duplicate: int | None = None
    rows_suppressed: int | None = None
    status: str = "ok"
    message: str | None = None
    bytes_read: int | None = None
    bytes_written: int | None = None
    cpu_seconds: float | None = None
    peak_memory_mb: float | None = None
    input_hash: str | None = None
    output_hash: str | None = None

    def count(self, balance: object) -> None:
        """Take the row counts over from an outcome that names them alike."""
        for name in vars(self):
            if name.startswith("rows_"):
                setattr(self, name, getattr(balance, name))


@contextmanager
def connect(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection in which the block is one transaction: committed at its end, or not at all."""
    with session(path) as connection, transaction(connection):
        yield connection


@contextmanager
def session(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection for several transactions, or to look at what is committed: that waits for no writer."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=5, isolation_level=None)
    connection.row_factory = sqlite3.Row
    try:
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")
        connection.executescript(_SCHEMA)
        if _missing(connection):
            with transaction(connection):
                _add_columns(connection)
        yield connection
    finally:
        connection.close()


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Committed at its end, or not at all."""
    connection.execute("begin immediate")
    try:
        yield
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:
            connection.execute("rollback")
        raise


def _missing(connection: sqlite3.Connection) -> list[tuple[str, str, str]]:
    """Table, name and type of columns that this file lacks."""
    known = {
        (table, row["name"])
        for table in _GAINED
        for row in connection.execute(f"pragma table_info({table})").fetchall()
    }
    return [
        (table, name, kind)
        for table, gained in _GAINED.items()
        for name, kind in gained.items()
        if (table, name) not in known
    ]


def _add_columns(connection: sqlite3.Connection) -> None:
    for table, name, kind in _missing(connection):  # looked at again: another process may have been first
        connection.execute(f"alter table {table} add column {name} {kind}")


@contextmanager
def stage(path: Path, run_id: str, name: str, source: str = "") -> Iterator[Stage]:
    """Record one stage of a run: `running` at its start, its counts and status at its end.

    An exception marks it `failed`, unless the stage has said otherwise: our own with their message,
    others with their class only, because messages may carry values.
    """
    started, clock = datetime.now(UTC).isoformat(timespec="milliseconds"), time.monotonic()
    row = Stage(status="running")
    _write(path, run_id, name, source, started, None, row)
    row.status = "ok"
    meter = Meter()
    try:
        with meter:
            yield row
    except BaseException as error:
        row.status = "failed" if row.status == "ok" else row.status
        row.message = str(error) if isinstance(error, SmaltiError) else type(error).__name__
        raise
    finally:
        vars(row).update(vars(meter.usage))
        _write(path, run_id, name, source, started, time.monotonic() - clock, row)


def run_id(stated: str) -> str:
    """The name of a run, fit to name files by."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", stated)


def close_cut_short(path: Path) -> list[dict[str, Any]]:
    """Mark stages that stand as running as failed, and return them.

    Whoever holds the slot runs alone, so they were killed.
    """
    with connect(path) as connection:
        found = connection.execute(
            "update runs set status = 'failed', message = 'was cut short' where status = 'running' returning *"
        )
        return [dict(row) for row in found]


def _write(path: Path, run_id: str, name: str, source: str, started: str, seconds: float | None, row: Stage) -> None:
    key = {"run_id": run_id, "stage": name, "source": source, "started_at": started, "seconds": seconds}
    values = key | vars(row)
    names, places = ", ".join(values), ", ".join(f":{column}" for column in values)
    with connect(path) as connection:
        connection.execute(f"insert or replace into runs ({names}) values ({places})", values)


def close_waiting(path: Path, run_id: str) -> list[dict[str, Any]]:
    """Mark the turn that this run still waits for as failed, and return its row."""
    with connect(path) as connection:
        found = connection.execute(
            "update runs set status = 'failed' where run_id = ? and status = 'waiting' returning *", (run_id,)
        )
        return [dict(row) for row in found]


def stages(
    path: Path, run_id: str | None = None, stage: str | None = None, source: str | None = None
) -> list[dict[str, Any]]:
    """The rows of `runs`, oldest first; of one run, stage and source where they are named."""
    if not path.exists():
        return []
    asked = {"run_id": run_id, "stage": stage, "source": source}
    named = {name: value for name, value in asked.items() if value is not None}
    where = f"where {' and '.join(f'{name} = :{name}' for name in named)}" if named else ""
    with session(path) as connection:
        found = connection.execute(f"select * from runs {where} order by started_at, rowid", named)
        return [dict(row) for row in found]
