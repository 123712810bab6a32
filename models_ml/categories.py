"""Affinity in the registry: its rows are pairs of customer and category, which a run exports in a file of their own."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from models_ml import artifacts, folders
from models_ml.catalog import Applied, Named, Verdict, absent
from models_ml.features import digest


@dataclass(frozen=True)
class Affinity:
    """The propensity to buy from a category, of the pairs in a run's folder of features."""

    folder: Path | None = None
    name: str = "affinity"
    table: str = "affinities"

    def schema(self) -> dict[str, Any]:
        """As `Model.schema`."""
        from models_ml import affinity

        return affinity.SCHEMA

    def rows(self, frame: pl.DataFrame, as_of: datetime) -> Any:  # noqa: ARG002  # of customers; pairs are read
        """As `Model.rows`, but without those to score; None where the run exported no pairs."""
        from models_ml import affinity

        return affinity.read(self.folder, as_of) if self.folder else None

    def lacking(self, rows: Any) -> str | None:
        """As `Model.lacking`."""
        from models_ml import affinity

        return affinity.lacking(rows)

    def version(self, rows: Any, champion: Named | None) -> str:  # noqa: ARG002  # nothing goes on from it
        """As `Model.version`."""
        from models_ml import propensity

        known = [digest(part, rows.names) for part in (rows.train, rows.calibrate, rows.test)]
        return artifacts.version(self.name, propensity.LAYOUT, json.dumps(propensity.PARAMETERS), *known)

    def fit(self, rows: Any, threads: int, champion: Named | None) -> artifacts.Files:  # noqa: ARG002  # as above
        """As `Model.fit`."""
        from models_ml import affinity

        return affinity.fit(rows, threads)

    def judge(self, champion: artifacts.Files | None, challenger: artifacts.Files, rows: Any, threads: int) -> Verdict:
        """As `Model.judge`: by a paired bootstrap on the test pairs, in which people are drawn."""
        from models_ml import promotion

        applies = champion and set(json.loads(champion["card.json"])["features"]) <= set(rows.names)
        return promotion.judge(champion if applies else None, challenger, rows, threads)

    def needs(self, files: artifacts.Files) -> frozenset[str]:
        """As `Model.needs`: of features of customers none, but what the run's pairs lack of those of pairs."""
        from models_ml import affinity

        return affinity.missing(files, self.folder)

    def apply(self, files: artifacts.Files, version: str, at: datetime, threads: int) -> Applied:
        """As `Model.apply`, but at once: every pair of the run, so many at a time."""
        from models_ml import affinity

        def score(_: pl.DataFrame) -> pl.DataFrame:
            return pl.DataFrame(schema=affinity.SCHEMA)

        if self.folder is None or not affinity.path(self.folder).exists():
            return Applied(score, "no_champion", affinity.NONE_EXPORTED)
        if why := absent(self, files, ()):
            return Applied(score, "no_champion", why)
        metrics = json.loads(files["card.json"])["metrics"]
        written = folders.parquet(affinity.predict(files, self.folder, version, at, threads), affinity.SCHEMA)
        people = affinity.customers(self.folder)
        return Applied(score, "ok", None, metrics, affinity.warnings(metrics), parquet=written, people=people)
