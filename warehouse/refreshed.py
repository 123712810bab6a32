"""Of which models a run changes the rows of those whom it touched, and nobody else's.

A model whose materialization is `refreshed` is built for these people alone then; otherwise for everybody.
"""

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import duckdb

from warehouse import durable


def bind(
    connection: duckdb.DuckDBPyConnection,
    nodes: Mapping[str, dict[str, Any]],
    stand: Collection[str],
    of_day: Collection[str],
) -> None:
    """Let dbt read as `ops.changed_by_touched` which of these nodes, each after what it reads, they are.

    Args:
        connection: The working file of the open run.
        nodes: dbt's nodes by id; none where everything is built, as in a full run and at night.
        stand: Those that stand; they are among them.
        of_day: Those that speak of the end of the run's day; in the first run of a day they are not.
    """
    [(before, now)] = connection.execute("select prev_as_of, as_of from ops.control").fetchall()
    others = set() if not nodes or day(before) == day(now) else {*of_day}
    others |= (
        {name for name, node in nodes.items() if node["name"] == "customers_history"} if _expired(connection) else set()
    )
    found = set(stand)
    for name, node in nodes.items():
        kind = node["config"]["materialized"]
        read = {one for one in node["depends_on"].get("nodes", []) if not one.startswith("source.")}
        is_refreshed = kind == "refreshed" and read <= found and name not in others
        if kind == "per_customer" or node["name"] == "touched" or is_refreshed:
            found.add(name)
    connection.execute(
        "create or replace table ops.changed_by_touched as select unnest(?::varchar[]) as node", [sorted(found)]
    )


def day(moment: datetime) -> date:
    """The day that a moment (UTC) is of, as in the macro `day_end`: midnight is the end of one."""
    return (moment - timedelta(microseconds=1)).date()


def _expired(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether a version of anybody is past its days: the views of `durable` do not show it any more."""
    there = "select 1 from duckdb_tables() where schema_name = 'profiles' and table_name = 'customers_history'"
    if not connection.execute(there).fetchall():
        return False
    kept = durable.KEPT["customers_history"]
    past = f"{kept.ended_at} <= (select as_of from ops.control) - to_days({kept.days})"
    return bool(connection.execute(f"select 1 from profiles.customers_history where {past} limit 1").fetchall())
