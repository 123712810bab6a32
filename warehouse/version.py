"""The published version that activation reads: one immutable file, opened read-only beside an empty database.

Temporary tables live in the empty database, so nothing is ever written near the version.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from warehouse.errors import SmaltiError
from warehouse.settings import Settings

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
        connection.execute("set temp_directory = $spill", {"spill": str(spill)})
        yield connection, _attach(connection, settings.current)
    finally:
        connection.close()


def _attach(connection: duckdb.DuckDBPyConnection, current: Path) -> str:
    for attempt in range(1, _TRIES + 1):
        if not current.exists():
            raise NothingPublished(f"nothing is published: no {current}; run the pipeline first")
        # the file behind the name: a publish in between must not mix two versions
        version = current.resolve()
        quoted = str(version).replace("'", "''")  # `attach` takes no bound value
        try:
            connection.execute(f"attach '{quoted}' as published (read_only)")
        except duckdb.IOException:
            if attempt == _TRIES:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return version.stem
    raise AssertionError
