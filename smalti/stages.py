"""The stages of a run: each takes the slot, records itself in the ledger, and calls one package."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from expectations import raw, scores
from ingestion import load, profile
from models_ml import score
from reports import write as report
from reverse_etl import deliver as delivery
from warehouse import dbt, ledger, publish, run, settings, slot
from warehouse.errors import SmaltiError
from warehouse.settings import Settings


@dataclass(frozen=True)
class Run:
    """What the stages of one run share: its name, the exports given, the moment asked for (UTC).

    Without `data` the drop folder is read; without `as_of` the moment follows from the data.
    """

    run_id: str
    data: Path | None
    as_of: datetime | None


@contextmanager
def _stage(this: Run, name: str, part: str = "") -> Iterator[tuple[Settings, ledger.Stage]]:
    config = settings.load()
    with slot.take(config):
        ledger.close_cut_short(config.ledger)
        with ledger.stage(config.ledger, this.run_id, name, part) as row:
            yield config, row


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def load_raw(this: Run, source: str) -> None:
    """Load the new files of one source; a bad file is an outcome, its row balance goes to the ledger."""
    with _stage(this, "load_raw", source) as (config, row):
        outcome = load.load(config, source, this.data or config.drop, this.run_id, _now())
        row.count(outcome)
        row.message = "\n".join(outcome.problems) or f"{outcome.files_new} files new, {outcome.files_known} known"
        row.status = _status(outcome)


def _status(outcome: load.Outcome) -> str:
    if outcome.files_new + outcome.files_known:
        return "problem" if outcome.problems else "ok"
    return "refused" if outcome.problems else "none"


def check_raw(this: Run) -> None:
    """Hold everything loaded since the last finished run against the contracts."""
    with _stage(this, "check_raw") as (config, row):
        profile.profile(config, this.run_id, run.finished_batch(config))
        result = raw.check_raw(config, this.run_id)
        row.message = "nothing new to check" if result.skipped else f"{result.evaluated} expectations met"


def open_run(this: Run) -> None:
    """Commit the control row: from here on the run has a moment."""
    with _stage(this, "open_run") as (config, row):
        row.message = run.open_run(config, this.run_id, this.as_of).isoformat()


def build(this: Run, name: str, folders: str, *, data_tests: bool) -> None:
    """Build the models of these folders; features are exported after theirs, scores bound before use."""
    with _stage(this, name) as (config, row):
        run.renew(config, this.run_id)
        if "activation" in folders:
            run.bind_scores(config)
        row.message = f"{dbt.build(config, folders.split(), data_tests=data_tests)} models and tests"
        if "features" in folders:
            row.rows_loaded = run.export_features(config, this.run_id)


def score_customers(this: Run) -> None:
    """Train, evaluate and apply the models."""
    with _stage(this, "score_customers") as (config, row):
        run.renew(config, this.run_id)
        models = score.score(config, this.run_id, run.as_of(config)).models
        row.message = ", ".join(f"{name}: {model.reason or f'{model.rows} people'}" for name, model in models.items())


def check_scores(this: Run) -> None:
    """Hold every score against its expectations; from then on they count, until others do."""
    with _stage(this, "check_scores") as (config, row):
        row.message = f"{scores.check_scores(config, this.run_id).evaluated} expectations met"
        run.accept_scores(config, this.run_id)


def publish_version(this: Run) -> None:
    """Audit, keep the decisions, swap the version in."""
    with _stage(this, "publish") as (config, row):
        row.message = publish.publish(config, this.run_id)


def deliver(this: Run, destination: str) -> None:
    """Send one destination what changed.

    Raises:
        SmaltiError: it did not accept everybody; the rest is planned again by the next run.
    """
    with _stage(this, "deliver", destination) as (config, row):
        sent = delivery.deliver(config, destination, this.run_id, _now())
        row.rows_in, row.rows_rejected = sent.added + sent.changed + sent.removed, sent.rejected
        row.rows_loaded, row.message = sent.accepted, str(sent.path or sent.plan_id or "nothing changed, nothing sent")
        if sent.accepted < row.rows_in:
            raise SmaltiError(
                f"{destination} accepted {sent.accepted} of {row.rows_in} people; the rest is planned again"
            )


def write_report(this: Run) -> None:
    """Draw what the run came to, as one page for whoever would rather look than read."""
    with _stage(this, "report") as (config, row):
        row.message = str(report.write(config, this.run_id))
