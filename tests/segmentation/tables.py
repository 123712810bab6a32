"""The tables that a rule reads, in memory, and a segment's query over them, rendered as dbt renders it."""

from collections.abc import Iterable, Mapping
from typing import Any

import duckdb
from jinja2.sandbox import SandboxedEnvironment

from segmentation import check, generate
from segmentation.rule import GRAMMAR
from segmentation.vocabulary import Vocabulary
from tests.segmentation.evaluator import AS_OF, THRESHOLDS, World

COLUMNS = {
    "customers": "customer_id varchar, orders_count bigint, spend_365d_amount decimal(18, 2), region varchar,"
    " state varchar, last_ordered_at timestamp, is_active boolean",
    "customer_events": "customer_id varchar, event_type varchar, platform varchar, category varchar,"
    " product_id varchar, search_query varchar, value_amount decimal(18, 4), is_bot boolean, occurred_at timestamp",
    "customer_orders": "customer_id varchar, status varchar, channel varchar, revenue_amount decimal(38, 4),"
    " ordered_at timestamp",
    "propensity": "customer_id varchar, model varchar, probability double, tier varchar",
    "clusters": "customer_id varchar, cluster integer, persona varchar",
    "friends": "customer_id varchar",
}


def database() -> duckdb.DuckDBPyConnection:
    """A database with the tables and no rows."""
    connection = duckdb.connect()
    for name, columns in COLUMNS.items():
        connection.execute(f"create table {name} ({columns})")
    return connection


def fill(connection: duckdb.DuckDBPyConnection, world: World) -> None:
    """Replace all rows."""
    friends = [{"customer_id": name} for name in world.friends]
    rows: dict[str, Iterable[Mapping[str, Any]]] = {"customers": world.people, "customer_events": world.events}
    rows |= {"customer_orders": world.orders, "propensity": world.propensity, "clusters": world.clusters}
    for name, given in (rows | {"friends": friends}).items():
        connection.execute(f"delete from {name}")
        for row in given:
            marks = ", ".join("?" for _ in row)
            connection.execute(f"insert into {name} ({', '.join(row)}) values ({marks})", list(row.values()))


def render(sql: str, thresholds: Mapping[str, Any] = THRESHOLDS) -> str:
    """The query as dbt leaves it; a threshold that is not there is an error."""
    words = {
        "ref": lambda name: name,
        "source": lambda _, name: name,
        "as_of": lambda: f"timestamp '{AS_OF}'",
        "threshold": lambda name: thresholds[name],
    }
    return SandboxedEnvironment(autoescape=False, keep_trailing_newline=True).from_string(sql).render(words)


def query(rule: Any, words: Vocabulary, name: str = "tested") -> str:
    """The query of a rule, as written."""
    read = GRAMMAR.validate_python(rule)
    assert list(check.problems(read, check.Setting(words, THRESHOLDS))) == []
    return generate.sql(name, read, words)


def members(connection: duckdb.DuckDBPyConnection, sql: str) -> list[str]:
    """Who is in the segment, each as often as the query says."""
    return sorted(name for (name,) in connection.execute(render(sql)).fetchall())
