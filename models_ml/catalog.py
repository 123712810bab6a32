"""The models that there are: each knows its rows, how it is fitted, judged and applied.

What a model module itself imports takes over a second, so it is imported where it is used.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

import polars as pl

from models_ml import artifacts
from models_ml.features import Split, asked, digest, split
from models_ml.targets import PURCHASE, TARGETS, Target

Status = Literal["ok", "too_little_data", "no_structure", "no_champion"]


@dataclass(frozen=True)
class Verdict:
    """Whether a challenger is to count, why, and the figures that say so."""

    is_promoted: bool
    reason: str
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Scored:
    """What a champion says of the people of now; `parquet` instead of a frame where the rows are too many for one."""

    frame: pl.DataFrame
    status: Status = "ok"
    reason: str | None = None
    metrics: dict[str, object] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    parquet: bytes | None = None
    people: int | None = None


class Model(Protocol):
    """One model of the registry."""

    @property
    def name(self) -> str:
        """Its name in the registry."""

    @property
    def table(self) -> str:
        """The score table that its rows go to."""

    def schema(self) -> dict[str, Any]:
        """Columns of its score table."""

    def rows(self, frame: pl.DataFrame, as_of: datetime) -> Split:
        """The rows of its question, by use."""

    def lacking(self, rows: Split) -> str | None:
        """Why nothing can be fitted; None where it can."""

    def version(self, rows: Split) -> str:
        """The name of what would be fitted."""

    def fit(self, rows: Split, threads: int) -> artifacts.Files:
        """The artifact's files; the same rows give the same bytes."""

    def judge(
        self, champion: artifacts.Files | None, challenger: artifacts.Files, rows: Split, threads: int
    ) -> Verdict:
        """Hold the challenger against the champion, or against no model, on rows that neither has learnt from."""

    def needs(self, files: artifacts.Files) -> frozenset[str]:
        """The features without which an artifact cannot be applied."""

    def score(self, files: artifacts.Files, people: pl.DataFrame, version: str, at: datetime, threads: int) -> Scored:
        """Apply an artifact."""


@dataclass(frozen=True)
class Propensity:
    """A propensity of a target."""

    target: Target = PURCHASE
    table: str = "propensity"

    @property
    def name(self) -> str:
        """The target's name."""
        return self.target.name

    def schema(self) -> dict[str, Any]:
        """As `Model.schema`."""
        from models_ml import propensity

        return propensity.SCHEMA

    def rows(self, frame: pl.DataFrame, as_of: datetime) -> Split:
        """As `Model.rows`."""
        return split(frame, as_of, self.target)

    def lacking(self, rows: Split) -> str | None:
        """As `Model.lacking`."""
        from models_ml import propensity

        return propensity.lacking(rows)

    def version(self, rows: Split) -> str:
        """As `Model.version`."""
        from models_ml import propensity

        known = [digest(part, rows.names) for part in (rows.train, rows.calibrate, rows.test)]
        return artifacts.version(self.name, json.dumps(propensity.PARAMETERS), *known)

    def fit(self, rows: Split, threads: int) -> artifacts.Files:
        """As `Model.fit`."""
        from models_ml import propensity

        return propensity.fit(rows, threads)

    def judge(
        self, champion: artifacts.Files | None, challenger: artifacts.Files, rows: Split, threads: int
    ) -> Verdict:
        """As `Model.judge`: by a paired bootstrap on the test rows."""
        from models_ml import promotion

        return promotion.judge(champion, challenger, rows, threads)

    def needs(self, files: artifacts.Files) -> frozenset[str]:
        """As `Model.needs`."""
        return frozenset(json.loads(files["card.json"])["features"])

    def score(self, files: artifacts.Files, people: pl.DataFrame, version: str, at: datetime, threads: int) -> Scored:
        """As `Model.score`."""
        from models_ml import propensity

        predicted = propensity.predict(files, asked(people, self.target), threads)
        metrics = json.loads(files["card.json"])["metrics"]
        frame = propensity.scores(predicted, self.name, version, at)
        return Scored(frame, "ok", None, metrics, propensity.warnings(metrics))


@dataclass(frozen=True)
class Clusters:
    """The groups of customers; they describe the present, so the newest that could be found count."""

    name: str = "clusters"
    table: str = "clusters"

    def schema(self) -> dict[str, Any]:
        """As `Model.schema`."""
        from models_ml import clusters

        return clusters.SCHEMA

    def rows(self, frame: pl.DataFrame, as_of: datetime) -> Split:
        """As `Model.rows`."""
        return split(frame, as_of)

    def lacking(self, rows: Split) -> str | None:
        """As `Model.lacking`."""
        from models_ml import clusters

        return clusters.lacking(rows.score, rows.names)

    def version(self, rows: Split) -> str:
        """As `Model.version`."""
        from models_ml import clusters

        return artifacts.version(self.name, json.dumps(asdict(clusters.PARAMETERS)), digest(rows.score, rows.names))

    def fit(self, rows: Split, threads: int) -> artifacts.Files:  # noqa: ARG002  # on one thread
        """As `Model.fit`."""
        from models_ml import clusters

        return clusters.fit(rows.score, rows.names)

    def judge(self, *_: object) -> Verdict:
        """As `Model.judge`: there is no label to be right or wrong by."""
        return Verdict(is_promoted=True, reason="groups describe the present: the newest count")

    def needs(self, files: artifacts.Files) -> frozenset[str]:
        """As `Model.needs`."""
        return frozenset(json.loads(files["model.json"])["space"]["names"])

    def score(self, files: artifacts.Files, people: pl.DataFrame, version: str, at: datetime, threads: int) -> Scored:  # noqa: ARG002
        """As `Model.score`."""
        from models_ml import clusters

        metrics = json.loads(files["card.json"])["metrics"]
        assigned = clusters.assign(files, people, version)
        if metrics["clusters"]:
            return Scored(assigned, "ok", None, metrics)
        bound = clusters.PARAMETERS.least_silhouette
        reason = f"best silhouette {metrics['silhouette']}; at least {bound} is needed"
        return Scored(assigned, "no_structure", reason, metrics)


def absent(model: Model, files: artifacts.Files, columns: Iterable[str]) -> str | None:
    """Why an artifact cannot be applied to rows of these columns; None where it can."""
    missing = sorted(model.needs(files) - set(columns))
    return f"the champion needs features that are no more: {', '.join(missing)}" if missing else None


def models(folder: Path | None = None) -> Sequence[Model]:
    """Every model, in the order in which they are trained and scored; some read more of a run's folder of features."""
    from models_ml.products import Recommendations

    return (*(Propensity(target) for target in TARGETS.values()), Clusters(), Recommendations(folder))


def find(name: str) -> Model | None:
    """The model of this name."""
    return next((model for model in models() if model.name == name), None)
