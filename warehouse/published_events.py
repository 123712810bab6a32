"""Events of the published version: a Parquet file a run, written once, shared by the versions that name it.

An hour adds its own file and rewrites none; a version holds a view over the files that its log consists of.
"""

from pathlib import Path

import duckdb

from warehouse import atomic
from warehouse.published_tables import PARQUET
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
    folder = settings.data
    folder.mkdir(parents=True, exist_ok=True)
    numbers = connection.execute("select distinct run_number from working.identity.event_log order by 1").fetchall()
    [(own, run_id)] = connection.execute("select run_number, run_id from working.ops.control").fetchall()
    before = _published(settings.current)
    paths = {
        number: before[number]
        if number in before and number != own
        else _write(connection, folder / f"events-{number}-{run_id}.parquet", number)
        for number in ([number for (number,) in numbers] or [own])
    }
    connection.execute(_OWNERS)
    connection.execute(_VIEW.format(files=", ".join(map(literal, paths.values()))))
    connection.execute("create table version.ops.event_files (run_number integer, file varchar)")
    rows = [[number, path.name] for number, path in paths.items()]
    connection.executemany("insert into version.ops.event_files values (?, ?)", rows)


def prune(settings: Settings, kept: list[Path]) -> None:
    """Remove the files that none of the kept versions names."""
    named = set()
    for version in kept:
        named |= set(_published(version).values())
    for path in settings.data.glob("events-*"):
        if path not in named:
            path.unlink()


def _published(version: Path) -> dict[int, Path]:
    """The files that a version names, by the run whose events they hold; none of one that is not there."""
    if not version.exists():
        return {}
    with duckdb.connect(version, read_only=True) as connection:
        there = connection.execute("select 1 from duckdb_tables() where table_name = 'event_files'").fetchall()
        rows = connection.execute("select run_number, file from ops.event_files").fetchall() if there else []
    found = {number: version.resolve().parent / "data" / name for number, name in rows}
    return {number: path for number, path in found.items() if path.exists()}


def _write(connection: duckdb.DuckDBPyConnection, path: Path, number: int) -> Path:
    """Named by the run that writes it too: a home whose working file is gone counts its runs anew.

    In the order of the log: files of a source hold a stretch of time each, so a reader of a window skips the rest
    without a sort.
    """
    columns = ", ".join(("identifier_number", *COLUMNS))
    query = (
        f"select {columns} from working.identity.event_log"
        f" where run_number = {number} and identifier_number is not null"
    )
    temporary = path.with_suffix(".tmp")
    connection.execute(f"copy ({query}) to {literal(temporary)} ({PARQUET})")
    atomic.sync(temporary)
    temporary.replace(path)
    return path
