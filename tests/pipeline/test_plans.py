"""How DuckDB would do what dbt sends: nothing is compared each with each."""

import json
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from tests.pipeline.shop import Shop

pytestmark = pytest.mark.timeout(1500)  # a whole run stands before it


def _steps(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan["children"]:
        yield from _steps(child)


def _plans(shop: Shop) -> Iterator[tuple[str, dict[str, Any]]]:
    with duckdb.connect(shop.home.path / "warehouse" / "working.duckdb", read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for path in sorted((shop.home.path / "dbt" / "compiled").rglob("models/*/*.sql")):
            for _, plan in connection.execute(f"explain (format json) {path.read_text()}").fetchall():
                yield path.stem, json.loads(plan)[0]


def test_no_outer_join_compares_each_row_with_each(shop: Shop) -> None:
    """As one does whose `on` has a condition of the left side alone; an inner join with the control row may."""
    plans = dict(_plans(shop))
    assert len(plans) > 100
    compared = {
        name
        for name, plan in plans.items()
        for step in _steps(plan)
        if "NL_JOIN" in step["name"] and step["extra_info"]["Join Type"] != "INNER"
    }
    assert compared == set()
