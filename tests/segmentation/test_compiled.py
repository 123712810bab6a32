"""The queries that ship are their rules'; writing is whole, and only where something changed."""

import re
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from models_ml import clusters
from models_ml.targets import PURCHASE
from segmentation import compiled, start
from segmentation.vocabulary import SCORES
from smalti import segments_cli, sidecars
from warehouse.dbt import SEGMENTS
from warehouse.errors import SmaltiError

FACTS = {"owner": "crm", "purpose": "personalisation", "tier": "broad"}
CLI = CliRunner()


@pytest.fixture
def segments(tmp_path: Path) -> Path:
    """A folder with one segment as a rule."""
    start.begin("buyers", FACTS, date(2027, 1, 1), as_rule=True, folder=tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", compiled.with_rule())
def test_the_query_that_is_checked_in_is_the_rules(name: str) -> None:
    assert (SEGMENTS / f"{name}.sql").read_text() == compiled.query(name)
    assert (
        (SEGMENTS / f"{name}.sql")
        .read_text()
        .startswith(f"-- written by `smalti segments compile` from the rule in {name}")
    )


def test_some_segments_that_ship_are_rules() -> None:
    assert {"browsers_no_purchase", "high_value", "northern_evening_app_readers"} <= set(compiled.with_rule())
    assert compiled.problems() == []


def test_the_scores_of_a_rule_are_those_that_the_models_write() -> None:
    assert set(SCORES) == {PURCHASE.name, clusters.MODEL}


def test_a_query_edited_by_hand_is_told_and_written_again(segments: Path) -> None:
    query = segments / "buyers.sql"
    right = query.read_text()
    query.write_text(right.replace(">", ">="))
    (problem,) = compiled.problems(segments)
    assert problem.startswith("buyers.sql: is not what the rule in buyers.yml says; `smalti segments compile buyers`")
    assert compiled.write("buyers", segments)
    assert query.read_text() == right
    assert compiled.problems(segments) == []


def test_a_query_that_is_right_is_not_touched(segments: Path) -> None:
    before = (segments / "buyers.sql").stat().st_mtime_ns
    assert not compiled.write("buyers", segments)
    assert (segments / "buyers.sql").stat().st_mtime_ns == before


def test_a_wrong_rule_leaves_the_query_as_it_was(segments: Path) -> None:
    sidecar, query = segments / "buyers.yml", segments / "buyers.sql"
    before = query.read_text()
    sidecar.write_text(sidecar.read_text().replace("last_ordered_at, after", "last_orderd_at, after"))
    with pytest.raises(SmaltiError, match=r"^buyers.yml:13:27: no attribute 'last_orderd_at', did you mean"):
        compiled.write("buyers", segments)
    assert query.read_text() == before
    assert [line.split(": ")[0] for line in compiled.problems(segments)] == ["buyers.yml:13:27"]
    assert sorted(path.name for path in segments.iterdir()) == ["buyers.sql", "buyers.yml"]


def test_a_query_whose_rule_is_gone_may_not_say_that_it_has_one(segments: Path) -> None:
    sidecar = segments / "buyers.yml"
    sidecar.write_text(re.sub(r" +rule: .*\n", "", sidecar.read_text()))
    assert compiled.problems(segments) == [
        "buyers.sql:1: says that a rule wrote it, and buyers.yml has none; allowed: a rule, or another first line"
    ]


def test_a_sidecar_without_its_query_is_told(segments: Path) -> None:
    (segments / "buyers.sql").unlink()
    assert [line for line in compiled.problems(segments) if "`smalti segments compile buyers` writes it" in line]
    sidecar = segments / "buyers.yml"
    sidecar.write_text(sidecar.read_text().replace("after: window", "after: widow"))
    assert [line.split(",")[0] for line in compiled.problems(segments)] == ["buyers.yml:13:51: no threshold 'widow'"]


@pytest.mark.parametrize("as_rule", [True, False])
def test_a_segment_just_begun_is_well_formed(tmp_path: Path, *, as_rule: bool) -> None:
    sidecar, query = start.begin("buyers", FACTS, date(2027, 1, 1), as_rule=as_rule, folder=tmp_path)
    assert sidecars.problems(tmp_path) == []
    assert compiled.problems(tmp_path) == []
    assert ("rule:" in sidecar.read_text()) == as_rule
    assert query.read_text().startswith("-- written by" if as_rule else "with\n")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("buyers", "there is a segment 'buyers' already"),
        ("customers", "is a step of every query"),
        ("orders", "there is a table 'orders' already"),
        ("control", "there is a table 'control' already"),
        ("activations", "there is a table 'activations' already"),
        ("select", "is a word of SQL"),
        ("../buyers", "small letters, digits and _"),
        ("Buyers", "small letters, digits and _"),
        ("b" * 61, "at most 60"),
    ],
)
def test_names_that_are_taken_or_reserved_are_refused(segments: Path, name: str, told: str) -> None:
    before = sorted(segments.iterdir())
    with pytest.raises(SmaltiError, match=re.escape(told)):
        start.begin(name, FACTS, date(2027, 1, 1), as_rule=True, folder=segments)
    assert sorted(segments.iterdir()) == before


def test_the_command_compiles_and_checks() -> None:
    shown = CLI.invoke(segments_cli.app, ["compile", "--check"])
    assert shown.exit_code == 0
    assert "high_value.sql is what its rule says" in shown.output
    wrong = CLI.invoke(segments_cli.app, ["compile", "nobody"])
    assert wrong.exit_code == 1
    refused = CLI.invoke(segments_cli.app, ["new", "high_value", "--from", "sql"])
    assert refused.exit_code == 1
