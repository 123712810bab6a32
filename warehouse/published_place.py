"""Where a version's files stand: its views name them by full path, so a folder that moved is followed."""

from pathlib import Path

import duckdb

from warehouse import atomic
from warehouse.settings import Settings
from warehouse.sql import literal


def write(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Say in the attached `version` which folder its views name."""
    connection.execute(f"create table version.ops.place as select {literal(settings.data)} as folder")


def follow(settings: Settings) -> list[Path]:
    """Let every version whose folder was moved name its files where they are now; return those versions.

    Each is copied aside and swapped in by one rename; what is repeated finds less to do.
    """
    return [
        path
        for path in sorted(settings.published.glob("*.duckdb"))
        if not path.is_symlink() and _moved(path, settings.data)
    ]


def _moved(path: Path, data: Path) -> bool:
    with duckdb.connect(path, read_only=True) as connection:
        there = connection.execute("select 1 from duckdb_tables() where table_name = 'place'").fetchall()
        before = connection.execute("select folder from ops.place").fetchall() if there else []
        views = connection.execute("select sql from duckdb_views() where not internal").fetchall()
    if before in ([], [(str(data),)]):
        return False
    [(old,)] = before
    aside = path.with_name(f"{path.name}.tmp")
    aside.unlink(missing_ok=True)
    aside.write_bytes(path.read_bytes())
    with duckdb.connect(aside) as connection:
        for (view,) in views:
            new = view.replace(_quoted(old), _quoted(str(data)))
            connection.execute(new.replace("CREATE VIEW", "CREATE OR REPLACE VIEW", 1))
        connection.execute("update ops.place set folder = ?", [str(data)])
    atomic.swap(aside, path)
    return True


def _quoted(folder: str) -> str:
    """The beginning of a file's name as it stands in SQL."""
    return literal(f"{folder}/").removesuffix("'")
