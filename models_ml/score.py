"""features → scores: the champions score the customers of this cut-off, and a report says what came of it.

All score files are always written, with zero rows where no model counts: what reads them never has to ask whether a
model exists yet.
"""

import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

import polars as pl

from models_ml import artifacts, catalog, champions, folders
from models_ml.catalog import Model, Scored, Status
from models_ml.features import naive, people
from warehouse import decisions
from warehouse.settings import Settings


@dataclass(frozen=True)
class ModelReport:
    """What became of one model in one run; `reason` says why where the status is not `ok`.

    `training` is the latest decision on the model, whichever run made it.
    """

    status: Status
    rows: int
    reason: str | None = None
    version: str | None = None
    metrics: dict[str, object] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    training: dict[str, Any] | None = None


@dataclass(frozen=True)
class Report:
    """What scoring did; `as_of` is ISO 8601, UTC; `models` by name, as `catalog.models` has them."""

    run_id: str
    as_of: str
    models: dict[str, ModelReport]

    def to_json(self) -> str:
        """The report as JSON text, the same for the same report."""
        return artifacts.dump(asdict(self)).decode()


def score(settings: Settings, run_id: str, as_of: datetime) -> Report:
    """Write `<scores>/<run_id>/` with a Parquet file for each score table and `report.json`.

    The folder appears whole; run again with the same features and champions it becomes the same bytes.

    Args:
        settings: says where features, models and scores are, and holds the signing key.
        run_id: names the folder of features read and of scores written.
        as_of: the cut-off that is scored, UTC.

    Raises:
        NoFeatures: the run has no features.
        ValueError: the features break their contract.
        models_ml.champions.Lost: a champion's files are gone.
        models_ml.artifacts.Tampered: a champion is not what was signed.
    """
    asked = people(settings.features / run_id / "features.parquet", as_of)
    counts = champions.named(settings)
    made = [
        (model, _scored(settings, model, counts.get(model.name), asked, naive(as_of)))
        for model in catalog.models(settings.features / run_id)
    ]
    reports = {model.name: _told(settings, model, counts.get(model.name), found) for model, found in made}
    report = Report(run_id, naive(as_of).isoformat(), reports)
    files = {f"{table}.parquet": content for table, content in _tables(made)}
    folders.write(settings.scores / run_id, {**files, "report.json": report.to_json().encode()})
    return report


def _scored(settings: Settings, model: Model, version: str | None, asked: pl.DataFrame, as_of: datetime) -> Scored:
    if version is None:
        latest = decisions.read(settings.ledger, model.name)[-1:]
        reason = latest[0].reason if latest else "it was not trained yet"
        status: Status = "too_little_data" if latest and latest[0].outcome == "lacking" else "no_champion"
        return Scored(pl.DataFrame(schema=model.schema()), status, reason)
    files = champions.load(settings, model.name, version)
    if why := catalog.absent(model, files, asked.columns):
        return Scored(pl.DataFrame(schema=model.schema()), "no_champion", why)
    return model.score(files, asked, version, as_of, settings.threads)


def _told(settings: Settings, model: Model, version: str | None, found: Scored) -> ModelReport:
    latest = decisions.read(settings.ledger, model.name)[-1:]
    training = asdict(latest[0]) if latest else None
    people = found.frame.height if found.people is None else found.people
    return ModelReport(found.status, people, found.reason, version, found.metrics, found.warnings, training)


def _tables(made: Iterable[tuple[Model, Scored]]) -> Iterable[tuple[str, bytes]]:
    """The rows of each score table, of all models that write to it."""
    ordered = sorted(made, key=lambda one: one[0].table)
    for table, parts in groupby(ordered, key=lambda one: one[0].table):
        every = [found for _, found in parts]
        yield table, every[0].parquet or _parquet(pl.concat([found.frame for found in every]))


def _parquet(frame: pl.DataFrame) -> bytes:
    written = io.BytesIO()
    by = [name for name in ("customer_id", "model") if name in frame.columns]
    frame.sort(by).write_parquet(written)
    return written.getvalue()
