"""The dbt project: it builds without a row, says what each table is, and its unit tests stand at every boundary."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from itertools import zip_longest
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from pydantic import SecretStr

from ingestion import source
from segmentation import start
from tests.docs.pages import blocks
from warehouse import dbt, manifest, run
from warehouse.settings import CHECKOUT, Settings

# all tests on one worker: the project is built once
pytestmark = pytest.mark.xdist_group("dbt")

PHASES = (("seeds", "staging", "input", "identity", "profiles", "features"), ("segments", "memberships", "activation"))
# unions, renamings and selections of columns: nothing in them can be off by one
WITHOUT_A_BOUNDARY = {
    *("contacts", "enrichment", "events", "order_lines", "orders", "products"),
    *("feedback", "loyalty", "messages", "order_discounts", "promotions", "stock", "tickets", "weather"),
    *("stg_shop__order_lines", "stg_shop__order_discounts"),
    *("stated_definitions", "rule_results", "measures"),  # read dbt's graph, which is empty in a unit test
}
DATA_TESTS_A_NIGHT = 113
RULES_PAGE = CHECKOUT / "docs" / "yaml-segments.md"

MUTANTS: dict[str, list[list[str]]] = yaml.safe_load(Path(__file__).with_name("mutants.yml").read_text())
# a unit test sees its own model only: with one mutant a model and round, one start of dbt tries many
ROUNDS = [
    {model: mutant for model, mutant in zip(MUTANTS, mutants, strict=True) if mutant}
    for mutants in zip_longest(*MUTANTS.values())
]


@dataclass(frozen=True)
class Built:
    """A finished build: where, what dbt knows of the project, and the status of each of its nodes."""

    settings: Settings
    nodes: dict[str, dict[str, Any]]
    unit_tests: dict[str, dict[str, Any]]
    statuses: dict[str, str]

    def models(self) -> dict[str, dict[str, Any]]:
        """The project's models by name."""
        return {node["name"]: node for node in self.nodes.values() if node["resource_type"] == "model"}

    def data_tests(self) -> list[dict[str, Any]]:
        """The project's data tests."""
        return [node for node in self.nodes.values() if node["resource_type"] == "test"]

    def unit_tested(self) -> set[str]:
        """Names of the models that have a unit test."""
        return {test["model"] for test in self.unit_tests.values()}


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Both phases with data tests and unit tests; where a node fails, `warehouse.dbt` raises its name."""
    settings = Settings(
        home=tmp_path_factory.mktemp("home"),
        hmac_key=SecretStr("ab" * 32),
        namespace=SecretStr("6f3c1a52-6f0e-4d5e-9d54-2f6d8f2b7a10"),
    )
    for name in source.names():
        _without_rows(settings.raw / name, name)
    run.open_run(settings, "empty", None)
    statuses = _build(settings, PHASES[0])
    run.bind_scores(settings)
    statuses |= _build(settings, PHASES[1])
    project = json.loads((settings.home / "dbt" / "manifest.json").read_text())
    return Built(settings, project["nodes"], project["unit_tests"], statuses)


def _without_rows(folder: Path, name: str) -> None:
    contract = source.load_source(name).contract
    contract.write(folder)
    columns = ", ".join(f'cast(null as {kind}) as "{column}"' for column, kind in contract.raw_columns().items())
    duckdb.sql(f"copy (select {columns} where false) to '{folder / 'empty.parquet'}' (format parquet)")
    # a run opens only where a row was loaded once; the manifest says so and names no Parquet
    line = {"file": "x.csv", "sha256": "0" * 64, "bytes": 1, "status": "loaded", "run_id": "empty", "batch": 1}
    rows = int(contract.currency in (None, "GBP"))  # nor where its amounts are in several currencies
    line |= {"rows_in": rows, "rows_loaded": rows, "arrived_at": "2026-08-31T00:00:00"}
    manifest.write(folder, [manifest.Line.model_validate(line)])


def _build(settings: Settings, folders: tuple[str, ...]) -> dict[str, str]:
    dbt.build(settings, folders, unit_tests=True)
    results = json.loads((settings.home / "dbt" / "run_results.json").read_text())["results"]
    return {result["unique_id"]: result["status"] for result in results}


def _folder(model: dict[str, Any]) -> str:
    return str(model["path"]).split("/")[0]


def test_the_project_builds_and_passes_all_its_tests_without_a_row(built: Built) -> None:
    assert {name: status for name, status in built.statuses.items() if status not in ("success", "pass")} == {}
    assert {*built.nodes, *built.unit_tests} == set(built.statuses)


def test_every_description_says_what_one_row_is(built: Built) -> None:
    for name, model in built.models().items():
        grain = r"One row per customer\." if _folder(model) == "segments" else r"\AOne row per \w+"
        assert re.search(grain, model["description"]), f"{name}: the description must say what one row is"


def test_every_model_outside_staging_has_a_data_test(built: Built) -> None:
    tested = {test["attached_node"] for test in built.data_tests()}
    for name, model in built.models().items():
        assert model["unique_id"] in tested or _folder(model) in {"staging", "segments"}, f"{name}: no data test"


def test_each_segment_is_a_key_by_one_test_of_them_all(built: Built) -> None:
    """A test a segment would be a statement a segment and night; the union of all knows each by its name."""
    hits, results = (built.models()[name] for name in ("rule_hits", "rule_results"))
    keys = [test["test_metadata"] for test in built.data_tests() if test["attached_node"] == hits["unique_id"]]
    assert [(key["name"], key["kwargs"]["columns"]) for key in keys] == [("is_key", ["segment_id", "customer_id"])]
    assert {f"model.smalti.{name}" for name in dbt.segment_names()} <= set(results["depends_on"]["nodes"])


def test_the_data_tests_of_a_night_stay_few(built: Built) -> None:
    assert len(built.data_tests()) <= DATA_TESTS_A_NIGHT


def test_every_model_with_a_boundary_has_a_unit_test(built: Built) -> None:
    assert set(built.models()) - built.unit_tested() == WITHOUT_A_BOUNDARY


def test_every_model_with_a_unit_test_has_a_mutant(built: Built) -> None:
    assert built.unit_tested() == set(MUTANTS)


def test_every_window_of_kept_figures_makes_people_due(built: Built) -> None:
    """Who has no news is counted again when an event or order leaves a window: so `touched` must know each window."""
    window = re.compile(r"as_of\S* (?:\}\} )?- (interval \d+ \w+)")
    kinds = {"per_customer", "refreshed"}
    kept = [model for model in built.models().values() if model["config"]["materialized"] in kinds]
    counted = {found for model in kept for found in window.findall(model["raw_code"])}
    assert counted == {*(f"interval {days} day" for days in (7, 30, 90, 365)), "interval 1 hour"}
    assert counted == set(window.findall(built.models()["touched"]["raw_code"]))


def test_what_is_kept_names_and_types_every_column(built: Built) -> None:
    for name, model in built.models().items():
        if model["config"]["materialized"] in {"log", "per_customer"}:
            assert model["columns"], name
            assert all(column["data_type"] for column in model["columns"].values()), name


@pytest.mark.parametrize("name", ["customers", "memberships", "audience_changes"])
def test_tables_that_other_tools_rely_on_have_enforced_contracts(built: Built, name: str) -> None:
    model = built.models()[name]
    assert model["contract"]["enforced"]
    assert all(column["data_type"] for column in model["columns"].values())


def test_a_segment_just_begun_or_documented_passes_its_unit_test_which_notices_a_moved_edge(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "dbt_project"
    shutil.copytree(dbt.PROJECT, project, ignore=shutil.ignore_patterns("logs", "target"))
    monkeypatch.setattr(dbt, "PROJECT", project)
    segments, facts = project / "models" / "segments", {"owner": "crm", "purpose": "personalisation", "tier": "micro"}
    for name, as_rule in (("as_rule", True), ("as_sql", False), ("moved", True)):
        _, path = start.begin(name, facts, date(2027, 1, 1), as_rule=as_rule, folder=segments)
    path.write_text(path.read_text().replace("last_ordered_at >", "last_ordered_at >="))
    for block in blocks(RULES_PAGE.read_text()):
        if block.place:
            (tmp_path / block.place).write_text(block.text)
    statuses = _tested(built, ["as_rule", "as_sql", "moved", "northern_readers"], tmp_path / "target")
    assert {name.split(".")[2]: status for name, status in statuses.items()} == {
        "as_rule": "pass",
        "as_sql": "pass",
        "moved": "fail",
        "northern_readers": "pass",
    }


@pytest.mark.slow
@pytest.mark.parametrize("mutants", ROUNDS, ids=[f"round_{number}" for number, _ in enumerate(ROUNDS, 1)])
def test_the_unit_tests_notice_every_mutant(
    built: Built, mutants: dict[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "dbt_project"
    shutil.copytree(dbt.PROJECT, project, ignore=shutil.ignore_patterns("logs", "target"))
    monkeypatch.setattr(dbt, "PROJECT", project)
    for model, (old, new) in mutants.items():
        (path,) = project.glob(f"models/*/{model}.sql")
        assert path.read_text().count(old) == 1, f"{model}: {old!r} must stand there once"
        path.write_text(path.read_text().replace(old, new))
    assert set(mutants) - _noticed(built, list(mutants), tmp_path / "target") == set()


def _noticed(built: Built, models: list[str], target: Path) -> set[str]:
    """Models of which a unit test found other rows than expected; SQL that does not run is no finding."""
    statuses = _tested(built, models, target)
    assert [name for name, status in statuses.items() if status not in ("pass", "fail")] == []
    return {built.unit_tests[name]["model"] for name, status in statuses.items() if status == "fail"}


def _tested(built: Built, models: list[str], target: Path) -> dict[str, str]:
    """How the unit tests of these models end, by their ids."""
    command = [str(Path(sys.executable).with_name("dbt")), "--no-version-check", "test", *dbt.arguments(target)]
    command += ["--select", *(f"test_type:unit,{model}" for model in models)]
    subprocess.run(command, env=dbt.environment(built.settings), check=False, capture_output=True)
    results = json.loads((target / "run_results.json").read_text())["results"]
    return {result["unique_id"]: result["status"] for result in results}
