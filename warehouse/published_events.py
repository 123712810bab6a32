"""Events of the published version: a Parquet file a run, written once, shared by the versions that name it.

An hour adds its own file and rewrites none; a version holds a view over the files that its log consists of.
"""

from pathlib import Path

import duckdb

from warehouse import atomic
from warehouse.settings import Settings
from warehouse.sql import literal

# what a segment may ask of an event; identifiers are left out, the person stands for them
COLUMNS = (
    "event_type",
    "platform",
    "device_class",
    "page",
    "product_id",
    "category",
    "search_query",
    "order_id",
    "value_amount",
    "is_bot",
    "referrer_domain",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "occurred_at",
    "arrived_at",
)
_OWNERS = """
create table version.ops.event_owners as
select identifier_number, customer_id from working.identity.customer_ids
"""
_VIEW = """
create view version.profiles.customer_events as
select event_owners.customer_id, events.* exclude (identifier_number)
from read_parquet([{files}]) as events
inner join ops.event_owners as event_owners using (identifier_number)
"""


def write(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Write the files that are missing and this run's own; bind them in the attached `version`."""
    folder = _folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    numbers = connection.execute("select distinct run_number from working.identity.event_log order by 1").fetchall()
    [(own,)] = connection.execute("select run_number from working.ops.control").fetchall()
    paths = [_write(connection, folder, number, is_own=number == own) for (number,) in numbers]
    if not paths:
        paths = [_write(connection, folder, own, is_own=True)]
    connection.execute(_OWNERS)
    connection.execute(_VIEW.format(files=", ".join(map(literal, paths))))
    connection.execute("create table version.ops.event_files (file varchar)")
    connection.executemany("insert into version.ops.event_files values (?)", [[path.name] for path in paths])


def prune(settings: Settings, kept: list[Path]) -> None:
    """Remove the files that none of the kept versions names."""
    named = set()
    for version in kept:
        with duckdb.connect(version, read_only=True) as connection:
            named |= {name for (name,) in _named(connection)}
    for path in _folder(settings).glob("*"):
        if path.name not in named:
            path.unlink()


def _named(connection: duckdb.DuckDBPyConnection) -> list[tuple[str]]:
    there = connection.execute("select 1 from duckdb_tables() where table_name = 'event_files'").fetchall()
    return connection.execute("select file from ops.event_files").fetchall() if there else []


def _folder(settings: Settings) -> Path:
    return settings.published / "data"


def _write(connection: duckdb.DuckDBPyConnection, folder: Path, number: int, *, is_own: bool) -> Path:
    """A run that is repeated replaces its own file: no version names that one yet."""
    path = folder / f"events-{number}.parquet"
    if path.exists() and not is_own:
        return path
    columns = ", ".join(("identifier_number", *COLUMNS))
    query = (
        f"select {columns} from working.identity.event_log"
        f" where run_number = {number} and identifier_number is not null order by occurred_at"
    )
    temporary = path.with_suffix(".tmp")
    connection.execute(f"copy ({query}) to {literal(temporary)} (format parquet, compression zstd)")
    atomic.sync(temporary)
    temporary.replace(path)
    return path
