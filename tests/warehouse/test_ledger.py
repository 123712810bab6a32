"""The ledger of runs: what a stage was, also when it ended badly."""

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
        book.execute("insert into accepted values ('files', 'c1', '[]', '', 'p')")
        raise ZeroDivisionError


def test_a_transaction_that_fails_leaves_nothing(settings: Settings):
    with pytest.raises(ZeroDivisionError):
        _accept_and_fail(settings)
    with ledger.connect(settings.ledger) as book:
        assert book.execute("select count(*) from accepted").fetchone()[0] == 0
