"""Once a day: what is past its retention is removed; the next run builds everything again from what is left."""

import clocks
import pendulum
import tasks
from airflow.sdk import chain, dag

START = pendulum.datetime(2026, 1, 1, tz="UTC")
# one slot: DuckDB admits one writing process; no retries: what failed is made good by the next run
DEFAULTS = {"pool": "warehouse", "retries": 0}


@dag(
    schedule="0 3 * * *",  # before the night's run, which then builds without it
    start_date=START,
    catchup=False,
    max_active_runs=1,
    deadline=clocks.deadline(60),
    default_args=DEFAULTS,
)
def privacy() -> None:
    """Retention, in its turn."""
    turn = clocks.take_turn(yields=False).as_setup()
    chain(turn, tasks.apply_retention(), clocks.end_run().as_teardown(setups=turn))


privacy()
