"""The page on sources is enough to add one: its files are written, its commands typed, and its log becomes events."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from tests.docs.pages import Block, blocks, commands
from warehouse.settings import CHECKOUT

PAGE = (CHECKOUT / "docs" / "add-a-source.md").read_text()
LEFT_BEHIND = (".git", ".venv", ".tools", ".env", ".smalti", ".*_cache", "__pycache__", "target", "logs", "*.egg-info")


@dataclass(frozen=True)
class Reader:
    """A copy of the checkout in which the page is followed; `typed` is what each command printed."""

    path: Path
    typed: dict[str, str]

    def query(self, sql: str) -> list[tuple[object, ...]]:
        with duckdb.connect(self.path / ".smalti" / "published" / "current.duckdb", read_only=True) as connection:
            return connection.execute(sql).fetchall()


def write(folder: Path, block: Block) -> None:
    """A new file as it stands on the page; to one that is there, a union's lines or a list's end are added."""
    file = folder / block.place
    file.parent.mkdir(exist_ok=True)
    if not file.exists():
        file.write_text(block.text)
    elif block.language == "sql":
        before, after = file.read_text().split("\n\n),", 1)
        file.write_text(f"{before}\n{block.text.rstrip()}\n\n),{after}")
    else:
        file.write_text(file.read_text() + block.text)


def type_in(folder: Path, command: str) -> str:
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("SMALTI_", "AIRFLOW_"))}
    path = {"PATH": f"{folder / '.venv' / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(folder)}
    ended = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=outside | path,
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    known = "sources check" in command and ended.returncode == 1  # a file with a reject does not load whole
    assert known or ended.returncode == 0, f"{command}\n{ended.stdout}{ended.stderr}"
    return ended.stdout


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    folder = tmp_path_factory.mktemp("reader") / "smalti"
    shutil.copytree(CHECKOUT, folder, ignore=shutil.ignore_patterns(*LEFT_BEHIND))
    (folder / ".venv").mkdir()
    for part in Path(sys.executable).parents[1].iterdir():
        (folder / ".venv" / part.name).symlink_to(part)
    type_in(folder, "git init --quiet && smalti init")
    for block in blocks(PAGE):
        if block.place:
            write(folder, block)
    yield Reader(folder, {command: type_in(folder, command) for command in commands(PAGE)})
    shutil.rmtree(folder)


def test_a_check_tells_of_the_malformed_line_and_its_place(reader: Reader) -> None:
    told = reader.typed["smalti sources check exports/access_2026-08-31.log"]
    assert re.search(r"not a line of an access log", told), told
    assert re.search(r"\b4\b", told)


def test_the_contract_and_the_columns_of_the_page_agree(reader: Reader) -> None:
    ended = type_in(reader.path, "pytest -q -n0 -p no:cacheprovider tests/structure/test_sql_policy.py -k sources")
    assert "passed" in ended


def test_the_log_is_loaded_with_its_one_reject(reader: Reader) -> None:
    runs = reader.query(
        "select rows_in, rows_loaded, rows_rejected from ops.runs where source = 'web_access' and rows_in > 0"
    )
    assert runs == [(4, 3, 1)]
    assert reader.query("select position, reason from ops.rejects where source = 'web_access'") == [
        (4, "record: not a line of an access log")
    ]


def test_requests_are_events_in_utc_with_bots_known(reader: Reader) -> None:
    manifest = json.loads((reader.path / ".smalti/raw/web_access/manifest.jsonl").read_text().splitlines()[0])
    assert manifest["last_event_at"] == "2026-08-31T09:01:00"
    sessions = reader.query("select events_count, entry_page, source from profiles.sessions order by all")
    assert sessions == [(1, "/robots.txt", None), (2, "/shoes", "news")]
    assert reader.query("select is_bot from profiles.customers order by all") == [(False,), (True,)]
