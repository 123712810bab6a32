"""A corrected file after the night: the next hour comes to what a shop would have that got the right file at once."""

import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.pipeline.home import Home
from tests.pipeline.oracle import SCORED
from tests.pipeline.shop import simulate
from tests.pipeline.state import State

SMALL = {"SMALTI_SEGMENT_FLOOR": "10"}
# what a version remembers of earlier ones, or of whom it was sent to
REMEMBERED = {"profiles.customers_history", "profiles.merges", "segments.membership_history"}


@dataclass(frozen=True)
class Corrected:
    """The night with the wrong files, the hour after their correction, and the night of a shop that had none."""

    night: State
    hour: State
    at_once: State
    summary: dict[str, Any]
    control: tuple[bool, bool]


def _correct(data: Path) -> None:
    """Orders that were returned, not completed, and an hour of events without its last half."""
    orders = max(data.rglob("orders_*.csv"), key=lambda path: path.stat().st_size)
    header, *rows = orders.read_text().splitlines(keepends=True)
    right = [row.replace(",completed,", ",returned,") if n % 3 else row for n, row in enumerate(rows)]
    assert sum(row not in rows for row in right) > 10
    orders.write_text("".join([header, *right]))
    _halve(max(data.rglob("events_*.jsonl*"), key=lambda path: path.stat().st_size))


def _halve(events: Path) -> None:
    text = gzip.decompress(events.read_bytes())
    lines = text.splitlines(keepends=True)
    assert len(lines) > 10
    events.write_bytes(gzip.compress(b"".join(lines[: len(lines) // 2])))


@pytest.fixture(scope="session")
def corrected(tmp_path_factory: pytest.TempPathFactory) -> Corrected:
    folder = tmp_path_factory.mktemp("corrected")
    home, data = Home(folder / "home", SMALL), folder / "exports"
    simulate(home, data, customers=400, days=20)
    home.nightly(data)
    night = State.of(home)
    _correct(data)
    summary = home.run("hourly", data)
    with duckdb.connect(home.path / "warehouse" / "working.duckdb", read_only=True) as connection:
        [control] = connection.execute("select is_full, done from ops.control").fetchall()
    twin = Home(folder / "twin", SMALL)
    twin.run("hourly", data)  # what profiles come to is the same at any hour
    return Corrected(night, State.of(home), State.of(twin), summary, control)


def test_the_run_that_sees_a_correction_builds_everything_again(corrected: Corrected) -> None:
    assert corrected.control == (True, True)
    loaded = {row["source"]: row["rows_loaded"] for row in corrected.summary["sources"]}
    assert loaded["shop_orders"] > 0
    assert loaded["web_events"] > 0


def test_published_tables_are_those_of_a_shop_that_got_the_right_files_at_once(corrected: Corrected) -> None:
    hour, wanted = corrected.hour.tables, corrected.at_once.tables
    same = [name for name in hour if name.startswith("profiles.") and name not in REMEMBERED]
    assert len(same) > 5
    assert [name for name in same if hour[name] != wanted[name]] == []
    ruled = [[row[:2] for row in tables["segments.memberships"] if row[0] not in SCORED] for tables in (hour, wanted)]
    assert ruled[0] == ruled[1]


def test_the_correction_matters(corrected: Corrected) -> None:
    for table in ("profiles.customers", "profiles.sessions"):
        assert corrected.night.tables[table] != corrected.hour.tables[table]
