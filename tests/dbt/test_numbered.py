"""A full run measures people by number where their id only tells them apart, and finds what the plain SQL finds."""

import json
import re
from typing import Any

import duckdb
import pytest
from jinja2 import Environment

from benchmarks import segments as bench
from warehouse import dbt, run
from warehouse.settings import Settings

pytestmark = pytest.mark.xdist_group("dbt")

READ = ["model.smalti.customers", "model.smalti.customer_events", "source.smalti.ops.control"]
EVENTS = ("category_enthusiast", "currently_browsing_premium", "frequent_cart_abandoners", "high_engagement")
PICKED = {f"persona_{one}" for one in ("dormant", "explorers", "regulars", "spenders")} | {
    f"{one}_buyers" for one in ("likely", "possible", "unlikely")
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


def _tells_people_apart(body: str, read: list[str]) -> bool:
    """The macro by itself, in plain Jinja: `return` is dbt's, and kept here."""
    kept: list[bool] = []
    text = (dbt.PROJECT / "macros" / "numbered.sql").read_text()
    model: dict[str, Any] = {"depends_on": {"nodes": read}}
    environment = Environment(extensions=["jinja2.ext.do"])  # noqa: S701 - what it renders is SQL
    given = {"modules": {"re": re}, "model": model, "return": kept.append}
    environment.from_string(text, globals=given).module.tells_people_apart(body)  # type: ignore[attr-defined]
    return bool(kept[0])


_STEPS = """
with

views as (

    select
        customer_id,
        occurred_at
    from "working"."identity"."customer_events"
    where occurred_at > timestamp '2026-01-01'  -- customer_id || 'in a comment'

),

measured as (

    select
        views.customer_id,
        count(*) as views_count
    from views
    group by views.customer_id

)

select * from measured
"""


def test_an_id_that_only_tells_people_apart_may_be_a_number() -> None:
    assert _tells_people_apart(_STEPS, READ)


@pytest.mark.parametrize(
    ("plain", "other"),
    [
        ("count(*)", "count(*) filter (where views.customer_id < 'b')"),
        ("count(*)", "count(*) filter (where views.customer_id = 'ann')"),
        ("count(*)", "max(left(customer_id, 1))"),
        ("count(*)", "min(customer_id)"),
        ("count(*)", "count(*) filter (where md5_hash(customer_id) > 'b')"),
        ("count(*)", "row_number() over (order by views.customer_id)"),
        ("count(*)", "row_number() over (order by occurred_at, customer_id)"),
        ("count(*)", "first(occurred_at order by customer_id)"),
        ("count(*)", "max(views)"),
        ("count(*)", "row_number() over (order by views)"),
        ("count(*)", "max(columns(*))"),
        ("        customer_id,\n", "        customer_id as who,\n"),
        ("        customer_id,\n", "        'web-' || customer_id as customer_id,\n"),
        ("        customer_id,\n", "        customer_id || '!' as other,\n"),
        ("        customer_id,\n", "        customer_id::varchar as other,\n"),
        ("        occurred_at\n", '        "customer_id"\n'),
        ("        occurred_at\n", "        lower(CUSTOMER_ID) as occurred_at\n"),
        ("views as (", "views (who, at) as ("),
        ("from views\n", "from views inner join views as others on views.customer_id < others.customer_id\n"),
        ("from views\n", "from views inner join views as others on views.customer_id = others.customer_id || ''\n"),
        ("from views\n", "from views union all select event_id, 1 from views\n"),
        ('"working"."identity"."customer_events"', '"working"."profiles"."customers"'),
    ],
)
def test_an_id_that_does_more_stays_text(plain: str, other: str) -> None:
    assert plain in _STEPS
    assert not _tells_people_apart(_STEPS.replace(plain, other), READ)


def test_beside_a_table_that_is_not_known_here_the_id_stays_text() -> None:
    assert not _tells_people_apart(_STEPS, [*READ, "model.smalti.tickets"])


def test_joins_of_people_with_themselves_may_be_of_numbers() -> None:
    joined = "from views inner join views as others on views.customer_id = others.customer_id\n"
    assert _tells_people_apart(_STEPS.replace("from views\n", joined), READ)


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
    assert {name for (name,) in found} == NUMBERED
