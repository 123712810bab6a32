"""features → scores: fit or fetch each model, score the customers of this cut-off, report.

Both score files are always written, with zero rows where there is too little data: what reads them
never has to ask whether a model exists yet.
"""

import io
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Literal

import polars as pl

from models_ml import artifacts, folders
from models_ml.features import Split, digest, naive, read, split
from warehouse.settings import Settings

Status = Literal["ok", "too_little_data", "no_structure"]


@dataclass(frozen=True)
class ModelReport:
    """What became of one model in one run; `reason` says why where the status is not `ok`."""

    status: Status
    rows: int
    reason: str | None = None
    version: str | None = None
    metrics: dict[str, object] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """What scoring did; `as_of` is ISO 8601, UTC; `models` by name: `purchase` and `clusters`."""

    run_id: str
    as_of: str
    models: dict[str, ModelReport]

    def to_json(self) -> str:
        """The report as JSON text, the same for the same report."""
        return artifacts.dump(asdict(self)).decode()


def score(settings: Settings, run_id: str, as_of: datetime) -> Report:
    """Write `<scores>/<run_id>/` with `propensity.parquet`, `clusters.parquet` and `report.json`.

    The folder appears whole; run again with the same features it becomes the same bytes.

    Args:
        settings: says where features, models and scores are, and holds the signing key.
        run_id: names the folder of features read and of scores written.
        as_of: the cut-off that is scored, UTC.

    Raises:
        NoFeatures: the run has no features.
        ValueError: the features break their contract.
        models_ml.artifacts.Tampered: a stored model is not what was signed.
    """
    rows = split(read(settings.features / run_id / "features.parquet"), as_of)
    propensity, purchase = _purchase(settings, rows, naive(as_of))
    clusters, groups = _clusters(settings, rows)
    report = Report(run_id, naive(as_of).isoformat(), {"purchase": purchase, "clusters": groups})
    files = {"propensity.parquet": _parquet(propensity), "clusters.parquet": _parquet(clusters)}
    folders.write(settings.scores / run_id, {**files, "report.json": report.to_json().encode()})
    return report


def _purchase(settings: Settings, rows: Split, as_of: datetime) -> tuple[pl.DataFrame, ModelReport]:
    from models_ml import propensity  # over a second to import, and callers only pass by

    if reason := propensity.lacking(rows):
        return pl.DataFrame(schema=propensity.SCHEMA), ModelReport("too_little_data", 0, reason)
    known = [digest(part, rows.names) for part in (rows.train, rows.calibrate, rows.test)]
    version = artifacts.version(propensity.MODEL, json.dumps(propensity.PARAMETERS), *known)
    files = _artifact(settings, propensity.MODEL, version, lambda: propensity.fit(rows, settings.threads))
    predicted = propensity.predict(files, rows.score, settings.threads)
    metrics = json.loads(files["card.json"])["metrics"]
    report = ModelReport("ok", predicted.height, None, version, metrics, propensity.warnings(metrics))
    return propensity.scores(predicted, version, as_of), report


def _clusters(settings: Settings, rows: Split) -> tuple[pl.DataFrame, ModelReport]:
    from models_ml import clusters  # as above

    if reason := clusters.lacking(rows.score, rows.names):
        return pl.DataFrame(schema=clusters.SCHEMA), ModelReport("too_little_data", 0, reason)
    parameters = json.dumps(asdict(clusters.PARAMETERS))
    version = artifacts.version(clusters.MODEL, parameters, digest(rows.score, rows.names))
    files = _artifact(settings, clusters.MODEL, version, lambda: clusters.fit(rows.score, rows.names))
    assigned = clusters.assign(files, rows.score, version)
    metrics = json.loads(files["card.json"])["metrics"]
    if not metrics["clusters"]:
        bound = clusters.PARAMETERS.least_silhouette
        reason = f"best silhouette {metrics['silhouette']}; at least {bound} is needed"
        return assigned, ModelReport("no_structure", 0, reason, version, metrics)
    return assigned, ModelReport("ok", assigned.height, None, version, metrics)


def _artifact(settings: Settings, model: str, version: str, fit: Callable[[], artifacts.Files]) -> artifacts.Files:
    folder = settings.models / model / version
    key = settings.hmac_key.get_secret_value()
    if not folder.exists():
        artifacts.save(folder, fit(), key)
    # read back even what was just written, so that the first run and the hundredth use the same bytes
    return artifacts.load(folder, key)


def _parquet(frame: pl.DataFrame) -> bytes:
    written = io.BytesIO()
    frame.sort("customer_id").write_parquet(written)
    return written.getvalue()
