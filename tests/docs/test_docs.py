"""The documentation cannot rot: links lead somewhere, commands exist, lists are complete."""

import re
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingestion import source
from smalti.cli import app
from warehouse import dbt
from warehouse.settings import CHECKOUT

PAGES = sorted([CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *(CHECKOUT / "docs").rglob("*.md")])
TEXT = "\n".join(page.read_text() for page in PAGES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_every_link_leads_somewhere(page: Path):
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("target", sorted(set(re.findall(r"(?:`|    )make ([a-z-]+)", TEXT))))
def test_every_make_target_that_is_shown_exists(target: str):
    ended = subprocess.run(["make", "--dry-run", target], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("command", sorted(set(re.findall(r"`smalti ((?:[a-z]+ ?)+)", TEXT))))
def test_every_command_that_is_shown_exists(command: str):
    result = CliRunner().invoke(app, [*command.split(), "--help"])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("option", sorted(set(re.findall(r"--[a-z][a-z-]+", TEXT)) - {"--vars", "--help"}))
def test_every_option_that_is_shown_exists(option: str):
    pages = [CliRunner().invoke(app, [*command, "--help"]).output for command in ([], ["run"], ["status"], ["report"])]
    assert any(option in page for page in pages)


@pytest.mark.parametrize("name", dbt.segment_names())
def test_every_segment_is_described(name: str):
    assert f"| `{name}` |" in (CHECKOUT / "docs" / "segments.md").read_text()


@pytest.mark.parametrize("name", source.names())
def test_every_source_is_described(name: str):
    assert f"| `{name}` |" in (CHECKOUT / "docs" / "sources.md").read_text()


def test_every_command_is_documented():
    commands = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]
    assert [name for name in commands if f"smalti {name}" not in TEXT + (CHECKOUT / "CHANGELOG.md").read_text()] == []
