"""SQL text made safe, and the one kind of connection that loading uses."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from ingestion.filesystem import SCHEME, Contents
from warehouse import pseudonyms
from warehouse.settings import Settings
from warehouse.sql import literal


def quoted(name: str) -> str:
    """The name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def connect(
    settings: Settings, spill: Path, exports: Path, contents: Contents, threads: int = 0
) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory database that reaches `SMALTI_HOME`, the exports and `contents`, and spills to `spill`."""
    allowed = ", ".join(map(literal, (settings.home.resolve(), exports.resolve(), f"{SCHEME}://")))
    with duckdb.connect() as connection:
        connection.register_filesystem(contents)
        connection.execute(f"set threads = {threads or settings.threads}")
        connection.execute(f"set memory_limit = {literal(settings.memory_limit)}")
        connection.execute(f"set temp_directory = {literal(str(spill))}")
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set enable_progress_bar = false")
        pseudonyms.bind(connection, settings)
        connection.execute(f"set allowed_directories = [{allowed}]")
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
        yield connection
