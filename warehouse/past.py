"""Features of past cut-offs: what looking back writes, and models learn from."""

from functools import cache

import duckdb
import yaml

from warehouse.settings import CHECKOUT, Settings
from warehouse.sql import literal

# each with its order; the last reads the others
MODELS = {"customer_features": "customer_id", "category_features": "customer_id, category"}
LAST = "category_features"
FOLDER = CHECKOUT / "dbt_project" / "models" / "features"


def bind(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Create the views `past.*`; zero rows where there is no cut-off."""
    connection.execute("create schema if not exists past")
    for model in MODELS:
        files = sorted(settings.past.glob(f"*/{model}.parquet"))
        listed = f"union all by name from read_parquet([{', '.join(map(literal, files))}])" if files else ""
        connection.execute(f"create or replace view past.{model} as {nobody(model)} {listed}")


@cache
def nobody(name: str) -> str:
    """SQL for zero rows, with the columns that the model's contract states."""
    every = yaml.safe_load((FOLDER / "_features.yml").read_text())["models"]
    model = next(one for one in every if one["name"] == name)
    typed = ", ".join(f"cast(null as {column['data_type']}) as {column['name']}" for column in model["columns"])
    return f"select {typed} where false"
