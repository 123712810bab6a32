"""Category affinity: how likely each customer is to buy from each category that they have touched.

One model over pairs of customer and category. No feature names the category: one that is new is scored by how people
take to it. It is the propensity of a pair, fitted and calibrated as any other.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl

from models_ml import artifacts, baseline, calibration, cards, compare, features, leakage, propensity
from models_ml.features import Matrix, Split, labels, matrix, people
from models_ml.targets import AFFINITY
from warehouse.sql import literal

KEY = ("customer_id", "category")
MOST_PEOPLE = 50_000  # to learn from: more make no difference that is seen, and cost
NONE_EXPORTED = "the run exported no pairs of customer and category"
SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "customer_id": pl.String,
    "category": pl.String,
    "probability": pl.Float64,
    "tier": pl.String,
    "has_bought": pl.Boolean,
    "model_version": pl.String,
    "scored_at": pl.Datetime("us"),
}
_LIMITS = [
    "Of categories that a customer has not touched in 180 days nothing is said.",
    "The figures hold for one fortnight of one shop; a sale, a holiday or a change in tracking moves them.",
    "Probabilities are of what happens anyhow: they say nothing about what a message would change.",
    "Not to be used for prices, credit, or anything with legal effect on a person.",
]


def path(folder: Path) -> Path:
    """Where a run's folder of features has the pairs."""
    return folder / "category_features.parquet"


def read(folder: Path, as_of: datetime) -> Split | None:
    """The labelled pairs by use, of all people or of as many as are worth it; None where the run exported none.

    Raises:
        ValueError: as `features.split`.
    """
    if not path(folder).exists():
        return None
    known = f"from read_parquet({literal(path(folder))}) where not is_scored"
    with duckdb.connect(config={"threads": 1}) as connection:
        [(count,)] = connection.execute(f"select count(distinct customer_id) {known}").fetchall()
        some = f"and hash(customer_id) % {1 + count // MOST_PEOPLE} = 0"
        frame = connection.execute(f"select * {known} {some}").pl()
    return features.split(frame, as_of, AFFINITY, KEY)


def lacking(rows: Split | None) -> str | None:
    """Why there is too little to learn from or to judge by; None where there is enough."""
    return NONE_EXPORTED if rows is None else propensity.lacking(rows)


def fit(rows: Split, threads: int) -> artifacts.Files:
    """The artifact of a propensity, with a card that says whether it beats interest and popularity beyond chance."""
    files = propensity.fit(rows, threads)
    card = json.loads(files["card.json"])
    card["metrics"]["beside_baseline"] = beside_baseline(files, rows, threads)
    card["tiers"]["by"] = "probability, of pairs"
    card["limits"] = _LIMITS
    return files | {"card.json": artifacts.dump(card), "card.md": cards.markdown(card).encode()}


def beside_baseline(files: artifacts.Files, rows: Split, threads: int) -> dict[str, Any]:
    """What is gained on the test cut-off over the rate by fifths of interest and popularity; people are drawn.

    Better is what is surely so in log loss and in rank. Empty where the features lack either.
    """
    plain = baseline.predict(rows.train, rows.test, AFFINITY.plain)
    if plain is None:
        return {}
    own, _ = _scored(propensity.load(files), rows.test, threads)
    found = compare.paired(labels(rows.test), plain, own, people(rows.test))
    is_better = min(found.log_loss.lower, found.roc_auc.lower) > 0
    verdict = "better" if is_better else "worse" if found.log_loss.upper < 0 else "a tie"
    return {"verdict": verdict, **asdict(found)}


def predict(files: artifacts.Files, folder: Path, version: str, at: datetime, threads: int) -> Iterator[pl.DataFrame]:
    """Rows of `scores.affinities` of every pair to score, so many at a time, in the order of the file.

    Raises:
        ValueError: a pair has another cut-off than `at`.
    """
    model, constants = propensity.load(files), {"model_version": version, "scored_at": at}
    for pairs in features.scored(path(folder), at):
        probability, tiers = _scored(model, pairs, threads)
        full = pairs.select(
            *KEY, "has_bought", pl.Series("probability", probability), tiers.alias("tier")
        ).with_columns(pl.lit(value).alias(name) for name, value in constants.items())
        yield full.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())


def _scored(model: propensity.Fitted, pairs: pl.DataFrame, threads: int) -> tuple[Matrix, pl.Series]:
    """Probability and tier of each pair; without reasons, which cost more than all the rest."""
    margin = model.paths.booster.predict(matrix(pairs, model.names), raw_score=True, num_threads=threads)
    probability = calibration.probabilities(model.calibration, np.asarray(margin, dtype=np.float64))
    return probability, calibration.tiers(model.calibration, probability)


def missing(files: artifacts.Files, folder: Path | None) -> frozenset[str]:
    """The features of an artifact that a run's pairs lack, named as of pairs; none where it exported no pairs."""
    if folder is None or not path(folder).exists():
        return frozenset()
    lost = set(json.loads(files["card.json"])["features"]) - set(pl.read_parquet_schema(path(folder)))
    return frozenset(f"category_features.{name}" for name in lost)


def customers(folder: Path) -> int:
    """How many people have a pair to score."""
    query = f"select count(distinct customer_id) from read_parquet({literal(path(folder))}) where is_scored"
    with duckdb.connect(config={"threads": 1}) as connection:
        [(count,)] = connection.execute(query).fetchall()
    return int(count)


def warnings(metrics: dict[str, Any]) -> tuple[str, ...]:
    """What a reader of the figures should look into."""
    verdict = metrics.get("beside_baseline", {}).get("verdict", "better")
    found = leakage.warnings(metrics, AFFINITY.plain_words)
    return found if verdict == "better" else (*found, f"the model is {verdict} beside {AFFINITY.plain_words} alone")
