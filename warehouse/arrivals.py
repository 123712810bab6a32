"""The rows that a run sees for the first time: what incremental models read in place of all of raw."""

from datetime import datetime

import duckdb

from warehouse import contracts, manifest, raw
from warehouse.settings import Settings

Since = tuple[int, datetime | None] | None


def bind(connection: duckdb.DuckDBPyConnection, settings: Settings, since: Since, *, is_lookback: bool = False) -> None:
    """Create the schema `arrivals`: for each source the rows that the last finished run did not see, and this one does.

    `since` is that run's last batch and moment; without it every row is new. A row is new because its file was loaded
    since, or because its arrival or event lay after that moment. Only files that can hold such rows are read.
    """
    connection.execute("create schema if not exists arrivals")
    for folder in sorted(path.parent for path in settings.raw.glob("*/contract.json")):
        contract = contracts.read(folder)
        every = manifest.read(folder)
        lines = [line for line in every if since is None or _concerns(line, since)]
        known = condition(contract, since, begun(every) if is_lookback else None)
        body = f"select * from ({raw.rows(folder, lines)}) where {known}"  # names are our own
        connection.execute(f'create or replace view arrivals."{folder.name}" as {body}')


def delivering(connection: duckdb.DuckDBPyConnection, settings: Settings) -> set[str]:
    """The sources that may hold rows which the open run sees for the first time."""
    [since] = connection.execute("select lo, prev_as_of from ops.control").fetchall()
    return {
        folder.name
        for folder in (path.parent for path in settings.raw.glob("*/contract.json"))
        if any(_is_new(line, since) for line in manifest.read(folder))
    }


def condition(contract: contracts.Contract, since: Since, first: str | None = None) -> str:
    """SQL that holds for a row of raw which the run may see, by arrival and event, and no finished run has seen.

    With `first`, the arrival of a source's first delivery, that delivery counts as known whenever it happened.
    """
    times = ["_arrived_at", *([contract.event_time] if contract.event_time else [])]
    known = " and ".join(f'"{time}" <= (select as_of from ops.control)' for time in times)
    if first:
        known = known.replace('"_arrived_at" <=', f'"_arrived_at" <= timestamp \'{first}\' or "_arrived_at" <=', 1)
        known = "(" + known.replace(" and ", ") and ", 1) if contract.event_time else f"({known})"
    if since is None or since[1] is None:
        return known
    later = " or ".join(f"\"{time}\" > timestamp '{since[1]}'" for time in times)
    return f"{known} and (_batch > {since[0]} or {later})"


def begun(lines: list[manifest.Line]) -> str | None:
    """When the first delivery arrived that holds rows: what a shop had before it began to deliver."""
    return min((line.arrived_at for line in lines if line.arrived_at and line.rows_loaded), default=None)


def _concerns(line: manifest.Line, since: tuple[int, datetime | None]) -> bool:
    return line.status == "superseded" or _is_new(line, since)


def _is_new(line: manifest.Line, since: tuple[int, datetime | None]) -> bool:
    batch, moment = since
    if moment is None or line.batch > batch:
        return True
    return any(time and datetime.fromisoformat(time) > moment for time in (line.arrived_at, line.last_event_at))
