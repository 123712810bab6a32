"""The steps that DAGs chain: each takes the slot, records its stage in the ledger, and calls one package."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from airflow.sdk import get_current_context, task

from expectations import raw, scores
from ingestion import load, profile
from ingestion import source as ingestion_sources
from models_ml import score
from reverse_etl import deliver as delivery
from reverse_etl import destination as delivery_destinations
from warehouse import dbt, ledger, publish, run, settings, slot
from warehouse.errors import SmaltiError
from warehouse.settings import Settings

sources = ingestion_sources.names
destinations = delivery_destinations.names


def _conf() -> dict[str, str]:
    """What `smalti run` hands to the run; the scheduler hands nothing."""
    return dict(get_current_context()["dag_run"].conf or {})


def _run_id() -> str:
    """The run's name, fit for a file name."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", _conf().get("run_id") or get_current_context()["dag_run"].run_id)


def _as_of() -> datetime | None:
    """The moment asked for; None where it follows from the data; else the end of the data interval."""
    if stated := _conf().get("as_of"):
        return None if stated == "data" else datetime.fromisoformat(stated)
    return get_current_context()["data_interval_end"].astimezone(UTC).replace(tzinfo=None)


@contextmanager
def _stage(name: str, part: str = "") -> Iterator[tuple[Settings, str, ledger.Stage]]:
    """The slot and the ledger row around a step."""
    config, run_id = settings.load(), _run_id()
    with slot.take(config), ledger.stage(config.ledger, run_id, name, part) as row:
        yield config, run_id, row


def _status(outcome: load.Outcome) -> str:
    """A bad file is an outcome: `problem` beside good ones, `refused` where there was no other."""
    if outcome.files_new + outcome.files_known:
        return "problem" if outcome.problems else "ok"
    return "refused" if outcome.problems else "none"


@task
def load_raw(source: str) -> None:
    """Load the new files of one source; its row balance goes to the ledger."""
    with _stage("load_raw", source) as (config, run_id, row):
        folder = Path(_conf().get("data") or config.drop)
        outcome = load.load(config, source, folder, run_id, datetime.now(UTC).replace(tzinfo=None))
        row.count(outcome)
        row.message = "\n".join(outcome.problems) or f"{outcome.files_new} files new, {outcome.files_known} known"
        row.status = _status(outcome)


@task
def check_raw() -> None:
    """Profile what was loaded and hold it against the contracts."""
    with _stage("check_raw") as (config, run_id, row):
        profile.profile(config, run_id)
        result = raw.check_raw(config, run_id)
        row.message = "nothing new to check" if result.skipped else f"{result.evaluated} expectations met"


@task
def open_run() -> None:
    """Commit the control row: from here on the run has a moment."""
    with _stage("open_run") as (config, run_id, row):
        row.message = run.open_run(config, run_id, _as_of()).isoformat()


@task
def build(folders: str) -> None:
    """Build and test the models of these folders."""
    with _stage(get_current_context()["task"].task_id) as (config, run_id, row):
        run.renew(config, run_id)
        if "activation" in folders:
            run.bind_scores(config, run_id)
        row.message = f"{dbt.build(config, folders.split())} models and tests"
        if "features" in folders:
            row.rows_loaded = run.export_features(config, run_id)


@task
def score_customers() -> None:
    """Train, evaluate and apply the models."""
    with _stage("score_customers") as (config, run_id, row):
        run.renew(config, run_id)
        models = score.score(config, run_id, run.as_of(config)).models
        row.message = ", ".join(f"{name}: {model.reason or f'{model.rows} people'}" for name, model in models.items())


@task
def check_scores() -> None:
    """Hold every score against its expectations."""
    with _stage("check_scores") as (config, run_id, row):
        row.message = f"{scores.check_scores(config, run_id).evaluated} expectations met"


@task
def publish_version() -> None:
    """Audit, keep the decisions, swap the version in."""
    with _stage("publish") as (config, run_id, row):
        row.message = publish.publish(config, run_id)


@task
def deliver(destination: str) -> None:
    """Send one destination what changed."""
    with _stage("deliver", destination) as (config, run_id, row):
        sent = delivery.deliver(config, destination, run_id, datetime.now(UTC).replace(tzinfo=None))
        row.rows_in, row.rows_rejected = sent.added + sent.changed + sent.removed, sent.rejected
        row.rows_loaded, row.message = sent.accepted, str(sent.path or sent.plan_id or "nothing changed, nothing sent")
        if sent.accepted < row.rows_in:
            raise SmaltiError(
                f"{destination} accepted {sent.accepted} of {row.rows_in} people; the rest is planned again"
            )
