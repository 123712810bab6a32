"""features → scores: the champions score the customers of this cut-off, and a report says what came of it.

All score files are always written, with zero rows where no model counts: what reads them never has to ask whether a
model exists yet.
"""

import io
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from itertools import groupby
from typing import Any

import polars as pl

from models_ml import artifacts, catalog, champions, features, folders
from models_ml.catalog import Applied, Model, Status
from models_ml.features import naive
from models_ml.watch import Watch
from warehouse import decisions
from warehouse.settings import Settings

_DRIFT = {"drift": "told", "retrain": "retrain"}


@dataclass(frozen=True)
class ModelReport:
    """What became of one model in one run; `reason` says why where the status is not `ok`.

    `training` is the latest decision on the model, whichever run made it; `drift` says what has moved too far since it
    was fitted, and `retrain` that the next run is to train it.
    """

    status: Status
    rows: int
    reason: str | None = None
    version: str | None = None
    metrics: dict[str, object] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    training: dict[str, Any] | None = None
    drift: tuple[str, ...] = ()
    retrain: bool = False


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
    """Write `<scores>/<run_id>/`: a Parquet file for each score table, `report.json` and `drift.json`.

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
    folder, at = settings.features / run_id, naive(as_of)
    path = folder / "features.parquet"
    columns, counts = features.columns(path), champions.named(settings)
    ready = {model: _ready(settings, model, counts.get(model.name), columns, at) for model in catalog.models(folder)}
    rows: dict[Model, list[pl.DataFrame]] = {model: [pl.DataFrame(schema=model.schema())] for model in ready}
    watch = Watch(settings, counts, path)
    for people in features.scored(path, at):
        for model, applied in ready.items():
            rows[model].append(applied.score(people))
            watch.look(model.name, people, rows[model][-1])
    scored = {model: pl.concat(parts) for model, parts in rows.items()}
    moved = watch.told()
    reports = {
        model.name: replace(
            _told(settings, model, counts.get(model.name), applied, scored[model].height),
            **{name: moved[model.name][of] for name, of in _DRIFT.items() if model.name in moved},
        )
        for model, applied in ready.items()
    }
    report = Report(run_id, at.isoformat(), reports)
    further = catalog.further() | {name: frame for one in ready.values() for name, frame in one.further.items()}
    files = {f"{table}.parquet": _parquet(frame) for table, frame in (*_tables(scored), *further.items())}
    files |= {f"{model.table}.parquet": one.parquet for model, one in ready.items() if one.parquet is not None}
    told = {"report.json": report.to_json().encode(), "drift.json": artifacts.dump(moved)}
    folders.write(settings.scores / run_id, {**files, **told})
    return report


def _ready(settings: Settings, model: Model, version: str | None, columns: frozenset[str], as_of: datetime) -> Applied:
    if version is None:
        latest = decisions.read(settings.ledger, model.name)[-1:]
        reason = latest[0].reason if latest else "it was not trained yet"
        status: Status = "too_little_data" if latest and latest[0].outcome == "lacking" else "no_champion"
        return Applied(lambda _: pl.DataFrame(schema=model.schema()), status, reason)
    files = champions.load(settings, model.name, version)
    if why := catalog.absent(model, files, columns):
        return Applied(lambda _: pl.DataFrame(schema=model.schema()), "no_champion", why)
    return model.apply(files, version, as_of, settings.threads)


def _told(settings: Settings, model: Model, version: str | None, applied: Applied, rows: int) -> ModelReport:
    latest = decisions.read(settings.ledger, model.name)[-1:]
    training = asdict(latest[0]) if latest else None
    people = rows if applied.people is None else applied.people
    return ModelReport(applied.status, people, applied.reason, version, applied.metrics, applied.warnings, training)


def _tables(scored: Mapping[Model, pl.DataFrame]) -> Iterable[tuple[str, pl.DataFrame]]:
    """The rows of each score table, of all models that write to it."""
    for table, models in groupby(sorted(scored, key=lambda model: model.table), key=lambda model: model.table):
        yield table, pl.concat([scored[model] for model in models])


def _parquet(frame: pl.DataFrame) -> bytes:
    written = io.BytesIO()
    by = [name for name in ("customer_id", "model") if name in frame.columns]
    (frame.sort(by) if by else frame).write_parquet(written)
    return written.getvalue()
