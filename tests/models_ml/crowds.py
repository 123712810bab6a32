"""Crowds with and without groups, as frames of features."""

from dataclasses import replace

import numpy as np
import polars as pl

from models_ml import clusters

# fewer draws, where a test is not about the number of groups
QUICK = replace(
    clusters.PARAMETERS, judged_sample=600, rule=replace(clusters.PARAMETERS.rule, most=5, bootstraps=2, halves=2)
)
NAMES = ("orders_count", "recency_days", "sessions_28d_count")
THREE = [(40.0, 10.0, 10.0), (10.0, 80.0, 10.0), (10.0, 10.0, 50.0)]
FIVE = [*THREE, (60.0, 60.0, 60.0), (90.0, 20.0, 90.0)]


def frame(x: np.ndarray, names: tuple[str, ...] = NAMES) -> pl.DataFrame:
    """One row a person."""
    ids = [f"c{i:06d}" for i in range(len(x))]
    return pl.DataFrame({"customer_id": ids, **{name: x[:, i] for i, name in enumerate(names)}})


def blobs(centres: list[tuple[float, float, float]], each: int = 200, seed: int = 2) -> pl.DataFrame:
    """Round groups; the second is twice as large as the first, the third three times."""
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.normal(centre, 1.0, (each * (i + 1), 3)) for i, centre in enumerate(centres)])
    return frame(np.abs(x))


def null_world(people: int, seed: int) -> pl.DataFrame:
    """Everybody has the same habits, and only chance differs: orders, what they come to, visits, views, age."""
    rng = np.random.default_rng(seed)
    orders = rng.poisson(6, people) + 1
    return pl.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(people)],
            "orders_count": orders,
            "spend_total_amount": [float(rng.lognormal(3, 0.5, count).sum()) for count in orders],
            "recency_days": rng.exponential(20, people),
            "sessions_28d_count": rng.poisson(12, people),
            "product_views_28d_count": rng.poisson(40, people),
            "tenure_days": rng.uniform(0, 700, people),
        }
    )
