"""The rows that a run sees for the first time: what incremental models read in place of all of raw."""

from datetime import datetime

import duckdb

from warehouse import contracts, manifest, raw
from warehouse.settings import Settings

Since = tuple[int, datetime | None] | None


def bind(connection: duckdb.DuckDBPyConnection, settings: Settings, since: Since) -> None:
    """Create the schema `arrivals`: for each source the rows that the last finished run did not see, and this one does.

    `since` is that run's last batch and moment; without it every row is new. A row is new because its file was loaded
    since, or because its arrival or event lay after that moment. Only files that can hold such rows are read.
    """
    connection.execute("create schema if not exists arrivals")
    for folder in sorted(path.parent for path in settings.raw.glob("*/contract.json")):
        contract = contracts.read(folder)
        lines = [line for line in manifest.read(folder) if since is None or _concerns(line, since)]
        body = f"select * from ({raw.rows(folder, lines)}) where {condition(contract, since)}"  # names are our own
        connection.execute(f'create or replace view arrivals."{folder.name}" as {body}')


def condition(contract: contracts.Contract, since: Since) -> str:
    """SQL that holds for a row of raw which the run may see, by arrival and event, and no finished run has seen."""
    times = ["_arrived_at", *([contract.event_time] if contract.event_time else [])]
    known = " and ".join(f'"{time}" <= (select as_of from ops.control)' for time in times)
    if since is None or since[1] is None:
        return known
    later = " or ".join(f"\"{time}\" > timestamp '{since[1]}'" for time in times)
    return f"{known} and (_batch > {since[0]} or {later})"


def _concerns(line: manifest.Line, since: tuple[int, datetime | None]) -> bool:
    batch, moment = since
    if line.status == "superseded" or moment is None or line.batch > batch:
        return True
    return any(time and datetime.fromisoformat(time) > moment for time in (line.arrived_at, line.last_event_at))
