"""A small seeded shop for recommenders: people with a taste for two categories each, who come back to it."""

from pathlib import Path

import numpy as np
import polars as pl

from models_ml.recommenders.shop import Shop

CATEGORIES = 6
STAGES = ("browsing", "cart_abandoned", "post_purchase")


def shop(people: int = 900, products: int = 60, seed: int = 1, *, taste: float = 0.8) -> Shop:
    """What people did in three periods; `taste` is how much of it is of their own two categories, 0 for none."""
    rng = np.random.default_rng(seed)
    category = np.arange(products) % CATEGORIES
    liked = rng.integers(0, CATEGORIES, (people, 2))
    rows = [_period(rng, category, liked, taste, period) for period in (0, 0, 1, 2)]
    # the last tenth is known by an account only
    interactions = (
        pl.concat(rows)
        .filter(pl.col("shopper_number") < people * 0.9)
        .group_by("shopper_number", "product_number", "period")
        .agg(pl.col("carts").sum(), pl.col("purchases").sum(), pl.col("weight").sum())
        .sort("shopper_number", "product_number", "period")
    )
    return Shop(_shoppers(rng, people), _catalogue(rng, category), interactions, _pairs(interactions))


def _period(
    rng: np.random.Generator, category: np.ndarray, liked: np.ndarray, taste: float, period: int
) -> pl.DataFrame:
    people = np.repeat(np.arange(len(liked)), rng.poisson(5, len(liked)))
    n = len(people)
    own = rng.random(n) < taste
    wanted = np.where(own, liked[people, rng.integers(0, 2, n)], rng.integers(0, CATEGORIES, n))
    # the first of each category are looked at most
    place = (len(category) // CATEGORIES * rng.random(n) ** 1.5).astype(np.int64)
    bought = rng.random(n) < 0.08
    carts = rng.random(n) < 0.15
    return pl.DataFrame(
        {
            "shopper_number": pl.Series(people, dtype=pl.Int32),
            "product_number": pl.Series(place * CATEGORIES + wanted, dtype=pl.Int32),
            "period": pl.Series([period] * n, dtype=pl.UInt8),
            "carts": pl.Series(carts.astype(np.int32), dtype=pl.Int32),
            "purchases": pl.Series(bought.astype(np.int32), dtype=pl.Int32),
            "weight": 1.0 + 3 * carts + 8 * bought,
        }
    )


def _pairs(interactions: pl.DataFrame) -> pl.DataFrame:
    """Products that one person did something with in one period, as if in one session."""
    keys = ["shopper_number", "period"]
    both = interactions.select(*keys, "product_number").join(
        interactions.select(*keys, other_number="product_number"), on=keys
    )
    return (
        both.filter(pl.col("product_number") != pl.col("other_number"))
        .group_by("product_number", "other_number", "period")
        .agg(sessions_count=pl.len().cast(pl.Int32))
        .sort("product_number", "other_number", "period")
    )


def _shoppers(rng: np.random.Generator, people: int) -> pl.DataFrame:
    categories = [f"category {c}" if c < CATEGORIES else None for c in rng.integers(0, CATEGORIES + 2, people)]
    return pl.DataFrame(
        {
            "shopper_number": pl.Series(range(people), dtype=pl.Int32),
            "customer_id": [f"00000000-0000-5000-8000-{i:012d}" for i in range(people)],
            "state": pl.Series(["browsing", "customer", "lapsed"]).gather(rng.integers(0, 3, people)),
            "journey_stage": pl.Series(STAGES).gather(rng.choice(3, people, p=(0.8, 0.1, 0.1))),
            "region": [("north", "south", None)[r] for r in rng.integers(0, 3, people)],
            "favourite_category": pl.Series(categories, dtype=pl.String),
        }
    )


def _catalogue(rng: np.random.Generator, category: np.ndarray) -> pl.DataFrame:
    n = len(category)
    return pl.DataFrame(
        {
            "product_number": pl.Series(range(n), dtype=pl.Int32),
            "product_id": [f"p{i:03d}" for i in range(n)],
            "category": [f"category {c}" for c in category],
            "brand": [f"brand {b}" for b in rng.integers(0, 4, n)],
            "name": [f"thing {c} number {i}" for i, c in enumerate(category)],
            "price_amount": rng.lognormal(3, 0.5, n).round(2),
            "is_available": [i % 17 != 5 for i in range(n)],
        }
    )


def store(folder: Path, found: Shop) -> None:
    """Put a shop where a run exports it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("shoppers", "catalogue", "interactions", "co_occurrences"):
        getattr(found, name).write_parquet(folder / f"{name}.parquet")
