"""Rows of customer and category with a planted taste, as a run exports them."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl

from tests.models_ml.conftest import AS_OF, settings
from warehouse.settings import Settings

CATEGORIES = ("bowls", "mugs", "plates", "vases")


def pairs(people: int = 900, cutoffs: int = 6, seed: int = 1, strength: float = 1.2) -> pl.DataFrame:
    """Pairs of so many people and cut-offs; buying follows interest, its share and the person's own habit."""
    rng = np.random.default_rng(seed)
    return pl.concat(_cutoff(rng, people, k, strength) for k in range(cutoffs)).sort(
        "cutoff_at", "customer_id", "category"
    )


def _cutoff(rng: np.random.Generator, people: int, k: int, strength: float) -> pl.DataFrame:
    n = people * len(CATEGORIES)
    person, category = np.repeat(np.arange(people), len(CATEGORIES)), np.tile(np.arange(len(CATEGORIES)), people)
    habit = np.repeat(rng.normal(0, 1, people), len(CATEGORIES))
    interest = rng.gamma(0.6, 3.0, n)
    share = interest / np.repeat(np.add.reduceat(interest, np.arange(0, n, len(CATEGORIES))), len(CATEGORIES))
    popular = np.array([0.1, 0.4, 0.2, 0.3])[category]
    margin = strength * (np.log1p(interest) + 2 * share + habit + popular) - 4
    bought = rng.random(n) < 1 / (1 + np.exp(-margin))
    return pl.DataFrame(
        {
            "customer_id": [f"00000000-0000-5000-8000-{i:012d}" for i in person],
            "category": [CATEGORIES[i] for i in category],
            "cutoff_at": pl.Series([AS_OF - k * timedelta(days=14)] * n, dtype=pl.Datetime("us")),
            "is_scored": [k == 0] * n,
            "bought_next_14d": pl.Series([None] * n if k == 0 else bought.tolist(), dtype=pl.Boolean),
            "interest_score": interest,
            "interest_share": share,
            "category_buyers_share": popular,
            "days_since_last_touch": rng.exponential(20, n),
            "orders_count": rng.poisson(np.exp(habit / 2)),
            "has_bought": rng.random(n) < 0.3,
        }
    )


def store(home: Path, run_id: str, frame: pl.DataFrame) -> Settings:
    """Put pairs where a run reads them; the settings of that home."""
    folder = home / "features" / run_id
    folder.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(folder / "category_features.parquet")
    return settings(home)
