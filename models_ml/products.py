"""Recommendations in the registry: what is learnt is a shop and no rows, and the newest counts unless it is worse.

A model of last week does not know what is new in the catalogue, so that one as good is better. "Worse" is by a paired
bootstrap on the last fortnight.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from models_ml import artifacts, folders
from models_ml.catalog import Applied, Named, Verdict


@dataclass(frozen=True)
class Recommendations:
    """The model of products for people, of the shop in a run's folder of features."""

    folder: Path | None = None
    name: str = "recommendations"
    table: str = "recommendations"

    def schema(self) -> dict[str, Any]:
        """As `Model.schema`."""
        from models_ml import recommend

        return recommend.SCHEMA

    def rows(self, frame: pl.DataFrame, as_of: datetime) -> Any:  # noqa: ARG002  # what is known ends at the run's moment
        """As `Model.rows`, but for what they are: a shop, or None where the run exported none."""
        from models_ml.recommenders import shop

        return shop.read(self.folder) if self.folder else None

    def lacking(self, rows: Any) -> str | None:
        """As `Model.lacking`."""
        from models_ml import recommend

        return recommend.lacking(rows)

    def version(self, rows: Any, champion: Named | None) -> str:  # noqa: ARG002  # nothing goes on from it
        """As `Model.version`."""
        from models_ml import recommend

        return recommend.version(rows)

    def fit(self, rows: Any, threads: int, champion: Named | None) -> artifacts.Files:  # noqa: ARG002  # as above
        """As `Model.fit`."""
        from models_ml import recommend

        return recommend.fit(rows)

    def judge(
        self,
        champion: artifacts.Files | None,
        challenger: artifacts.Files,
        rows: Any,
        threads: int,  # noqa: ARG002  # on one thread
    ) -> Verdict:
        """As `Model.judge`: without a champion beside what is popular."""
        from models_ml import recommend
        from models_ml.recommenders import judging, ranking

        if champion is None:
            beside = json.loads(challenger["card.json"])["metrics"]["lists_beside_popularity"]
            return _told(beside["ndcg_at_20_gain"], beside["low"], beside["high"], "what is popular")
        gain = recommend.compared(champion, challenger, rows)
        return _told(float(gain.mean()), *ranking.interval(gain, judging.SEED), "the champion")

    def needs(self, files: artifacts.Files) -> frozenset[str]:  # noqa: ARG002  # of features none
        """As `Model.needs`."""
        return frozenset()

    def apply(self, files: artifacts.Files, version: str, at: datetime, threads: int) -> Applied:  # noqa: ARG002
        """As `Model.apply`, but at once: everybody in the shop, some thousands at a time."""
        from models_ml import recommend
        from models_ml.recommenders import shop

        def score(_: pl.DataFrame) -> pl.DataFrame:
            return pl.DataFrame(schema=recommend.SCHEMA)

        found = shop.read(self.folder) if self.folder else None
        if found is None:
            return Applied(score, "no_champion", shop.NONE_EXPORTED)
        metrics = json.loads(files["card.json"])["metrics"]
        written = folders.parquet(recommend.predict(files, found, version), recommend.SCHEMA)
        return Applied(score, "ok", None, metrics, recommend.warnings(metrics), parquet=written, people=found.shape[0])


def _told(gain: float, low: float, high: float, than: str) -> Verdict:
    word = "better than" if low > 0 else "worse than" if high < 0 else "no surer than"
    figures = f"ndcg@20 higher by {gain:.4f} (95 % {low:.4f} to {high:.4f})"
    detail = {"ndcg_at_20": {"value": gain, "lower": low, "upper": high}}
    return Verdict(high >= 0, f"{word} {than}: {figures}", detail)
