"""The steps that DAGs chain: each is a stage of the run that Airflow tells of."""

from datetime import UTC
from typing import Any

from airflow.sdk import get_current_context, task

from reverse_etl import destination
from smalti import stages

destinations = destination.names


def this_run(context: Any = None) -> stages.Run:
    """The run as `smalti run` hands it over in its conf; a scheduled one speaks of the end of its data interval."""
    run = (context or get_current_context())["dag_run"]
    tick = (run.data_interval_end or run.run_after).astimezone(UTC).replace(tzinfo=None)
    return stages.Run.of(run.conf or {}, run.run_id, tick)


@task
def find_files() -> list[str]:
    """Look through the sources that have no file; the others, by name, are loaded next."""
    return stages.find_files(this_run())


@task
def load_raw(source: str) -> None:
    """Load the new files of one source."""
    stages.load_raw(this_run(), source)


@task
def check_raw() -> None:
    """Hold what was loaded against the contracts."""
    stages.check_raw(this_run())


@task
def open_run() -> None:
    """Commit the control row."""
    stages.open_run(this_run())


@task
def link_records() -> None:
    """Link records of people without a common key."""
    stages.link_records(this_run())


@task
def backfill_features() -> None:
    """Make the features of past cut-offs that are not there yet."""
    stages.backfill_features(this_run())


@task
def build(folders: str, *, data_tests: bool) -> None:
    """Build the models of these folders, with or without their data tests."""
    stages.build(this_run(), get_current_context()["task"].task_id, folders, data_tests=data_tests)


@task
def train_models(*, is_asked: bool) -> None:
    """Train the models that are due, all of them where it is asked for."""
    stages.train_models(this_run(), is_asked=is_asked)


@task
def score_customers() -> None:
    """Apply the models that count."""
    stages.score_customers(this_run())


@task
def check_scores() -> None:
    """Hold every score against its expectations."""
    stages.check_scores(this_run())


@task
def publish_version() -> None:
    """Audit, keep the decisions, swap the version in."""
    stages.publish_version(this_run())


@task
def deliver(destination: str) -> None:
    """Send one destination what changed."""
    stages.deliver(this_run(), destination)


@task
def write_report() -> None:
    """Draw what the run came to, however it ended."""
    stages.write_report(this_run())


@task
def apply_retention() -> None:
    """Remove what is past its days at this run's moment."""
    stages.apply_retention(this_run())
