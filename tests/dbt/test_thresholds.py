"""A threshold is the sidecar's, else the shared seed's; a changed one is a changed definition."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.incremental.warehouse import SETTINGS
from warehouse import dbt, thresholds
from warehouse.errors import SmaltiError

pytestmark = pytest.mark.xdist_group("dbt")

USERS = ("high_value", "lapsed_big_spenders")  # of `big_spend_amount`


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project that may be changed."""
    folder = tmp_path / "dbt_project"
    shutil.copytree(dbt.PROJECT, folder, ignore=shutil.ignore_patterns("logs", "target*"))
    monkeypatch.setattr(dbt, "PROJECT", folder)
    return folder


def _compiled(project: Path, name: str) -> tuple[dict[str, str], dict[str, str]]:
    """The spend that each segment asks for, and the version of each definition."""
    target = project.parent / name
    command = [str(Path(sys.executable).with_name("dbt")), "--quiet", "--no-version-check", "compile"]
    options = ["--target", "memory", *dbt.arguments(target), "--select", *USERS, "stated_definitions"]
    environment = dbt.environment(SETTINGS.model_copy(update={"home": target}))
    subprocess.run([*command, *options], env=environment, check=True)
    nodes = json.loads((target / "manifest.json").read_text())["nodes"]
    sql = {name: nodes[f"model.smalti.{name}"]["compiled_code"] for name in (*USERS, "stated_definitions")}
    spend = {name: re.findall(r"spend_365d_amount >= ([\d.]+)", sql[name])[0] for name in USERS}
    versions = re.findall(
        r"'(\w+)' as segment_id.*?'(\w{12})' as definition_version", sql["stated_definitions"], re.DOTALL
    )
    return spend, dict(versions)


def _changed(one: dict[str, str], two: dict[str, str]) -> set[str]:
    assert one.keys() == two.keys()
    return {name for name in one if one[name] != two[name]}


def test_the_sidecars_number_counts_then_the_shared_one_and_either_changes_the_definition(project: Path) -> None:
    spend, versions = _compiled(project, "first")
    assert spend == {"high_value": "500", "lapsed_big_spenders": "500"}
    sidecar = project / "models" / "segments" / "high_value.yml"
    sidecar.write_text(
        sidecar.read_text().replace("        rule:", "        thresholds: {big_spend_amount: 750.5}\n        rule:")
    )
    overridden, then = _compiled(project, "second")
    assert overridden == {"high_value": "750.5", "lapsed_big_spenders": "500"}
    assert _changed(versions, then) == {"high_value"}
    seed = project / "seeds" / "thresholds.csv"
    seed.write_text(seed.read_text().replace("big_spend_amount,500,", "big_spend_amount,600,"))
    shared, now = _compiled(project, "third")
    assert shared == {"high_value": "750.5", "lapsed_big_spenders": "600"}
    assert _changed(then, now) == {"lapsed_big_spenders"}


def test_a_seed_out_of_range_stops_dbt_before_it_starts(project: Path, tmp_path: Path) -> None:
    seed = project / "seeds" / thresholds.FILE.name
    seed.write_text(seed.read_text().replace("big_spend_amount,500,", "big_spend_amount,49,"))
    with pytest.raises(SmaltiError, match=r"thresholds\.csv:2: .*49 is out of range; allowed: 50 to 100000"):
        dbt.arguments(tmp_path)
