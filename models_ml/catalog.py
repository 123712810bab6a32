"""The models that there are: each knows its rows, how it is fitted, judged and applied.

What a model module itself imports takes over a second, so it is imported where it is used.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import polars as pl

from models_ml import artifacts
from models_ml.features import Split, asked, digest, split
from models_ml.targets import PURCHASE, TARGETS, Target
from warehouse import lookalikes

if TYPE_CHECKING:
    from models_ml.grouping import Method

Status = Literal["ok", "too_little_data", "no_structure", "no_champion"]


MIGRATIONS = "cluster_migrations"
Named = tuple[str, artifacts.Files]  # a version and its artifact


@dataclass(frozen=True)
class Verdict:
    """Whether a challenger is to count, why, and the figures that say so."""

    is_promoted: bool
    reason: str
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Applied:
    """An artifact ready to score: some rows of features to their rows of the score table; and what is told of it.

    `parquet` are the rows instead, and `people` how many have any, where they do not follow from features.
    """

    score: Callable[[pl.DataFrame], pl.DataFrame]
    status: Status = "ok"
    reason: str | None = None
    metrics: dict[str, object] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    further: dict[str, pl.DataFrame] = field(default_factory=dict)  # other score tables, by name
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

    def version(self, rows: Split, champion: Named | None) -> str:
        """The name of what would be fitted; the champion's where that came from the same."""

    def fit(self, rows: Split, threads: int, champion: Named | None) -> artifacts.Files:
        """The artifact's files; the same rows, and champion to go on from, give the same bytes.

        Raises:
            models_ml.likelihood.NoFit: nothing fits these rows; the training says so, and what counts stays.
        """

    def judge(
        self, champion: artifacts.Files | None, challenger: artifacts.Files, rows: Split, threads: int
    ) -> Verdict:
        """Hold the challenger against the champion, or against no model, on rows that neither has learnt from."""

    def needs(self, files: artifacts.Files) -> frozenset[str]:
        """The features without which an artifact cannot be applied."""

    def apply(self, files: artifacts.Files, version: str, at: datetime, threads: int) -> Applied:
        """Read an artifact, to score any number of rows with it."""


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

    def version(self, rows: Split, champion: Named | None) -> str:  # noqa: ARG002  # nothing goes on from it
        """As `Model.version`."""
        from models_ml import propensity

        known = [digest(part, rows.names) for part in (rows.train, rows.calibrate, rows.test)]
        return artifacts.version(self.name, propensity.LAYOUT, json.dumps(propensity.PARAMETERS), *known)

    def fit(self, rows: Split, threads: int, champion: Named | None) -> artifacts.Files:  # noqa: ARG002  # as above
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

    def apply(self, files: artifacts.Files, version: str, at: datetime, threads: int) -> Applied:
        """As `Model.apply`."""
        from models_ml import leakage, propensity

        fitted, metrics = propensity.load(files), json.loads(files["card.json"])["metrics"]

        def score(people: pl.DataFrame) -> pl.DataFrame:
            predicted = propensity.applied(fitted, asked(people, self.target), threads)
            return propensity.scores(predicted, self.name, version, at)

        return Applied(score, "ok", None, metrics, leakage.warnings(metrics))


