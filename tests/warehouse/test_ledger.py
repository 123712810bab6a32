"""The ledger of runs: what a stage was, also when it ended badly."""

import sqlite3
import time
from contextlib import closing

import pytest

from warehouse import ledger
from warehouse.errors import SmaltiError
from warehouse.settings import Settings


def test_a_stage_stands_as_running_and_then_as_what_it_was(settings: Settings):
    with ledger.stage(settings.ledger, "r1", "load_raw", "orders") as row:
        (running,) = ledger.stages(settings.ledger)
        row.rows_in, row.rows_loaded = 3, 2
    (ended,) = ledger.stages(settings.ledger)
    assert (running["status"], running["seconds"]) == ("running", None)
    assert (ended["status"], ended["rows_in"], ended["rows_loaded"], ended["rows_rejected"]) == ("ok", 3, 2, None)
    assert ended["seconds"] is not None


def _write_and_fail(settings: Settings) -> None:
    (settings.home / "written").write_bytes(bytes(3_000_000))
    settings.home.mkdir()


def test_a_stage_carries_what_it_took_also_when_it_failed(settings: Settings):
    with pytest.raises(FileExistsError), ledger.stage(settings.ledger, "r1", "load_raw", "orders"):
        _write_and_fail(settings)
    [row] = ledger.stages(settings.ledger)
    assert 3_000_000 <= row["bytes_written"] < 4_000_000
    assert row["cpu_seconds"] >= 0
    assert row["peak_memory_mb"] > 10


_BEFORE = """
create table runs (
    run_id text not null, stage text not null, source text not null default '', started_at text not null,
    seconds real, rows_in integer, rows_loaded integer, rows_rejected integer, rows_duplicate integer,
    rows_suppressed integer, status text not null, message text, primary key (run_id, stage, source)
);
insert into runs values ('r0', 'publish', '', '2026-09-01T04:00:00.000+00:00', 2.5, 1, 2, 3, 4, 5, 'ok', 'v1')
"""


def test_a_ledger_from_before_gains_the_columns_and_keeps_its_rows(settings: Settings):
    settings.home.mkdir()
    with closing(sqlite3.connect(settings.ledger)) as book:
        book.executescript(_BEFORE)
    with ledger.stage(settings.ledger, "r1", "publish") as row:
        row.output_hash = "ab"
    old, new = ledger.stages(settings.ledger)
    assert (old["run_id"], old["seconds"], old["rows_suppressed"], old["message"]) == ("r0", 2.5, 5, "v1")
    assert (old["cpu_seconds"], old["output_hash"]) == (None, None)
    assert (new["run_id"], new["status"], new["output_hash"]) == ("r1", "ok", "ab")
    assert old.keys() == new.keys()


def test_our_own_errors_are_told_in_full(settings: Settings):
    with pytest.raises(SmaltiError), ledger.stage(settings.ledger, "r1", "publish"):
        raise SmaltiError("audit: a pair stands twice")
    assert ledger.stages(settings.ledger)[0]["message"] == "audit: a pair stands twice"


def test_of_other_errors_only_the_class_is_told(settings: Settings):
    with pytest.raises(ValueError, match="someone"), ledger.stage(settings.ledger, "r1", "publish"):
        raise ValueError("someone@example.com")
    assert ledger.stages(settings.ledger)[0]["message"] == "ValueError"


def test_a_stage_that_was_killed_does_not_run_for_ever(settings: Settings):
    with ledger.stage(settings.ledger, "r2", "publish"):
        ledger.close_cut_short(settings.ledger)
        found = ledger.stages(settings.ledger, "r2")[0]
    assert (found["status"], found["message"]) == ("failed", "was cut short")


def _accept_and_fail(settings: Settings) -> None:
    with ledger.connect(settings.ledger) as book:
        book.execute("insert into accepted values ('files', 'c1', '[]', '', 'p', null)")
        raise ZeroDivisionError


def test_a_transaction_that_fails_leaves_nothing(settings: Settings):
    with pytest.raises(ZeroDivisionError):
        _accept_and_fail(settings)
    with ledger.connect(settings.ledger) as book:
        assert book.execute("select count(*) from accepted").fetchone()[0] == 0


def test_who_looks_at_the_stages_waits_for_no_writer(settings: Settings):
    with ledger.stage(settings.ledger, "one", "publish"):
        pass
    with ledger.connect(settings.ledger) as writer:  # as a delivery does for a minute, where a million people are told
        writer.execute("update runs set message = 'not yet'")
        began = time.monotonic()
        [row] = ledger.stages(settings.ledger)
        assert (row["message"], time.monotonic() - began < 2) == (None, True)
