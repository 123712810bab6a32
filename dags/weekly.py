"""Once a week, in place of that night's run: the same, and every model is trained and held against its champion."""

import clocks
import pendulum
import tasks
from airflow.sdk import chain, dag

from warehouse import settings

START = pendulum.datetime(2026, 1, 1, tz="UTC")
# one slot: DuckDB admits one writing process; no retries: what failed is made good by the next run
DEFAULTS = {"pool": "warehouse", "retries": 0}


@dag(
    schedule="0 4 * * 1",  # Mondays: then another week's labels are known
    start_date=START,
    catchup=False,  # one run makes up for all that were missed: it loads everything and speaks of the last tick
    max_active_runs=1,
    deadline=clocks.deadline(settings.load().weekly_deadline_minutes),
    default_args=DEFAULTS,
)
def weekly() -> None:
    """The nightly flow, with all models trained."""
    build = tasks.build
    turn = clocks.take_turn(yields=False).as_setup()
    found = tasks.find_files()
    chain(
        turn,
        found,
        tasks.load_raw.expand(source=found),  # a bad file is an outcome, not a task failure
        tasks.check_raw(),
        tasks.open_run(),  # control row, as_of
        tasks.link_records(),
        tasks.backfill_features(),  # of past cut-offs, to learn from
        build.override(task_id="build_profiles")("seeds staging input identity profiles features", data_tests=True),
        tasks.train_models(is_asked=True),
        tasks.score_customers(),
        tasks.check_scores(),
        build.override(task_id="build_audience")("segments memberships activation", data_tests=True),
        tasks.publish_version(),  # audit, durable decisions, swap, done
        tasks.deliver.expand(destination=tasks.destinations()),
        tasks.write_report().as_teardown(setups=turn),  # however the rest ended; no leaf that decides on the run
        clocks.end_run().as_teardown(setups=turn),
    )


weekly()
