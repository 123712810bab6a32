"""Whose turn it is: two clocks that do not hurt each other."""

from datetime import datetime, timedelta

import pytest

from warehouse import lease
from warehouse.errors import Busy, SmaltiError
from warehouse.settings import Settings

NOW = datetime(2026, 9, 1, 4)
MINUTE = timedelta(minutes=1)


def test_one_run_has_the_turn_and_another_is_busy_until_it_is_given_back(settings: Settings):
    lease.take(settings.ledger, "nightly", NOW, yields=False)
    with pytest.raises(Busy, match="run nightly holds the warehouse until 2026-09-01T04:30 UTC"):
        lease.take(settings.ledger, "hourly", NOW, yields=True)
    lease.release(settings.ledger, "nightly")
    lease.take(settings.ledger, "hourly", NOW, yields=True)


def test_a_run_may_take_its_own_turn_again(settings: Settings):
    lease.take(settings.ledger, "nightly", NOW, yields=False)
    lease.take(settings.ledger, "nightly", NOW, yields=False)


def test_a_turn_lapses_after_half_an_hour_unless_it_is_renewed(settings: Settings):
    lease.take(settings.ledger, "nightly", NOW, yields=False)
    lease.renew(settings.ledger, "nightly", NOW + 29 * MINUTE)
    with pytest.raises(Busy):
        lease.take(settings.ledger, "hourly", NOW + 58 * MINUTE, yields=True)
    lease.take(settings.ledger, "hourly", NOW + 59 * MINUTE, yields=True)


def test_a_run_whose_turn_was_taken_by_another_goes_no_further(settings: Settings):
    lease.take(settings.ledger, "nightly", NOW, yields=False)
    lease.take(settings.ledger, "hourly", NOW + 31 * MINUTE, yields=True)
    with pytest.raises(SmaltiError, match="run nightly lost its turn: run hourly holds"):
        lease.renew(settings.ledger, "nightly", NOW + 32 * MINUTE)


def test_a_run_that_comes_often_keeps_behind_one_that_waits(settings: Settings):
    lease.take(settings.ledger, "hourly-1", NOW, yields=True)
    with pytest.raises(Busy):
        lease.take(settings.ledger, "nightly", NOW, yields=False)
    lease.release(settings.ledger, "hourly-1")
    with pytest.raises(Busy, match="run nightly waits its turn"):
        lease.take(settings.ledger, "hourly-2", NOW + MINUTE, yields=True)
    lease.take(settings.ledger, "nightly", NOW + MINUTE, yields=False)


def test_one_that_ceased_to_wait_keeps_nobody_out(settings: Settings):
    lease.take(settings.ledger, "hourly-1", NOW, yields=True)
    with pytest.raises(Busy):
        lease.take(settings.ledger, "nightly", NOW, yields=False)
    lease.release(settings.ledger, "hourly-1")
    lease.take(settings.ledger, "hourly-2", NOW + 2 * MINUTE, yields=True)


def test_a_run_by_hand_is_refused_only_while_a_turn_is_held(settings: Settings):
    lease.refuse_while_held(settings.ledger, NOW)
    lease.take(settings.ledger, "nightly", NOW, yields=False)
    with pytest.raises(Busy, match="run nightly holds the warehouse"):
        lease.refuse_while_held(settings.ledger, NOW)
    lease.refuse_while_held(settings.ledger, NOW + 30 * MINUTE)
    lease.release(settings.ledger)
    lease.refuse_while_held(settings.ledger, NOW)
