"""A place in a group and what a segment excludes are part of its definition, and so is what comes before it."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.incremental.warehouse import SETTINGS
from warehouse import dbt

pytestmark = pytest.mark.xdist_group("dbt")

STATED: dict[str, dict[str, Any]] = {
    "price_sensitive": {"group": "buyers", "rank": 1},
    "loyal_customers": {"group": "buyers", "rank": 2},
    "repeat_buyers": {"group": "buyers", "rank": 3},
    "new_visitors": {"excludes": ["cart_abandoned"]},
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project that may be changed, with a group of three and an exclusion."""
    folder = tmp_path / "dbt_project"
    shutil.copytree(dbt.PROJECT, folder, ignore=shutil.ignore_patterns("logs", "target*"))
    monkeypatch.setattr(dbt, "PROJECT", folder)
    for name, meta in STATED.items():
        _state(folder, name, **meta)
    return folder


def _state(project: Path, name: str, **meta: object) -> None:
    path = project / "models" / "segments" / f"{name}.yml"
    sidecar = yaml.safe_load(path.read_text())
    sidecar["models"][0]["config"]["meta"] |= meta
    path.write_text(yaml.safe_dump(sidecar))


def _redefine(project: Path, name: str) -> None:
    path = project / "models" / "segments" / f"{name}.sql"
    path.write_text(path.read_text() + "\nwhere customer_id is not null\n")


def _definitions(project: Path, name: str) -> str:
    target = project.parent / name
    command = [str(Path(sys.executable).with_name("dbt")), "--quiet", "--no-version-check", "compile"]
    options = ["--target", "memory", *dbt.arguments(target), "--select", "stated_definitions"]
    environment = dbt.environment(SETTINGS.model_copy(update={"home": target}))
    subprocess.run([*command, *options], env=environment, check=True)
    nodes = json.loads((target / "manifest.json").read_text())["nodes"]
    return str(nodes["model.smalti.stated_definitions"]["compiled_code"])


def _versions(definitions: str) -> dict[str, str]:
    return dict(re.findall(r"'(\w+)' as segment_id.*?'(\w{12})' as definition_version", definitions, re.DOTALL))


def test_a_definition_changes_with_its_place_and_with_what_comes_before_it(project: Path) -> None:
    first = _definitions(project, "first")
    assert "'buyers' as group_name" in first
    assert "cast(['cart_abandoned'] as varchar[]) as excludes" in first
    _state(project, "loyal_customers", rank=4)
    second = _definitions(project, "second")
    assert _changed(first, second) == {"loyal_customers", "repeat_buyers"}, "those that rank higher are others now"
    _redefine(project, "price_sensitive")
    third = _definitions(project, "third")
    assert _changed(second, third) == {"price_sensitive", "repeat_buyers", "loyal_customers"}
    _redefine(project, "cart_abandoned")
    fourth = _definitions(project, "fourth")
    assert _changed(third, fourth) == {"cart_abandoned", "new_visitors"}
    _state(project, "new_visitors", excludes=[])
    assert _changed(fourth, _definitions(project, "fifth")) == {"new_visitors"}


def _changed(before: str, after: str) -> set[str]:
    one, two = _versions(before), _versions(after)
    assert one.keys() == two.keys() >= STATED.keys()
    return {name for name in one if one[name] != two[name]}
