"""The documentation cannot rot: links lead somewhere, commands exist, lists are complete."""

import re
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingestion import source
from reverse_etl import destination
from smalti.cli import app
from tests.docs.pages import LANGUAGES, PAGES, blocks, prose, title
from warehouse import dbt, thresholds
from warehouse.settings import CHECKOUT

TEXT = "\n".join(page.read_text() for page in PAGES)
PROSE = "\n".join(prose(page.read_text()) for page in PAGES)
SOURCES = [["sources", name] for name in ("list", "check", "rejects", "replay")]
GUARDS = [["sync", "plan"], ["sync", "approve"], ["sync", "run"], ["gates", "accept"]]
PRIVACY = [["vault", "rotate"], ["retention", "plan"], ["retention", "run"], ["privacy", "record"]]
SEGMENTS = [["segments", name] for name in ("check", "compile", "new", "impact", "garden")]
CONTENT = [["content", name] for name in ("check", "list", "show")]
PEOPLE = [["identity", "simulate"], ["identity", "unmerge"], ["person", "show"]]
HELP = [
    CliRunner().invoke(app, [*command, "--help"]).output
    for command in (
        [],
        ["run"],
        ["status"],
        ["up"],
        ["init"],
        ["simulate"],
        ["report"],
        *SOURCES,
        *GUARDS,
        *PRIVACY,
        *PEOPLE,
        *SEGMENTS,
        *CONTENT,
    )
]


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_every_link_leads_somewhere(page: Path):
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_every_block_says_what_it_holds(page: Path):
    """A block in another language, or in none, would hide a command from the test that runs it."""
    assert {block.language for block in blocks(page.read_text())} <= LANGUAGES


@pytest.mark.parametrize("target", sorted(set(re.findall(r"(?:`|    |^)make ([a-z-]+)", TEXT, re.MULTILINE))))
def test_every_make_target_that_is_shown_exists(target: str):
    ended = subprocess.run(["make", "--dry-run", target], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("command", sorted(set(re.findall(r"`smalti ((?:[a-z]+(?:-[a-z]+)* ?)+)", TEXT))))
def test_every_command_that_is_shown_exists(command: str):
    result = CliRunner().invoke(app, [*command.split(), "--help"])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("option", sorted(set(re.findall(r"--[a-z][a-z-]+", PROSE)) - {"--vars", "--help"}))
def test_every_option_that_is_named_in_passing_exists(option: str):
    """Those in blocks are run."""
    assert any(option in page for page in HELP)


@pytest.mark.parametrize("name", dbt.segment_names())
def test_every_segment_is_described(name: str):
    assert f"| `{name}` |" in (CHECKOUT / "docs" / "segments.md").read_text()


@pytest.mark.parametrize("line", thresholds.shared().values(), ids=lambda line: line.name)
def test_every_shared_threshold_is_described_as_it_is(line: thresholds.Shared):
    page = (CHECKOUT / "docs" / "segments.md").read_text()
    allowed = f"{line.minimum:,g} to {line.maximum:,.10g}"
    assert f"| `{line.name}` | {line.value:,g}, {line.unit} | {allowed} | {line.owner} |" in page
    [users] = re.findall(rf"^\| `{line.name}` \|.*\| (.*) \|$", page, re.MULTILINE)
    found = {path.stem for path in dbt.SEGMENTS.glob("*.sql") if f"threshold('{line.name}')" in path.read_text()}
    assert set(users.replace("`", "").split(", ")) == found


@pytest.mark.parametrize("name", source.names())
def test_every_source_is_described(name: str):
    assert f"| `{name}` |" in (CHECKOUT / "docs" / "sources.md").read_text()


@pytest.mark.parametrize("name", destination.names())
def test_every_destination_is_described(name: str):
    assert f"`{name}` writes" in (CHECKOUT / "docs" / "destinations.md").read_text()


def test_every_command_is_documented():
    commands = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]
    assert [name for name in commands if f"smalti {name}" not in TEXT + (CHECKOUT / "CHANGELOG.md").read_text()] == []
