"""Scores: what the models write and segments read, table by table."""

from pathlib import Path

import duckdb

from warehouse.sql import literal

TABLES = {
    "propensity": {
        "customer_id": "varchar",
        "model": "varchar",
        "probability": "double",
        "tier": "varchar",
        "model_version": "varchar",
        "scored_at": "timestamp",
        "reasons": "varchar[]",
        "expected_value_amount": "double",
    },
    "affinities": {
        "customer_id": "varchar",
        "category": "varchar",
        "probability": "double",
        "tier": "varchar",
        "has_bought": "boolean",
        "model_version": "varchar",
        "scored_at": "timestamp",
    },
    "clusters": {"customer_id": "varchar", "cluster": "integer", "persona": "varchar", "model_version": "varchar"},
    "recommendations": {
        "customer_id": "varchar",
        "rank": "integer",
        "product_id": "varchar",
        "score": "double",
        "strategy": "varchar",
        "model_version": "varchar",
    },
    "lifetime": {
        "customer_id": "varchar",
        "model": "varchar",
        "expected_orders": "double",
        "p_alive": "double",
        "value_amount": "double",
        "value_low_amount": "double",
        "value_high_amount": "double",
        "horizon_days": "integer",
        "model_version": "varchar",
        "scored_at": "timestamp",
    },
    "cluster_migrations": {
        "from_cluster": "integer",
        "from_persona": "varchar",
        "into_cluster": "integer",
        "into_persona": "varchar",
        "people": "bigint",
        "share": "double",
        "from_version": "varchar",
        "into_version": "varchar",
    },
}


def bind(connection: duckdb.DuckDBPyConnection, folder: Path | None, known: str) -> None:
    """Create the views `scores.*` of a run's folder; zero rows where there is none, or none of that table.

    `known` is SQL that holds for a person whose scores are shown.
    """
    for name, columns in TABLES.items():
        wanted = ", ".join(f'cast("{column}" as {kind}) as "{column}"' for column, kind in columns.items())
        empty = ", ".join(f'cast(null as {kind}) as "{column}"' for column, kind in columns.items())
        body = f"select {empty} where false"
        if folder and (path := folder / f"{name}.parquet").exists():
            # by name: scores that count may be older than a column
            rows = f"{body} union all by name from read_parquet({literal(path)})"
            body = f"select {wanted} from ({rows})" + (f" where {known}" if "customer_id" in columns else "")
        connection.execute(f"create or replace view scores.{name} as {body}")
