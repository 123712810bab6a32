"""How fresh each source is at a moment: what the contract allows against the newest row that was known then.

The moment is an argument: a version speaks of its own, `smalti sources list` of the present.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import duckdb

from warehouse import contracts, manifest
from warehouse.contracts import Contract
from warehouse.manifest import Line
from warehouse.settings import Settings

State = Literal["fresh", "stale", "absent"]


@dataclass(frozen=True)
class Freshness:
    """One source at a moment (UTC, naive); `freshness` is None for rows without a limit."""

    source: str
    description: str
    is_simulated: bool
    rows_loaded: int
    newest_at: datetime | None
    fresh_within_hours: int | None
    freshness: State | None


def newest(lines: Sequence[Line], at: datetime) -> datetime | None:
    """The time of the newest loaded row that was known at that moment: of its event, else of its arrival.

    No row is newer than its arrival, whatever a wrong clock says.
    """
    known = [
        min(map(datetime.fromisoformat, (line.arrived_at, line.last_event_at or line.arrived_at)))
        for line in lines
        if line.rows_loaded and line.arrived_at and datetime.fromisoformat(line.arrived_at) <= at
    ]
    return max(known, default=None)


def state(newest_at: datetime | None, within_hours: int | None, at: datetime) -> State | None:
    """`absent` without a row, `stale` once the newest is older than the limit; at the limit exactly it is `fresh`."""
    if newest_at is None:
        return "absent"
    if within_hours is None:
        return None
    return "stale" if at - newest_at > timedelta(hours=within_hours) else "fresh"


def of_source(contract: Contract, lines: Sequence[Line], at: datetime) -> Freshness:
    """The source of this contract, by its manifest."""
    lines = manifest.live(lines)
    newest_at = newest(lines, at)
    return Freshness(
        source=contract.source,
        description=contract.description,
        is_simulated=contract.is_simulated,
        rows_loaded=sum(line.rows_loaded for line in lines),
        newest_at=newest_at,
        fresh_within_hours=contract.fresh_within,
        freshness=state(newest_at, contract.fresh_within, at),
    )


def of_all(settings: Settings, at: datetime) -> list[Freshness]:
    """Every source that has a folder in raw, by name."""
    folders = sorted(path.parent for path in settings.raw.glob("*/contract.json"))
    return [of_source(contracts.read(folder), manifest.read(folder), at) for folder in folders]


def write(connection: duckdb.DuckDBPyConnection, settings: Settings, table: str, at: datetime) -> None:
    """Create this table of all sources at that moment."""
    connection.execute(
        f"create table {table} (source varchar, description varchar, is_simulated boolean, rows_loaded bigint,"
        " newest_at timestamp, fresh_within_hours integer, freshness varchar)"
    )
    for one in of_all(settings, at):
        connection.execute(f"insert into {table} values (?, ?, ?, ?, ?, ?, ?)", list(asdict(one).values()))


def published(path: Path) -> list[dict[str, Any]]:
    """The rows of a version's `ops.sources`; one from before freshness was published has fewer columns."""
    with duckdb.connect(path, read_only=True) as connection:
        cursor = connection.execute("from ops.sources order by source")
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
