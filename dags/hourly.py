"""Every hour: exports → raw → profiles → segments, with the scores of last night → destinations."""

import clocks
import pendulum
import tasks
from airflow.sdk import chain, dag

from warehouse import settings

START = pendulum.datetime(2026, 1, 1, tz="UTC")
# one slot: DuckDB admits one writing process; no retries: what failed is made good by the next run
DEFAULTS = {"pool": "warehouse", "retries": 0}


@dag(
    schedule=settings.load().hourly_schedule,
    start_date=START,
    catchup=False,  # one run makes up for all that were missed: it loads everything and speaks of the last tick
    max_active_runs=1,
    deadline=clocks.deadline(settings.load().hourly_deadline_minutes),
    default_args=DEFAULTS,
)
def hourly() -> None:
    """The same stages as at night, without models; data tests are left to the night, the audit is not."""
    build = tasks.build
    turn = clocks.take_turn(yields=True).as_setup()
    found = tasks.find_files()
    chain(
        turn,
        found,
        tasks.load_raw.expand(source=found),
        tasks.check_raw(),
        tasks.open_run(),
        build.override(task_id="build_profiles")("seeds staging input identity profiles", data_tests=False),
        build.override(task_id="build_audience")("segments memberships activation", data_tests=False),
        tasks.publish_version(),
        tasks.deliver.expand(destination=tasks.destinations()),
        tasks.write_report().as_teardown(setups=turn),  # however the rest ended; no leaf that decides on the run
        clocks.end_run().as_teardown(setups=turn),
    )


hourly()
