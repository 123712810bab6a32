"""The dbt project: it builds without a row, says what each table is, and its unit tests stand at every boundary."""

import json
import re
import shutil
import subprocess
import sys
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from warehouse import dbt

if TYPE_CHECKING:
    from conftest import Built

MUTANTS: dict[str, list[list[str]]] = yaml.safe_load(Path(__file__).with_name("mutants.yml").read_text())
# one mutant a model and round: a unit test sees its own model only, so one start of dbt tries many
ROUNDS = [
    {model: mutant for model, mutant in zip(MUTANTS, row, strict=True) if mutant} for row in zip_longest(*MUTANTS.values())
]

# unions, renamings and selections of columns: nothing in them can be off by one
WITHOUT_A_BOUNDARY = {
    *("consents", "contacts", "enrichment", "events", "identifiers", "order_lines", "orders", "products"),
    "stg_shop__order_lines",
    "segment_definitions",  # reads dbt's graph, which is empty in a unit test
}
DATA_TESTS_A_NIGHT = 70


def _folder(model: dict[str, Any]) -> str:
    return str(model["path"]).split("/")[0]


def test_the_project_builds_and_passes_all_its_tests_without_a_row(built: "Built") -> None:
    wanted = {name for name in (*built.nodes, *built.unit_tests)}
    assert wanted == set(built.statuses)
    assert {name: status for name, status in built.statuses.items() if status not in ("success", "pass")} == {}


def test_every_description_begins_with_the_grain(built: "Built") -> None:
    of_segments = {name for name, model in built.models().items() if _folder(model) == "segments"}
    for name, model in built.models().items():
        pattern = r"One row per customer\." if name in of_segments else r"\AOne row per \w+"
        assert re.search(pattern, model["description"]), f"{name}: the description must say what one row is"


def test_every_model_outside_staging_has_a_data_test(built: "Built") -> None:
    tested = {test["attached_node"] for test in built.data_tests()}
    for name, model in built.models().items():
        assert model["unique_id"] in tested or _folder(model) == "staging", f"{name}: no data test"


def test_the_data_tests_of_a_night_stay_few(built: "Built") -> None:
    assert len(built.data_tests()) <= DATA_TESTS_A_NIGHT


def test_every_model_with_a_boundary_has_a_unit_test(built: "Built") -> None:
    tested = {test["model"] for test in built.unit_tests.values()}
    assert set(built.models()) - tested == WITHOUT_A_BOUNDARY


def test_every_model_with_a_unit_test_has_a_mutant(built: "Built") -> None:
    tested = {test["model"] for test in built.unit_tests.values()}
    assert tested - set(MUTANTS) == {"stg_shop__orders"}  # a renaming, tested for its null only


@pytest.mark.parametrize("name", ["customers", "memberships", "audience_changes"])
def test_tables_that_other_tools_rely_on_have_enforced_contracts(built: "Built", name: str) -> None:
    model = built.models()[name]
    assert model["contract"]["enforced"]
    assert all(column["description"] or column["data_type"] for column in model["columns"].values())


@pytest.mark.slow
@pytest.mark.parametrize("mutants", ROUNDS, ids=[f"round_{i}" for i, _ in enumerate(ROUNDS, 1)])
def test_the_unit_tests_notice_every_mutant(
    built: "Built", mutants: dict[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Path(shutil.copytree(dbt.PROJECT, tmp_path / "dbt_project", ignore=shutil.ignore_patterns("logs", "target")))
    monkeypatch.setattr(dbt, "PROJECT", project)
    for model, (old, new) in mutants.items():
        (path,) = project.glob(f"models/*/{model}.sql")
        assert path.read_text().count(old) == 1, f"{model}: {old!r} must stand there once"
        path.write_text(path.read_text().replace(old, new))
    failed = _failed_unit_tests(built, list(mutants), tmp_path / "target")
    assert {model: mutant for model, mutant in mutants.items() if model not in failed} == {}


def _failed_unit_tests(built: "Built", models: list[str], target: Path) -> set[str]:
    """Models of which a unit test found other rows than expected; SQL that does not run is no finding."""
    command = [str(Path(sys.executable).with_name("dbt")), "--no-version-check", "test", *dbt.arguments(target)]
    command += ["--select", *(f"test_type:unit,{model}" for model in models)]
    subprocess.run(command, env=dbt.environment(built.settings), check=False, capture_output=True)
    results = json.loads((target / "run_results.json").read_text())["results"]
    errors = [result["unique_id"] for result in results if result["status"] == "error"]
    assert errors == []
    return {built.unit_tests[result["unique_id"]]["model"] for result in results if result["status"] == "fail"}
