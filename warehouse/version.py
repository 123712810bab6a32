"""The published version that activation reads: one immutable file, opened read-only beside an empty database.

Temporary tables live in the empty database, so nothing is ever written near the version.

Nothing is bound and nothing registered: for either DuckDB imports pandas, which costs more than a small delivery.
Names stand in variables (`tell`), frames come as files (`hand`).
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars as pl

from warehouse.errors import SmaltiError
from warehouse.settings import Settings
from warehouse.sql import literal

# what was published last: a version that has it has all that is asked of one
_ASKED = "select count(*) > 0 from information_schema.tables where table_name = 'segment_checks'"
_TRIES, _PAUSE_SECONDS = 10, 0.1


class NothingPublished(SmaltiError):
    """There is no published version to read."""


@contextmanager
def open_version(settings: Settings) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
    """A connection in which the current version is the catalog `published`, and that version's name.

    Raises:
        NothingPublished: there is no current version.
        duckdb.IOException: it could not be opened within a second.
    """
    spill = settings.home / "tmp"
    connection = duckdb.connect(config={"memory_limit": settings.memory_limit, "threads": settings.threads})
    try:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"set temp_directory = {literal(spill)}")
        yield connection, _attach(connection, settings.current)
    finally:
        connection.close()


def refuse_earlier(connection: duckdb.DuckDBPyConnection, version: str) -> None:
    """Hold the version that this connection sees against what is asked about segments.

    Raises:
        SmaltiError: it was published by a Smalti that did not publish all of it yet.
    """
    if connection.execute(_ASKED).fetchall() != [(True,)]:
        raise SmaltiError(f"version {version} is of an earlier Smalti; allowed is one that the next run publishes")


def tell(connection: duckdb.DuckDBPyConnection, **names: object) -> None:
    """Let SQL read these by `getvariable`."""
    for name, value in names.items():
        connection.execute(f"set variable {name} = {value if isinstance(value, bool | int) else literal(value)}")


def hand(connection: duckdb.DuckDBPyConnection, settings: Settings, name: str, frame: pl.DataFrame) -> None:
    """Make a table of a frame, by way of a file that only we can read."""
    folder = settings.home / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".parquet") as file:
        frame.write_parquet(file.name, compression="uncompressed")
        connection.execute(f"create table {name} as from read_parquet({literal(file.name)})")


def _attach(connection: duckdb.DuckDBPyConnection, current: Path) -> str:
    for attempt in range(1, _TRIES + 1):
        if not current.exists():
            raise NothingPublished(f"nothing is published: no {current}; run the pipeline first")
        # the file behind the name: a publish in between must not mix two versions
        version = current.resolve()
        try:
            connection.execute(f"attach {literal(version)} as published (read_only)")
        except duckdb.IOException:
            if attempt == _TRIES:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return version.stem
    raise AssertionError
