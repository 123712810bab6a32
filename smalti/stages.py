"""The stages of a run: each takes the slot, records itself in the ledger, and calls one package."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import linkage
from expectations import gate, raw, scores, volume
from ingestion import load, profile, source
from models_ml import score, train
from reports import write as report
from smalti import alerts, gates, mail, observe, retention, standstill
from smalti.sending import send
from warehouse import freshness, keys, lease, ledger, lookback, publish, run, settings, slot, standing
from warehouse.errors import Busy, Skipped
from warehouse.settings import Settings

Row = dict[str, Any]
# `smalti run` answers busy at once; a scheduled stage waits for the end of such a run, and one that waits its turn
# tries again later: it must not keep Airflow's pool from the run that has it
_PATIENCE_SECONDS, _SHORT_SECONDS = 900.0, 10.0
_TURNS = ("take_turn", "end_run")


@dataclass(frozen=True)
class Run:
    """What the stages of one run share: its name, the exports given, the moment asked for (UTC).

    Without `data` the drop folder is read; without `as_of` the moment follows from the data. A moment that nobody
    stated but the clock is a tick: a run that comes late for it speaks of what was published meanwhile. With `is_full`
    nothing that earlier runs built is kept.
    """

    run_id: str
    data: Path | None
    as_of: datetime | None
    is_tick: bool = False
    is_full: bool = False

    @classmethod
    def of(cls, conf: dict[str, str], name: str, tick: datetime) -> Self:
        """The run as `smalti run` hands it over in its conf; a scheduled one by its name and the clock's tick."""
        stated = conf.get("as_of") or tick.isoformat()
        return cls(
            run_id=ledger.run_id(conf.get("run_id") or name),
            data=Path(conf["data"]) if "data" in conf else None,
            as_of=None if stated == "data" else datetime.fromisoformat(stated),
            is_tick="as_of" not in conf,
            is_full="full" in conf,
        )


@contextmanager
def _stage(
    this: Run, name: str, part: str = "", patience: float = _PATIENCE_SECONDS
) -> Iterator[tuple[Settings, ledger.Stage]]:
    config, told = settings.load(), list[Row]()
    try:
        with slot.take(config, patience):
            told += ledger.close_cut_short(config.ledger)
            try:
                with observe.stage(config, this.run_id, name, part) as row:
                    if name not in _TURNS and not slot.is_inherited():
                        lease.renew(config.ledger, this.run_id, _now())
                    yield config, row
            finally:
                told += ledger.stages(config.ledger, this.run_id, name, part)
    except Busy as busy:
        if not told and name not in _TURNS:  # not even begun, and not tried again
            told.append(_failed(this, name, part, str(busy)))
        raise
    finally:
        alerts.of_stages(config, told)  # outside the slot: posting takes its time


def _failed(this: Run, stage: str, part: str, message: str) -> Row:
    return {"run_id": this.run_id, "stage": stage, "source": part, "status": "failed", "message": message}


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def take_turn(this: Run, *, yields: bool) -> None:
    """Let this run begin: no other runs, and its moment is not behind the one that is published.

    Raises:
        Busy: another run has the turn; this one waits, which is to say tries again.
        Skipped: it yields, and another run has the turn or has published its moment.
        SmaltiError: the moment stated lies before the one that is published.
    """
    with _stage(this, "take_turn", patience=_SHORT_SECONDS) as (config, row):
        keys.hold(config)  # before all loads fail by it, one by one
        last = run.finished_at(config)
        if this.as_of and not this.is_tick:
            run.refuse_earlier(this.as_of, last)
        elif yields and this.as_of and last and this.as_of <= last:
            row.status = "skipped"
            raise Skipped(f"skipped: {last} is published already, this run is of {this.as_of}")
        if slot.is_inherited():
            return  # `smalti run` holds the slot to its end
        try:
            lease.take(config.ledger, this.run_id, _now(), yields=yields)
        except Busy as busy:
            row.status = "skipped" if yields else "waiting"
            if yields:
                raise Skipped(f"skipped: {busy}; the next hour's run makes it good") from None
            raise


def end_run(this: Run) -> None:
    """Give the turn back, however the run went, so that the next one begins at once."""
    with _stage(this, "end_run") as (config, _):
        lease.release(config.ledger, this.run_id)


def give_up(this: Run) -> None:
    """Mark and tell that the run never had its turn, where its stage could not do so itself."""
    config = settings.load()
    told = ledger.close_waiting(config.ledger, this.run_id)
    if not told and not ledger.stages(config.ledger, this.run_id):
        told = [_failed(this, "take_turn", "", "another run held the slot all the time, or this one was killed")]
    alerts.of_stages(config, told)


def find_files(this: Run) -> list[str]:
    """The sources that have a file, at least one; the others are looked through here: a task for each costs more."""
    every = source.names()
    found = source.delivering(this.data or settings.load().drop) or every[:1]
    for name in every:
        if name not in found:
            load_raw(this, name)
    return found


def load_raw(this: Run, name: str) -> None:
    """Load the new files of one source; a bad file is an outcome, its row balance goes to the ledger."""
    with _stage(this, "load_raw", name) as (config, row):
        outcome = load.load(config, name, this.data or config.drop, this.run_id, _now())
        row.count(outcome)
        row.message = (
            "\n".join((*outcome.problems, *outcome.waiting))
            or f"{outcome.files_new} files new, {outcome.files_known} known"
        )
        row.status = _status(outcome)


