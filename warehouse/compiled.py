"""Models built by hand on the SQL that dbt compiled: for moments where dbt's start would cost more than the work."""

from dataclasses import dataclass
from typing import Any

import duckdb

from warehouse import dbt
from warehouse.settings import Settings
from warehouse.sql import literal

Node = dict[str, Any]


@dataclass(frozen=True)
class Model:
    """A model or seed; `sql` is what fills it, `columns` are name to type where the model states them."""

    schema: str
    name: str
    is_view: bool
    sql: str
    columns: dict[str, str]


def models(settings: Settings, name: str) -> list[Model]:
    """The model of that name after all that it reads, in the order in which they can be built.

    Raises:
        SmaltiError: dbt cannot compile them.
    """
    nodes = dbt.compile(settings, name)
    done: dict[str, Node] = {}
    while len(done) < len(nodes):
        done |= {
            key: node
            for key, node in nodes.items()
            if set(node["depends_on"].get("nodes", [])) & set(nodes) <= set(done)
        }
    return [_model(node) for node in done.values()]


def _model(node: Node) -> Model:
    kept = node["config"]["materialized"] not in ("table", "view", "seed")
    typed = {name: column["data_type"] for name, column in node["columns"].items()} if kept else {}
    columns = typed if all(typed.values()) else {}  # of what is refreshed some state no types: these are its SQL's
    is_seed = node["resource_type"] == "seed"
    sql = _seed(node) if is_seed else str(node["compiled_code"])
    return Model(node["schema"], node["name"], node["config"]["materialized"] == "view", sql, columns)


def _seed(node: Node) -> str:
    types = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in node["config"]["column_types"].items())
    path = dbt.PROJECT / node["original_file_path"]
    return f"select * from read_csv({literal(path)}, header = true, nullstr = '', types = {{{types}}})"


def build(connection: duckdb.DuckDBPyConnection, every: list[Model]) -> None:
    """Build them from nothing; a table that runs add to is first made with its columns, as its materialization does."""
    for model in every:
        name = f"{model.schema}.{model.name}"
        connection.execute(f"create schema if not exists {model.schema}")
        if not model.columns:
            connection.execute(f"create or replace {'view' if model.is_view else 'table'} {name} as {model.sql}")
            continue
        typed = ", ".join(f"{column} {kind}" for column, kind in model.columns.items())
        connection.execute(f"create or replace table {name} ({typed})")
        connection.execute(f"insert into {name} by name {model.sql}")
