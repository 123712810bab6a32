"""Anomalies come and go with their windows: in many small runs as in one, whatever the bars."""

import pytest

from tests.incremental.histories import MOMENTS, generate
from tests.incremental.test_histories import FIGURES, differing, models, renamed
from tests.incremental.warehouse import Node, Warehouse

__all__ = ["models"]
KINDS = {"crawler", "inhuman_rate", "never_sleeps", "shared_account", "sudden_activity", "sudden_spend"}
# of the small histories hardly anybody reaches the real bars
LOW = """
    update seeds.anomaly_rules
    set bar = case kind when 'inhuman_rate' then 2 when 'never_sleeps' then 2 when 'sudden_activity' then 0 else 1 end,
        repeats = 1, least = 2, history_floor = 1"""


def _compared(models: list[Node], **changed: tuple[str, str]) -> tuple[Warehouse, Warehouse]:
    exports = generate(400, 5)
    steps, once = Warehouse.of(models, exports, **changed), Warehouse.of(models, exports)
    for warehouse in (steps, once):
        warehouse.connection.execute(LOW)
    for batch, moment in enumerate(MOMENTS, 1):
        steps.run(batch, moment)
    once.run(len(MOMENTS), MOMENTS[-1])
    return renamed(steps, once), once


def test_anomalies_in_steps_are_what_they_are_at_once(models: list[Node]) -> None:
    steps, once = _compared(models)
    found = once.rows("select distinct kind from profiles.anomalies")["kind"]
    assert set(found) == KINDS
    assert differing(steps, once, FIGURES) == []


def test_whoever_is_anomalous_is_in_no_segment(models: list[Node]) -> None:
    _, once = _compared(models)
    both = "select m.customer_id from segments.memberships as m join profiles.anomalies as a using (customer_id)"
    assert once.rows("select customer_id from segments.memberships").height > 0
    assert once.rows(both).is_empty()


@pytest.mark.slow
@pytest.mark.parametrize("days", [7, 30])
def test_an_anomaly_that_outlives_its_window_is_noticed(models: list[Node], days: int) -> None:
    steps, once = _compared(models, touched=(f"event_log.occurred_at <= bounds.as_of - interval {days} day", "false"))
    assert "anomalies" in differing(steps, once, FIGURES)
