"""Rules over dbt's SQL: time is an argument, a segment says only what it means, raw is what the contracts say."""

import re
from collections.abc import Iterator
from pathlib import Path

import jinja2
import pytest
import yaml
from jinja2 import nodes

DBT = Path(__file__).resolve().parents[2] / "dbt_project"
COMMENTS = re.compile(r"\{#.*?#\}|/\*.*?\*/|--[^\n]*", re.DOTALL)
CLOCKS = re.compile(
    r"\b(?:now|today|getdate|get_current_time|get_current_timestamp|current_localtime|current_localtimestamp"
    r"|transaction_timestamp|clock_timestamp)\s*\("
    r"|\b(?:current_date|current_time|current_timestamp|localtime|localtimestamp|run_started_at)\b"
    r"|\bmodules\s*\.\s*datetime\b",
    re.IGNORECASE,
)
SEGMENT_WORDS = {"ref", "source", "as_of", "threshold", "crowded"}
SEGMENT_NODES = (nodes.Template, nodes.Output, nodes.TemplateData, nodes.Call, nodes.Name, nodes.Const, nodes.Keyword)


def sql_files(folder: str) -> list[Path]:
    """The SQL files below a folder of the project, dbt's own output left out."""
    found = [
        path
        for path in sorted((DBT / folder).rglob("*.sql"))
        if not path.relative_to(DBT).parts[0].startswith("target")
    ]
    assert found, f"no SQL file under dbt_project/{folder}"
    return found


def clocks(sql: str) -> list[str]:
    """What reads the clock: `as_of()` is the only time there is."""
    return [match.group(0).strip() for match in CLOCKS.finditer(COMMENTS.sub(" ", sql))]


def foreign_words(sql: str) -> Iterator[str]:
    """What a segment uses besides the words that preview can render without dbt."""
    for node in jinja2.Environment(autoescape=True).parse(sql).find_all(nodes.Node):
        if not isinstance(node, SEGMENT_NODES):
            yield type(node).__name__.lower()
        elif isinstance(node, nodes.Name) and node.name not in SEGMENT_WORDS:
            yield node.name
        elif isinstance(node, nodes.Call) and not all(
            isinstance(a, nodes.Const) for a in (*node.args, *(word.value for word in node.kwargs))
        ):
            yield "an argument that is no constant"


def plain_type(name: str) -> str:
    """A type's name whatever its case and spacing."""
    return re.sub(r"\s+", "", name.lower())


def test_no_model_reads_the_clock() -> None:
    found = {path.relative_to(DBT).as_posix(): clocks(path.read_text()) for path in sql_files(".")}
    assert not {name: words for name, words in found.items() if words}, "time enters by as_of() only"


@pytest.mark.parametrize(
    "sql",
    [
        "select now()",
        "select NOW ()",
        "select current_date",
        "where t < Current_Timestamp",
        "select today()",
        "select get_current_timestamp()",
        "'{{ run_started_at }}'",
        "{{ modules.datetime.datetime.utcnow() }}",
    ],
)
def test_the_clock_rule_notices_a_clock(sql: str) -> None:
    assert clocks(sql)


@pytest.mark.parametrize("sql", ["select known_at, is_today from t -- not now()", "/* current_date */ select as_of"])
def test_the_clock_rule_lets_names_and_comments_be(sql: str) -> None:
    assert not clocks(sql)


def test_segments_use_only_what_preview_can_render() -> None:
    found = {path.name: sorted(set(foreign_words(path.read_text()))) for path in sql_files("models/segments")}
    assert not {name: words for name, words in found.items() if words}, (
        f"allowed are {', '.join(sorted(SEGMENT_WORDS))}"
    )


@pytest.mark.parametrize(
    "sql",
    [
        "{{ config(materialized='table') }} select 1",
        "{% set days = 30 %} select {{ days }}",
        "{% if true %} select 1 {% endif %}",
        "select {{ var('days') }}",
        "select {{ as_of().__class__ }}",
        "select {{ ref('a') | upper }}",
        "select {{ ref(target.name) }}",
        "{% for x in [1] %} {{ ref('a') }} {% endfor %}",
        "{{ crowded('a', seconds=days) }}",
        "{{ crowded('a', seconds=as_of()) }}",
    ],
)
def test_the_segment_rule_notices_other_words(sql: str) -> None:
    assert list(foreign_words(sql))


def test_the_segment_rule_allows_its_words() -> None:
    allowed = (
        "select * from {{ ref('a') }}, {{ source('scores', 'b') }} where t < {{ as_of() }} and x > {{ threshold('y') }}"
        " and {{ crowded('a', seconds=600) }}"
    )
    assert not list(foreign_words(allowed))


def declared_sources() -> dict[str, dict[str, str]]:
    """Columns and types of each table of the dbt source `raw`, in order."""
    path = DBT / "models" / "staging" / "_sources.yml"
    sources = yaml.safe_load(path.read_text())["sources"]
    tables = [table for source in sources if source["name"] == "raw" for table in source["tables"]]
    return {t["name"]: {c["name"]: plain_type(c["data_type"]) for c in t["columns"]} for t in tables}


def contract_columns() -> dict[str, dict[str, str]]:
    """Columns and types of each discovered source's raw Parquet, in order."""
    from ingestion import source

    contracts = {name: source.load_source(name).contract for name in source.names()}
    return {name: {c: plain_type(t) for c, t in contract.raw_columns().items()} for name, contract in contracts.items()}


def test_dbt_and_the_contracts_name_the_same_sources() -> None:
    assert sorted(declared_sources()) == sorted(contract_columns())


def test_dbt_and_the_contracts_agree_on_every_raw_column() -> None:
    declared, contracts = declared_sources(), contract_columns()
    differing = {
        name: {
            "dbt": sorted(declared[name].items() - columns.items()),
            "contract": sorted(columns.items() - declared[name].items()),
        }
        for name, columns in contracts.items()
        if name in declared and declared[name] != columns
    }
    assert not differing, "dbt_project/models/staging/_sources.yml must equal Contract.raw_columns()"
