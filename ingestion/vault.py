"""The vault: clear identifiers by kind and pseudonym, readable by its owner only."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from warehouse.errors import SmaltiError
from warehouse.sql import literal

_PATIENCE_SECONDS = 5.0
_TABLES = """
create table if not exists vault.identifiers (
    kind varchar not null, hmac varchar not null, value varchar not null,
    first_seen_at timestamp not null, source varchar not null, primary key (kind, hmac)
);
create table if not exists vault.extras (
    source varchar not null, file varchar not null, position bigint not null,
    value varchar not null, primary key (source, file, position)
);
"""


class VaultBusyError(SmaltiError):
    """Another process holds the vault."""


@contextmanager
def _owner_only() -> Iterator[None]:
    """Whatever is created here is the owner's alone: DuckDB makes the write-ahead log as it pleases otherwise."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def remember(connection: duckdb.DuckDBPyConnection, path: Path, source: str) -> int:
    """Add what `found` (kind, hmac, value, first_seen_at) has and the vault has not; the number added.

    With it what `kept` (file, position, value) has: columns of a source with direct identifiers that no contract names.

    Committed when this returns. Repeating it adds nothing.

    Raises:
        VaultBusyError: another process held the vault for five seconds.
    """
    with _owner_only():
        if not path.exists():
            _create(path)
        _attach(connection, path)
        try:
            connection.execute(_TABLES)
            added = connection.execute(
                """
                insert into vault.identifiers
                select kind, hmac, any_value(value), min(first_seen_at), ? from found
                where not exists (
                    select 1 from vault.identifiers as known where known.kind = found.kind and known.hmac = found.hmac
                )
                group by kind, hmac
                """,
                [source],
            ).fetchall()
            connection.execute("insert or ignore into vault.extras select ?, file, position, value from kept", [source])
        finally:
            connection.execute("detach vault")
    return int(added[0][0])


def _create(path: Path) -> None:
    """Under another name first: creating a DuckDB file is its one step that a kill can leave half done."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f"{path.name}.*tmp*"):  # of a process that was killed here
        left.unlink()
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    duckdb.connect(str(temporary)).close()
    temporary.replace(path)


def _attach(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            connection.execute(f"attach {literal(str(path))} as vault")
        except duckdb.IOException as error:
            if "Could not set lock" not in str(error):
                raise
            if time.monotonic() > deadline:
                break
            time.sleep(0.1)
        else:
            return
    raise VaultBusyError(f"vault busy · {path.name} · one process at a time")
