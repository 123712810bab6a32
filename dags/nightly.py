"""Once a night: exports → raw → profiles → scores → segments → destinations."""

import pendulum
import tasks
from airflow.sdk import chain, dag

START = pendulum.datetime(2026, 1, 1, tz="UTC")
# one slot: DuckDB admits one writing process; no retries: what failed is made good by the next run
DEFAULTS = {"pool": "warehouse", "retries": 0}


@dag(schedule="0 4 * * *", start_date=START, catchup=False, max_active_runs=1, default_args=DEFAULTS)
def nightly() -> None:
    """The whole flow, models and data tests included."""
    build = tasks.build
    chain(
        tasks.load_raw.expand(source=tasks.sources()),  # a bad file is an outcome, not a task failure
        tasks.check_raw(),
        tasks.open_run(),  # control row, as_of
        build.override(task_id="build_profiles")("seeds staging input identity profiles features", data_tests=True),
        tasks.score_customers(),
        tasks.check_scores(),
        build.override(task_id="build_audience")("segments memberships activation", data_tests=True),
        tasks.publish_version(),  # audit, durable decisions, swap, done
        tasks.deliver.expand(destination=tasks.destinations()),
        tasks.write_report().as_teardown(),  # runs however the rest ended, and is no leaf that decides on the run
    )


nightly()
