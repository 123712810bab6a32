"""Tell of a stage while it runs: the ledger first, then log, metrics and lineage, with the same figures."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from smalti import flows
from warehouse import ledger, lineage, metrics, model_costs, stagelog
from warehouse.settings import Settings


@contextmanager
def stage(settings: Settings, run_id: str, name: str, source: str = "") -> Iterator[ledger.Stage]:
    """Record a stage as `ledger.stage` does, and tell of it.

    The ledger is the truth and may fail the stage; nothing else may: what cannot be told is a warning in the log.
    """
    what = flows.Stage(settings, run_id, name, source, datetime.now(UTC))
    run = lineage.StageRun(run_id, f"{name}.{source}" if source else name)
    found = flows.Account()
    with _never_failing(what):
        stagelog.write(settings.logs, "stage_started", {"run_id": run_id, "stage": name, "source": source})
        lineage.begin(settings.lineage, run, what.started_at.isoformat())
    try:
        with ledger.stage(settings.ledger, run_id, name, source) as row:
            try:
                yield row
            finally:
                with _never_failing(what):
                    found = flows.account(what)
                    row.input_hash, row.output_hash = found.input_hash, found.output_hash
    finally:
        with _never_failing(what):
            _tell(what, run, found)


def nodes(settings: Settings, run_id: str, name: str) -> None:
    """Log what each model and test of the stage's dbt process took."""
    for cost in model_costs.read(settings.home / "dbt" / model_costs.FILE):
        stagelog.write(settings.logs, "node_ended", {"run_id": run_id, "stage": name, **cost})


def _tell(what: flows.Stage, run: lineage.StageRun, found: flows.Account) -> None:
    rows = ledger.stages(what.settings.ledger, what.run_id)
    [row] = [row for row in rows if (row["stage"], row["source"]) == (what.name, what.source)]
    failed = row["status"] == "failed"
    stagelog.write(what.settings.logs, "stage_ended", row, "error" if failed else "info")
    error = str(row["message"]) if failed else None
    lineage.end(what.settings.lineage, run, datetime.now(UTC).isoformat(), found.flow, found.parts, error)
    metrics.send(what.settings.statsd, row)


@contextmanager
def _never_failing(what: flows.Stage) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001  # a log that cannot be written must not undo a delivery
        told = {"run_id": what.run_id, "stage": what.name, "source": what.source, "error": type(error).__name__}
        with suppress(OSError):
            stagelog.write(what.settings.logs, "not_told", told, "warning")
