"""The steps that DAGs chain: each is a stage of the run that Airflow tells of."""

import re
from datetime import UTC, datetime
from pathlib import Path

from airflow.sdk import get_current_context, task

from ingestion import source
from reverse_etl import destination
from smalti import stages

sources, destinations = source.names, destination.names


def _run() -> stages.Run:
    """The run as `smalti run` hands it over in its conf; a scheduled one speaks of the end of its data interval."""
    context = get_current_context()
    conf = context["dag_run"].conf or {}
    stated = conf.get("as_of") or context["data_interval_end"].astimezone(UTC).replace(tzinfo=None).isoformat()
    return stages.Run(
        run_id=re.sub(r"[^A-Za-z0-9_-]", "-", conf.get("run_id") or context["dag_run"].run_id),
        data=Path(conf["data"]) if "data" in conf else None,
        as_of=None if stated == "data" else datetime.fromisoformat(stated),
    )


@task
def load_raw(source: str) -> None:
    """Load the new files of one source."""
    stages.load_raw(_run(), source)


@task
def check_raw() -> None:
    """Hold what was loaded against the contracts."""
    stages.check_raw(_run())


@task
def open_run() -> None:
    """Commit the control row."""
    stages.open_run(_run())


@task
def build(folders: str, *, data_tests: bool) -> None:
    """Build the models of these folders, with or without their data tests."""
    stages.build(_run(), get_current_context()["task"].task_id, folders, data_tests=data_tests)


@task
def score_customers() -> None:
    """Train, evaluate and apply the models."""
    stages.score_customers(_run())


@task
def check_scores() -> None:
    """Hold every score against its expectations."""
    stages.check_scores(_run())


@task
def publish_version() -> None:
    """Audit, keep the decisions, swap the version in."""
    stages.publish_version(_run())


@task
def deliver(destination: str) -> None:
    """Send one destination what changed."""
    stages.deliver(_run(), destination)


@task
def write_report() -> None:
    """Draw what the run came to, however it ended."""
    stages.write_report(_run())
