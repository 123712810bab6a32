"""The page on destinations is enough to add one: its two files are written, and the contract holds for them."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import blocks, commands
from warehouse.settings import CHECKOUT

PAGE = (CHECKOUT / "docs" / "add-a-destination.md").read_text()
PARTS = ("reverse_etl", "warehouse", "tests", "dbt_project", "pyproject.toml")
LINES = 60


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the suite needs, with the files of the page in it."""
    folder = tmp_path_factory.mktemp("reader")
    for part in PARTS:
        source = CHECKOUT / part
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, folder / part)
    for block in blocks(PAGE):
        if block.place:
            (folder / block.place).write_text(block.text)
    return folder


def type_in(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    path = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(folder)}
    environment = {**os.environ, **path}
    return subprocess.run(
        ["bash", "-c", f"{command} -p no:cacheprovider"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_the_contract_holds_for_the_connector_of_the_page(reader: Path):
    [command] = commands(PAGE)
    ended = type_in(reader, command)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    [passed] = re.findall(r"(\d+) passed", ended.stdout)
    assert int(passed) > 25


def test_the_contract_notices_a_connector_that_forgets_its_vendors_errors(reader: Path):
    connector = reader / "reverse_etl/destinations/cms.py"
    text = connector.read_text()
    connector.write_text(text.replace("[refused.get(at, ACCEPTED)", "[ACCEPTED"))
    ended = type_in(reader, commands(PAGE)[0].replace("-k cms", "-k 'cms and refused'"))
    connector.write_text(text)
    assert ended.returncode == 1
    assert "test_who_is_refused_does_not_keep_the_others_from_it[cms]" in ended.stdout


def test_the_connector_of_the_page_is_short_and_well_formed(reader: Path):
    connector = next(block for block in blocks(PAGE) if block.place.startswith("reverse_etl"))
    assert len(connector.text.splitlines()) < LINES
    names = [reader / block.place for block in blocks(PAGE) if block.place]
    for command in ("check", "format --check"):
        ended = type_in(reader, f"ruff {command} {' '.join(map(str, names))} #")
        assert ended.returncode == 0, ended.stdout + ended.stderr
