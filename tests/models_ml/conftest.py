"""A small seeded shop of feature rows, with a signal that a test can plant, break or leak."""

import shutil
import tempfile
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from pydantic import SecretStr

from models_ml import champions
from warehouse.settings import Settings

AS_OF = datetime.fromisoformat("2026-08-31")
KEY = "ab" * 32


def settings(home: Path) -> Settings:
    """Settings with their own home and fixed keys."""
    return Settings(home=home, hmac_key=SecretStr(KEY), namespace=SecretStr("6f3c1a52-6f0e-4d5e-9d54-2f6d8f2b7a10"))


def features(customers: int = 1200, cutoffs: int = 6, seed: int = 1, strength: float = 1.6) -> pl.DataFrame:
    """Rows of so many customers and cut-offs; buying follows recency, carts and orders by `strength`."""
    rng = np.random.default_rng(seed)
    return pl.concat(_cutoff(rng, customers, k, strength) for k in range(cutoffs))


def _cutoff(rng: np.random.Generator, n: int, k: int, strength: float) -> pl.DataFrame:
    orders = rng.poisson(rng.gamma(1.0, 2.0, n))
    carts = rng.poisson(rng.gamma(0.5, 2.0, n))
    recency = np.where(orders > 0, rng.exponential(60, n).round(), np.nan)
    signal = np.log1p(carts) * 1.2 + np.log1p(orders) * 0.6 - np.nan_to_num(recency, nan=120.0) / 60
    bought = rng.random(n) < 1 / (1 + np.exp(-(strength * signal - 1.5)))
    spend = orders * rng.lognormal(3, 0.5, n)
    return pl.DataFrame(
        {
            "customer_id": [f"00000000-0000-5000-8000-{i:012d}" for i in range(n)],
            "cutoff_at": pl.Series([AS_OF - k * timedelta(days=14)] * n, dtype=pl.Datetime("us")),
            "is_scored": [k == 0] * n,
            "bought_next_14d": [None] * n if k == 0 else bought.tolist(),
            "recency_days": pl.Series(recency).fill_nan(None),
            "orders_count": orders,
            "carts_28d_count": carts,
            "order_days_count": orders,
            "order_span_days": pl.Series(np.where(orders > 0, 10.0 * (orders - 1), np.nan)).fill_nan(None),
            "days_since_first_order": pl.Series(10.0 * (orders - 1) + recency).fill_nan(None),
            "sessions_28d_count": rng.poisson(3, n),
            "spend_total_amount": spend,
            "mean_order_amount": pl.Series(np.divide(spend, orders, out=np.full(n, np.nan), where=orders > 0)).fill_nan(
                None
            ),
            "days_since_last_event": rng.exponential(20, n).round(),
        },
        schema_overrides={"bought_next_14d": pl.Boolean},
    )


def store(home: Path, run_id: str, frame: pl.DataFrame) -> Settings:
    """Put features where a run reads them; return the settings of that home."""
    place = home / "features" / run_id
    place.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(place / "features.parquet")
    if not (home / "models").exists():  # its tables take seconds to make
        (home / "models").mkdir()
        shutil.copy(empty_registry(), home / "models" / "registry.sqlite")
    return settings(home)


@cache
def empty_registry() -> Path:
    """A registry without a model."""
    from models_ml.registry import Registry

    made = settings(Path(tempfile.mkdtemp(prefix="registry-")))
    Registry(made)
    return champions.path(made)


@pytest.fixture(scope="session")
def shop() -> SimpleNamespace:
    """The shop's functions, for tests in any import mode."""
    return SimpleNamespace(as_of=AS_OF, key=KEY, settings=settings, features=features, store=store)
