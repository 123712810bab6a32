"""Features of past cut-offs: what looking back writes, and models learn from."""

from functools import cache

import duckdb
import yaml

from warehouse.settings import CHECKOUT, Settings
from warehouse.sql import literal

MODEL = "customer_features"
FOLDER = CHECKOUT / "dbt_project" / "models" / "features"


def bind(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Create the view `past.customer_features`; zero rows where there is no cut-off."""
    files = sorted(settings.past.glob("*.parquet"))
    listed = f"union all by name from read_parquet([{', '.join(map(literal, files))}])" if files else ""
    connection.execute("create schema if not exists past")
    connection.execute(f"create or replace view past.{MODEL} as {nobody()} {listed}")


@cache
def nobody() -> str:
    """SQL for zero rows, with the columns that the model's contract states."""
    every = yaml.safe_load((FOLDER / "_features.yml").read_text())["models"]
    model = next(one for one in every if one["name"] == MODEL)
    typed = ", ".join(f"cast(null as {column['data_type']}) as {column['name']}" for column in model["columns"])
    return f"select {typed} where false"
