"""What the pages show: commands to type, and files to write."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from warehouse.settings import CHECKOUT

PAGES = sorted([CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *(CHECKOUT / "docs").rglob("*.md")])
COMMANDS = {"bash", "console"}
LANGUAGES = COMMANDS | {"csv", "json", "mermaid", "python", "sql", "text", "yaml"}
_PROGRAMS = r"make|smalti|docker|git|pip|python3?|uv|dbt|airflow|duckdb|(?:\./|\.venv/)\S+"
_BLOCK = re.compile(r"(?:^`([^`\n]+)`\n\n)?^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(rf"^ {{4,}}((?:{_PROGRAMS})(?: [^\n]*)?)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block; `place` is the file that the line above it names."""

    place: str
    language: str
    text: str


def title(page: Path) -> str:
    """A page as it is called: its path in the checkout."""
    return str(page.relative_to(CHECKOUT))


def blocks(text: str) -> list[Block]:
    """Every fenced block of a page."""
    return [Block(place, language, body) for place, language, body in _BLOCK.findall(text)]


def prose(text: str) -> str:
    """A page without its blocks and its indented commands."""
    return _INDENTED.sub("", _BLOCK.sub("", text))


def commands(text: str) -> list[str]:
    """Every command that a page shows in a block, in order, without its comment."""
    fenced = [line for block in blocks(text) if block.language in COMMANDS for line in _typed(block)]
    indented = _INDENTED.findall(_BLOCK.sub("", text))
    return [shown for line in fenced + indented if (shown := re.sub(r"(^|\s+)#.*$", "", line).strip())]


def _typed(block: Block) -> Iterator[str]:
    lines = block.text.replace("\\\n", " ").splitlines()
    prompted = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    yield from prompted if block.language == "console" else lines
