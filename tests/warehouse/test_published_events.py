"""Files of events: one a run, written once, whatever becomes of the working file."""

from pathlib import Path

import duckdb
import pytest

from warehouse import atomic, published_events
from warehouse.settings import Settings

_OTHERS = ", ".join(
    f"cast(null as varchar) as {name}" for name in published_events.COLUMNS if name not in ("event_type", "occurred_at")
)


class Working:
    """A log of events that runs add to, and versions that are published of it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        settings.published.mkdir(parents=True)
        self.begin()

    def begin(self) -> None:
        """As in a home without a working file: runs are counted from one."""
        self.connection = duckdb.connect()
        self.connection.execute(
            "attach ':memory:' as working; create schema working.identity; create schema working.ops"
        )
        self.connection.execute(
            "create table working.identity.event_log as select 1 as identifier_number, 0 as run_number,"
            f" '' as event_type, timestamp '2026-01-01' as occurred_at, {_OTHERS} limit 0"
        )
        self.connection.execute(
            "create table working.identity.customer_ids as select 1 as identifier_number, 'c1' as customer_id"
        )

    def run(self, number: int, run_id: str, *events: str) -> Path:
        """A run that sees these events first, and the version that it publishes."""
        self.connection.execute("create or replace table working.ops.control (run_number integer, run_id varchar)")
        self.connection.execute("insert into working.ops.control values (?, ?)", [number, run_id])
        for event in events:
            self.connection.execute(
                "insert into working.identity.event_log by name select 1 as identifier_number, ? as run_number,"
                " ? as event_type, timestamp '2026-01-01' as occurred_at",
                [number, event],
            )
        path = self.settings.published / f"{run_id}.duckdb"
        self.connection.execute(f"attach '{path}' as version")
        self.connection.execute("create schema version.profiles; create schema version.ops")
        published_events.write(self.connection, self.settings)
        self.connection.execute("detach version")
        atomic.point(self.settings.current, path)
        return path


def events(version: Path) -> list[str]:
    with duckdb.connect(version, read_only=True) as connection:
        rows = connection.execute("select event_type from profiles.customer_events order by 1").fetchall()
        return [name for (name,) in rows]


@pytest.fixture
def working(settings: Settings) -> Working:
    return Working(settings)


def test_a_run_adds_its_file_and_leaves_the_others_as_they_are(working: Working):
    first = working.run(1, "a", "view")
    before = {path: path.stat().st_mtime_ns for path in (first.parent / "data").iterdir()}
    second = working.run(2, "b", "cart", "purchase")
    assert (events(first), events(second)) == (["view"], ["cart", "purchase", "view"])
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(list((first.parent / "data").iterdir())) == 2


def test_a_home_that_counts_its_runs_anew_changes_no_version_that_is_published(working: Working):
    first = working.run(1, "a", "view")
    working.begin()
    again = working.run(1, "b", "search")
    assert (events(first), events(again)) == (["view"], ["search"])
    assert events(working.run(2, "c", "cart")) == ["cart", "search"]


def test_a_file_that_is_gone_is_written_again(working: Working):
    first = working.run(1, "a", "view")
    for path in (first.parent / "data").iterdir():
        path.unlink()
    assert events(working.run(2, "b", "cart")) == ["cart", "view"]


def test_files_that_no_kept_version_names_go(working: Working, settings: Settings):
    first = working.run(1, "a", "view")
    working.begin()
    again = working.run(1, "b", "search")
    published_events.prune(settings, [again])
    assert events(again) == ["search"]
    assert [path.name for path in (first.parent / "data").iterdir()] == ["events-1-b.parquet"]