@dataclass(frozen=True)
class Clusters:
    """The groups of customers; they describe the present, so the newest that could be found count."""

    method: "Method" = "kmeans"
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

    def version(self, rows: Split, champion: Named | None) -> str:
        """As `Model.version`: numbers and names go on from the champion, unless it is of these very rows itself."""
        from models_ml import clusters

        parameters = clusters.Parameters(method=self.method)
        known = (self.name, json.dumps(asdict(parameters)), digest(rows.score, rows.names))
        if champion is None:
            return artifacts.version(*known, "")
        its_own = artifacts.version(*known, clusters.former_version(champion[1]) or "")
        return its_own if its_own == champion[0] else artifacts.version(*known, champion[0])

    def fit(self, rows: Split, threads: int, champion: Named | None) -> artifacts.Files:  # noqa: ARG002  # on one thread
        """As `Model.fit`."""
        from models_ml import clusters

        version, files = champion or (None, None)
        return clusters.fit(rows.score, rows.names, files, version, clusters.Parameters(method=self.method))

    def judge(self, *_: object) -> Verdict:
        """As `Model.judge`: there is no label to be right or wrong by."""
        return Verdict(is_promoted=True, reason="groups describe the present: the newest count")

    def needs(self, files: artifacts.Files) -> frozenset[str]:
        """As `Model.needs`."""
        return frozenset(json.loads(files["model.json"])["space"]["names"])

    def apply(self, files: artifacts.Files, version: str, at: datetime, threads: int) -> Applied:  # noqa: ARG002
        """As `Model.apply`."""
        from models_ml import clusters

        metrics = json.loads(files["card.json"])["metrics"]
        further = {MIGRATIONS: clusters.migrations(files, version)}

        def score(people: pl.DataFrame) -> pl.DataFrame:
            return clusters.assign(files, people, version)

        if metrics["clusters"]:
            return Applied(score, "ok", None, metrics, further=further)
        return Applied(score, "no_structure", str(metrics["why"]), metrics, further=further)


def further() -> dict[str, pl.DataFrame]:
    """The score tables that no model is the first to write to, with no rows."""
    from models_ml import matching

    return {MIGRATIONS: pl.DataFrame(schema=matching.SCHEMA)}


@dataclass(frozen=True)
class Lifetime:
    """What customers will bring; like the groups it describes the present, so the newest counts."""

    name: str = "lifetime"
    table: str = "lifetime"

    def schema(self) -> dict[str, Any]:
        """As `Model.schema`."""
        from models_ml import lifetime

        return lifetime.SCHEMA

    def rows(self, frame: pl.DataFrame, as_of: datetime) -> Split:
        """As `Model.rows`."""
        return split(frame, as_of)

    def lacking(self, rows: Split) -> str | None:
        """As `Model.lacking`."""
        from models_ml import lifetime

        return lifetime.lacking(rows.score)

    def version(self, rows: Split, champion: Named | None) -> str:  # noqa: ARG002  # nothing goes on from it
        """As `Model.version`."""
        from models_ml import lifetime

        return artifacts.version(self.name, lifetime.parameters(), digest(rows.score, lifetime.COLUMNS))

    def fit(self, rows: Split, threads: int, champion: Named | None) -> artifacts.Files:  # noqa: ARG002
        """As `Model.fit`."""
        from models_ml import lifetime

        return lifetime.fit(rows.score)

    def judge(self, *_: object) -> Verdict:
        """As `Model.judge`: a year's label is not there to be right or wrong by."""
        return Verdict(is_promoted=True, reason="histories describe the present: the newest count")

    def needs(self, files: artifacts.Files) -> frozenset[str]:  # noqa: ARG002  # the same for all
        """As `Model.needs`."""
        from models_ml import lifetime

        return frozenset(lifetime.COLUMNS)

    def apply(self, files: artifacts.Files, version: str, at: datetime, threads: int) -> Applied:  # noqa: ARG002
        """As `Model.apply`."""
        from models_ml import lifetime

        metrics = json.loads(files["card.json"])["metrics"]
        return Applied(lambda people: lifetime.predict(files, people, version, at), "ok", None, metrics)


def absent(model: Model, files: artifacts.Files, columns: Iterable[str]) -> str | None:
    """Why an artifact cannot be applied to rows of these columns; None where it can."""
    missing = sorted(model.needs(files) - set(columns))
    return f"the champion needs features that are no more: {', '.join(missing)}" if missing else None


def models(folder: Path | None = None, method: "Method" = "kmeans") -> Sequence[Model]:
    """Every model, in the order in which they are trained and scored; some read more of a run's folder of features.

    `method` finds the groups of customers where they are found anew; an artifact knows its own.
    """
    from models_ml.categories import Affinity
    from models_ml.lookalikes import Resemblance
    from models_ml.products import Recommendations

    propensities = (Propensity(target) for target in TARGETS.values())
    alike = (Resemblance(one, folder) for one in lookalikes.declared())
    return (*propensities, *alike, Clusters(method), Lifetime(), Recommendations(folder), Affinity(folder))


def find(name: str) -> Model | None:
    """The model of this name."""
    return next((model for model in models() if model.name == name), None)