def _status(outcome: load.Outcome) -> str:
    if outcome.files_new + outcome.files_known:
        return "problem" if outcome.problems else "ok"
    return "refused" if outcome.problems else "none"


def check_raw(this: Run) -> None:
    """Hold everything loaded since the last finished run, or accepted since, against contracts and history."""
    with _stage(this, "check_raw") as (config, row):
        since = max(run.finished_batch(config), gates.accepted_batch(config))
        profile.profile(config, this.run_id, since)
        results = gate.all_of(
            [
                lambda: raw.check_raw(config, this.run_id),
                lambda: volume.check_volume(config, this.run_id, since),
            ]
        )
        evaluated = sum(result.evaluated for result in results)
        row.message = f"{evaluated} expectations met" if evaluated else "nothing new to check"


def open_run(this: Run) -> None:
    """Commit the control row: from here on the run has a moment."""
    with _stage(this, "open_run") as (config, row):
        last = run.finished_at(config)
        as_of = max(this.as_of, last) if this.is_tick and this.as_of and last else this.as_of
        row.message = run.open_run(config, this.run_id, as_of, is_full=this.is_full).isoformat()
        standstill.prepare(config)


def link_records(this: Run) -> None:
    """Link records of people without a common key; where that fails, the links of the last run stay in use."""
    with _stage(this, "link_records") as (config, row):
        try:
            outcome = linkage.link(config, this.run_id, run.as_of(config))
        except linkage.LinkageError as error:
            row.status, row.message = "problem", str(error)
            return
        row.rows_in, row.rows_loaded = outcome.records, outcome.links
        row.message = outcome.reason or f"{outcome.links} links between {outcome.records} records"
        run.accept_links(config, this.run_id)


def backfill_features(this: Run) -> None:
    """Make the features of past cut-offs that the models learn from, where they are not there yet."""
    with _stage(this, "backfill_features") as (config, row):
        made = lookback.backfill(config, run.as_of(config))
        row.message = f"{made.built} cut-offs built, {made.kept} kept"


def build(this: Run, name: str, folders: str, *, data_tests: bool) -> None:
    """Build the models of these folders; features are exported after theirs, scores bound before use."""
    with _stage(this, name) as (config, row):
        if "activation" in folders:
            run.bind_scores(config)
            built, still = standstill.build(config, folders.split(), data_tests=data_tests)
            row.status = "problem" if still else row.status
        else:
            built, still = standing.build(config, folders.split(), data_tests=data_tests), []
        row.message = "\n".join((f"{built} models and tests", *map(str, still)))
        observe.nodes(config, this.run_id, name)
        if "features" in folders:
            row.rows_loaded = run.export_features(config, this.run_id)


def train_models(this: Run, *, is_asked: bool) -> None:
    """Train the models that are due, all where it is asked for, and let a better one count."""
    with _stage(this, "train_models") as (config, row):
        made = train.train(config, this.run_id, run.as_of(config), is_asked=is_asked)
        told = [f"{name}: {one.outcome}, {one.reason}" for name, one in made.items()]
        row.message = "\n".join(told) or "every model counts as it is"


def score_customers(this: Run) -> None:
    """Apply the models that count."""
    with _stage(this, "score_customers") as (config, row):
        models = score.score(config, this.run_id, run.as_of(config)).models
        drifted = [f"{name} is to be trained again: {one.drift[0]}" for name, one in models.items() if one.retrain]
        row.status = "problem" if drifted else row.status
        row.message = "; ".join(drifted) or ", ".join(
            f"{name}: {model.reason or f'{model.rows} people'}" for name, model in models.items()
        )


def check_scores(this: Run) -> None:
    """Hold every score against its expectations; from then on they count, until others do."""
    with _stage(this, "check_scores") as (config, row):
        row.message = f"{scores.check_scores(config, this.run_id).evaluated} expectations met"
        run.accept_scores(config, this.run_id)


def publish_version(this: Run) -> None:
    """Audit, keep the decisions, swap the version in, and tell of sources that became stale since the last one."""
    with _stage(this, "publish") as (config, row):
        stale = _stale_before(config, this.run_id)
        row.message = publish.publish(config, this.run_id)
    alerts.of_sources(config, this.run_id, stale)  # outside the slot: posting takes its time


def _stale_before(config: Settings, run_id: str) -> set[str]:
    """The stale sources of the newest version that is not this run's."""
    earlier = [version for version in publish.versions(config) if not version.name.endswith(run_id)]
    rows = freshness.published(earlier[-1].path) if earlier else []
    return {row["source"] for row in rows if row.get("freshness") == "stale"}


def deliver(this: Run, destination: str) -> None:
    """Send one destination what changed."""
    with _stage(this, "deliver", destination) as (config, row):
        send(config, row, destination, this.run_id, _now())


def write_report(this: Run) -> None:
    """Draw what the run came to, as one page for whoever would rather look than read, and mail its digest."""
    with _stage(this, "report") as (config, row):
        row.message = str(report.write(config, this.run_id))
    if why := mail.send(config, this.run_id, datetime.now(UTC)):  # outside the slot: mailing takes its time
        alerts.of_stages(config, [_failed(this, "digest", "", why) | {"status": "problem"}])


def apply_retention(this: Run) -> None:
    """Remove what is past its days at the run's moment."""
    with _stage(this, retention.STAGE) as (config, row):
        retention.apply(config, this.as_of or _now(), row)
