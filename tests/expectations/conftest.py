"""A home of its own for every test, with a source's profile and a run's scores that pass both gates."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
from pydantic import SecretStr

from expectations.gate import Check
from warehouse.contracts import Column, Contract
from warehouse.settings import Settings

CANARY = "canary-7f3a@example.org"
RUN = "2026-08-31T00"
CONTRACT = Contract(
    source="shop_orders",
    description="Orders",
    format="csv",
    columns=(
        Column(name="order_id", pii="indirect"),
        Column(name="email", pii="direct", kind="email", nullable=False),
        Column(name="ordered_at", type="timestamp", nullable=False),
        Column(name="total_amount", type="decimal", minimum=0),
        Column(name="note"),
    ),
    key=("order_id",),
    event_time="ordered_at",
    purpose="orders",
    retention_days=700,
)


def profile() -> pl.DataFrame:
    """The profile of a load of the contract above; nothing in it breaks a rule."""
    epoch = datetime.fromisoformat("2026-08-01T00:00:00+00:00").timestamp()
    rows = [
        ("order_id", "VARCHAR", 0, None, None),
        ("email_hmac", "VARCHAR", 0, None, None),
        ("email_is_disposable", "BOOLEAN", 0, None, None),
        ("email_canonical_hmac", "VARCHAR", 0, None, None),
        ("ordered_at", "TIMESTAMP", 0, epoch, epoch + 86_400 * 30),
        ("total_amount", "DECIMAL(18,4)", 12, 0.0, 310.5),
        ("note", "VARCHAR", 1000, None, None),
        ("_file", "VARCHAR", 0, None, None),
        ("_position", "BIGINT", 0, 1.0, 1000.0),
        ("_arrived_at", "TIMESTAMP", 0, epoch, epoch),
        ("_batch", "INTEGER", 0, 1.0, 1.0),
        ("_extra", "VARCHAR", 1000, None, None),
    ]
    return pl.DataFrame(
        [("shop_orders", name, kind, 1000, nulls, 900, low, high) for name, kind, nulls, low, high in rows],
        schema=["source", "column", "type", "rows", "nulls", "distinct_approx", "minimum", "maximum"],
        orient="row",
    )


def scores() -> dict[str, pl.DataFrame]:
    """Score frames of four customers; nothing in them breaks a rule."""
    ids = [CANARY, "b", "c", "d"]
    scored_at = pl.Series([datetime.fromisoformat("2026-08-31")] * 4, dtype=pl.Datetime("us"))
    return {
        "propensity": pl.DataFrame(
            {
                "customer_id": ids,
                "model": ["purchase"] * 4,
                "probability": [0.0, 0.2, 0.7, 1.0],
                "tier": ["low", "low", "medium", "high"],
                "model_version": ["0123456789ab"] * 4,
                "scored_at": scored_at,
                "reasons": [["orders_count"], [], ["orders_count", "recency_days"], []],
                "expected_value_amount": [0.0, None, 35.5, 80.0],
            }
        ),
        "clusters": pl.DataFrame(
            {
                "customer_id": ids,
                "cluster": pl.Series([0, 0, 1, 1], dtype=pl.Int32),
                "persona": ["lapsed", "lapsed", "browsers", "browsers"],
                "model_version": ["ba9876543210"] * 4,
            }
        ),
        "lifetime": pl.DataFrame(
            {
                "customer_id": ids[:3],
                "model": ["lifetime"] * 3,
                "expected_orders": [0.0, 0.5, 3.0],
                "p_alive": [0.0, 0.5, 1.0],
                "value_amount": [0.0, 40.0, 200.0],
                "value_low_amount": [0.0, 0.0, 90.0],
                "value_high_amount": [0.0, 100.0, 320.0],
                "horizon_days": pl.Series([365] * 3, dtype=pl.Int32),
                "model_version": ["00ba98765432"] * 3,
                "scored_at": scored_at[:3],
            }
        ),
        "cluster_migrations": pl.DataFrame(
            {
                "from_cluster": pl.Series([0, 0, 2], dtype=pl.Int32),
                "from_persona": ["lapsed", "lapsed", "explorers"],
                "into_cluster": pl.Series([0, 1, 1], dtype=pl.Int32),
                "into_persona": ["lapsed", "browsers", "browsers"],
                "people": [2, 1, 1],
                "share": [0.6667, 0.3333, 1.0],
                "from_version": ["00ff00ff00ff"] * 3,
                "into_version": ["ba9876543210"] * 3,
            }
        ),
        "recommendations": recommendations(ids),
        "affinities": pl.DataFrame(
            {
                "customer_id": [CANARY, CANARY, "b"],
                "category": ["bowls", "mugs", "mugs"],
                "probability": [0.0, 0.3, 1.0],
                "tier": ["low", "medium", "high"],
                "has_bought": [True, False, False],
                "model_version": ["1a2b3c4d5e6f"] * 3,
                "scored_at": scored_at[:3],
            }
        ),
    }


def recommendations(ids: list[str]) -> pl.DataFrame:
    """All that is on sale and not bought: two products each, and one for the first, who bought the other."""
    rows = [(ids[0], 1, "p2", 1.0, "popular")] + [
        (id_, rank, product, score, "personal")
        for id_ in ids[1:]
        for rank, product, score in ((1, "p1", 1.0), (2, "p2", 0.0))
    ]
    names = ["customer_id", "rank", "product_id", "score", "strategy"]
    frame = pl.DataFrame(rows, schema=names, orient="row")
    return frame.with_columns(pl.col("rank").cast(pl.Int32), model_version=pl.lit("0a1b2c3d4e5f"))


def store_raw(home: Path, frame: pl.DataFrame, contract: Contract = CONTRACT) -> Settings:
    """Put a profile and its contract where the gate looks."""
    found = settings(home)
    contract.write(found.raw / contract.source)
    (found.gates / RUN).mkdir(parents=True, exist_ok=True)
    frame.write_parquet(found.gates / RUN / "raw_profile.parquet")
    return found


def store_scores(home: Path, frames: dict[str, pl.DataFrame], **status: str) -> Settings:
    """Put scores, their report and the features of the four customers where the gate looks."""
    found = settings(home)
    for folder in (found.scores / RUN, found.features / RUN):
        folder.mkdir(parents=True, exist_ok=True)
    for name, frame in frames.items():
        frame.write_parquet(found.scores / RUN / f"{name}.parquet")
    models = {
        name: {"status": status.get(name, "ok")} for name in ("purchase", "clusters", "lifetime", "recommendations")
    }
    models["affinity"] = {"status": status.get("affinity", "ok"), "rows": 2}
    (found.scores / RUN / "report.json").write_text(json.dumps({"models": models}))
    asked = {
        "customer_id": [CANARY, "b", "c", "d", "old"],
        "is_scored": [True] * 4 + [False],
        "order_days_count": [1, 1, 2, 0, 1],
        "orders_count": [1] * 5,
        "recency_days": [2.0] * 5,
    }
    features = {
        "features": asked,
        "shoppers": {"shopper_number": [0, 1, 2, 3], "customer_id": [CANARY, "b", "c", "d"]},
        "catalogue": {
            "product_number": [0, 1, 2],
            "product_id": ["p1", "p2", "sold_out"],
            "is_available": [True, True, False],
        },
        "category_features": {
            "customer_id": [CANARY, CANARY, "b", "old"],
            "category": ["bowls", "mugs", "mugs", "mugs"],
            "is_scored": [True, True, True, False],
        },
        "interactions": {"shopper_number": [0, 1], "product_number": [0, 0], "purchases": [1, 0]},
    }
    for name, columns in features.items():
        pl.DataFrame(columns).write_parquet(found.features / RUN / f"{name}.parquet")
    return found


def settings(home: Path) -> Settings:
    """Settings with their own home and fixed keys."""
    namespace = SecretStr("6f3c1a52-6f0e-4d5e-9d54-2f6d8f2b7a10")
    return Settings(home=home, hmac_key=SecretStr("ab" * 32), namespace=namespace)


@pytest.fixture(scope="session")
def failures(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Sequence[Check]], list[str]]:
    """What fails of some checks: the gate's own evaluation, without the pages it writes afterwards."""
    from expectations import docs

    context = docs.open_context(tmp_path_factory.mktemp("gates"))
    return lambda checks: [text for check in checks for text in docs.failed(check, docs.evaluate(context, check))]


@pytest.fixture(scope="session")
def made() -> SimpleNamespace:
    """What passes, and how to put it in place, for tests in any import mode."""
    return SimpleNamespace(
        canary=CANARY,
        run=RUN,
        contract=CONTRACT,
        profile=profile,
        scores=scores,
        settings=settings,
        store_raw=store_raw,
        store_scores=store_scores,
    )
