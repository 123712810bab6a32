"""A full run measures people by number where their id only tells them apart, and finds what the plain SQL finds."""

import json
import re

import duckdb
import pytest

from benchmarks import segments as bench
from warehouse import dbt, run
from warehouse.settings import Settings

pytestmark = pytest.mark.xdist_group("dbt")

EVENTS = ("category_enthusiast", "currently_browsing_premium", "frequent_cart_abandoners", "high_engagement")
PICKED = {f"persona_{one}" for one in ("dormant", "explorers", "regulars", "spenders")} | {
    *(f"{one}_buyers" for one in ("likely", "possible", "unlikely")),
    "like_category_enthusiast",
    "likely_to_churn",
}
NUMBERED = {*EVENTS, "cart_abandoned", "northern_app_browsers", "northern_evening_app_readers", "trend_seekers"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, dict[str, list[str]]]:
    """A shop of some thousand people whose segments dbt built in a full run, and what dbt sent."""
    settings = bench.settings_of(tmp_path_factory.mktemp("numbered") / "home")
    bench.fill(settings, 200_000)
    return settings, bench.statements(settings)


def _rows(settings: Settings, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(settings.working, read_only=True) as work:
        return work.execute(f"select * from ({sql}) order by all").fetchall()


def _compiled(settings: Settings) -> dict[str, str]:
    results = json.loads((settings.home / "dbt" / "run_results.json").read_text())["results"]
    return {one["unique_id"].rpartition(".")[2]: one["compiled_code"] for one in results}


def test_those_that_read_events_are_measured_by_number(built: tuple[Settings, dict[str, list[str]]]) -> None:
    _, sent = built
    assert {name for name in dbt.segment_names() if "customer_number" in "".join(sent[name])} == NUMBERED


@pytest.mark.parametrize("name", sorted(NUMBERED))
def test_by_number_and_by_id_are_the_same_people_and_measures(
    built: tuple[Settings, dict[str, list[str]]], name: str
) -> None:
    settings, _ = built
    sql = _compiled(settings)[name]
    steps = re.sub(r"select \* from \w+\s*$", "select * from measured", sql)
    kept = _rows(settings, f"from segment_measures.{name}")
    assert kept == _rows(settings, steps)
    assert len(kept) > 3 or name == "currently_browsing_premium"
    assert _rows(settings, f"from segment_rules.{name}") == _rows(settings, sql)


def test_what_is_picked_from_the_scores_is_a_view_of_them(built: tuple[Settings, dict[str, list[str]]]) -> None:
    settings, _ = built
    views = _rows(settings, "select view_name from duckdb_views() where schema_name = 'segment_measures'")
    assert {name for (name,) in views} == PICKED
    for name in PICKED:
        sql = _compiled(settings)[name]
        assert _rows(settings, f"from segment_rules.{name}") == _rows(settings, sql)


def test_the_working_file_keeps_repeated_text_as_a_dictionary(
    built: tuple[Settings, dict[str, list[str]]],
) -> None:
    """Default storage packs text row by row: reading the events of a segment costs twice as much."""
    settings, _ = built
    with run.working(settings) as work:
        found = work.execute("select tags from duckdb_databases() where database_name = 'working'").fetchall()
    assert found == [({"storage_version": "v1.3.0+"},)]


def test_another_run_takes_what_stands_there_and_text_where_numbers_do_not_tell(
    built: tuple[Settings, dict[str, list[str]]],
) -> None:
    """A table left by an earlier definition becomes a view and the other way round; here a person seems to be two."""
    settings, _ = built
    before = _rows(settings, "from segment_measures.likely_buyers")
    with duckdb.connect(settings.working) as work:
        work.execute("drop view segment_measures.likely_buyers; drop table segment_measures.cart_abandoned")
        work.execute("create table segment_measures.likely_buyers as select 1 as customer_id")
        work.execute("create view segment_measures.cart_abandoned as select 1 as customer_id")
        work.execute("insert into profiles.customers select * from profiles.customers limit 1")
    sent = bench.statements(settings)
    assert "customer_number" not in "".join(sql for sqls in sent.values() for sql in sqls)
    assert _rows(settings, "from segment_measures.likely_buyers") == before
    found = _rows(settings, "select table_name from duckdb_tables() where schema_name = 'segment_measures'")
    assert {name for (name,) in found} == {*NUMBERED, "cross_sell_candidates"}
