"""The vault: clear identifiers by kind and pseudonym, readable by its owner only."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from warehouse import atomic
from warehouse.errors import SmaltiError
from warehouse.pseudonyms import key_id
from warehouse.settings import Settings
from warehouse.sql import literal

_PATIENCE_SECONDS = 5.0
_TABLES = """
create table if not exists vault.identifiers (
    kind varchar not null, hmac varchar not null, value varchar not null,
    first_seen_at timestamp not null, source varchar not null, key_id varchar, primary key (kind, hmac)
);
alter table vault.identifiers add column if not exists key_id varchar;
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


def remember(connection: duckdb.DuckDBPyConnection, settings: Settings, source: str) -> int:
    """Add what `found` (kind, hmac, value, first_seen_at) has and the vault has not; the number added.

    With it what `kept` (file, position, value) has: columns of a source with direct identifiers that no contract names.

    Committed when this returns. Repeating it adds nothing.

    Raises:
        VaultBusyError: another process held the vault for five seconds.
    """
    path = settings.vault
    with _owner_only():
        if not path.exists():
            _create(path)
        _attach(connection, path)
        try:
            connection.execute(_TABLES)
            added = connection.execute(
                """
                insert into vault.identifiers (kind, hmac, value, first_seen_at, source, key_id)
                select kind, hmac, any_value(value), min(first_seen_at), ?, ? from found
                where not exists (
                    select 1 from vault.identifiers as known where known.kind = found.kind and known.hmac = found.hmac
                )
                group by kind, hmac
                """,
                [source, key_id(settings.hmac_key)],
            ).fetchall()
            connection.execute("insert or ignore into vault.extras select ?, file, position, value from kept", [source])
        finally:
            connection.execute("detach vault")
    return int(added[0][0])


def rekey(connection: duckdb.DuckDBPyConnection, settings: Settings, new: str) -> None:
    """Write the vault anew, `new` being SQL for the pseudonym under the key in use.

    Raises:
        VaultBusyError: another process held the vault for five seconds.
    """
    with _anew(connection, settings):
        connection.execute(
            "insert into written.identifiers (kind, hmac, value, first_seen_at, source, key_id) "
            f"select kind, {new}, value, first_seen_at, source, ? from vault.identifiers",
            [key_id(settings.hmac_key)],
        )
        connection.execute("insert into written.extras select source, file, position, value from vault.extras")


def unreferenced(connection: duckdb.DuckDBPyConnection, settings: Settings) -> int:
    """The values of the vault that neither `referenced` (kind, hmac) nor `rows` (source, file, position) names."""
    if not settings.vault.exists():
        return 0
    with _owner_only():
        _attach(connection, settings.vault)
        try:
            connection.execute(_TABLES)
            found = connection.execute(
                "select (select count(*) from vault.identifiers anti join referenced using (kind, hmac))"
                " + (select count(*) from vault.extras anti join rows using (source, file, position))"
            ).fetchall()
        finally:
            connection.execute("detach vault")
    return int(found[0][0])


def keep_referenced(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Write the vault anew without what is unreferenced.

    Raises:
        VaultBusyError: another process held the vault for five seconds.
    """
    with _anew(connection, settings):
        connection.execute(
            "insert into written.identifiers by name from vault.identifiers semi join referenced using (kind, hmac)"
        )
        connection.execute(
            "insert into written.extras by name from vault.extras semi join rows using (source, file, position)"
        )


@contextmanager
def _anew(connection: duckdb.DuckDBPyConnection, settings: Settings) -> Iterator[None]:
    """The vault as `vault` and an empty one as `written`, which takes its place: only a new file loses old bytes."""
    path, aside = settings.vault, settings.vault.with_name(f"{settings.vault.name}.anew.tmp")
    with _owner_only():
        aside.unlink(missing_ok=True)
        _attach(connection, aside)
        connection.execute(_TABLES)
        connection.execute("detach vault")
        connection.execute(f"attach {literal(str(aside))} as written")
        _attach(connection, path)
        try:
            connection.execute(_TABLES)  # of a vault from before they had all their columns
            yield
        finally:
            for name in ("vault", "written"):
                connection.execute(f"detach {name}")  # which writes its log into the file
    atomic.sync(aside)
    aside.replace(path)
    atomic.sync(path.parent)


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
