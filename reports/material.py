"""What a report is made from: the run's rows in the ledger, and the version that it published or left in place."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from warehouse import ledger, publish
from warehouse.errors import SmaltiError
from warehouse.floor import Floor
from warehouse.publish import Version
from warehouse.settings import Settings

NOT_SHOWN = {"take_turn", "report", "end_run"}  # stages about the run itself
_SHOWN = 10
Row = dict[str, Any]


@dataclass(frozen=True)
class Material:
    """A run and the version that its report shows; both None and no connection before the first version."""

    settings: Settings
    run_id: str
    stages: tuple[Row, ...]
    version: Version | None
    connection: duckdb.DuckDBPyConnection | None
    floor: Floor

    @property
    def is_own(self) -> bool:
        """Whether the version is the run's own, not one that an earlier run left."""
        return self.version is not None and _run_of(self.version) == self.run_id

    @property
    def failed(self) -> tuple[Row, ...]:
        """The stages that did not end well."""
        return tuple(stage for stage in self.stages if stage["status"] in ("failed", "running"))

    @property
    def as_of(self) -> datetime | None:
        """The moment that the run speaks of, or else the version; None before both."""
        opened = [row["message"] for row in self.stages if row["stage"] == "open_run" and row["status"] == "ok"]
        return datetime.fromisoformat(opened[-1]) if opened else self.version.as_of if self.version else None

    def query(self, sql: str) -> list[Row]:
        """Rows of the version; none where there is no version."""
        if self.connection is None:
            return []
        cursor = self.connection.execute(sql)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@contextmanager
def gather(settings: Settings, run_id: str) -> Iterator[Material]:
    """The material for a report of this run.

    Raises:
        SmaltiError: the ledger knows no such run, or the version that it published is no longer kept.
    """
    every = ledger.stages(settings.ledger)
    stages = tuple(row for row in every if row["run_id"] == run_id and row["stage"] not in NOT_SHOWN)
    known = list(dict.fromkeys(str(row["run_id"]) for row in every))
    if not stages:
        there = ", ".join(known[: -_SHOWN - 1 : -1]) or "none yet"
        raise SmaltiError(f"no run {run_id!r} in {settings.ledger}; the latest are: {there}")
    version = _version(settings, known[: known.index(run_id) + 1])
    published = any(row["stage"] == "publish" and row["status"] == "ok" for row in stages)
    if published and (version is None or _run_of(version) != run_id):
        raise SmaltiError(
            f"the version that run {run_id} published is no longer kept; `smalti publish list` names them"
        )
    connection = duckdb.connect(version.path, read_only=True) if version else None
    try:
        yield Material(settings, run_id, stages, version, connection, Floor(settings.segment_floor))
    finally:
        if connection:
            connection.close()


def _run_of(version: Version) -> str:
    return version.name.split("-", 1)[1]


def _version(settings: Settings, until: list[str]) -> Version | None:
    """The newest version of this run or of those before it."""
    if not settings.published.exists():
        return None
    found = [version for version in publish.versions(settings) if _run_of(version) in until]
    return max(found, key=lambda version: until.index(_run_of(version)), default=None)
