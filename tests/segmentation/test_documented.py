"""The page on rules: its example is what the generator writes, its rules compile, its tables are the grammar."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from segmentation import compiled
from segmentation.rule import COMPARISONS, KINDS, Event, Score
from segmentation.vocabulary import EVENTS, ORDERS, SCORES, vocabulary
from smalti import sidecars
from tests.docs.pages import blocks, prose
from warehouse.dbt import SEGMENTS
from warehouse.settings import CHECKOUT

PAGE = (CHECKOUT / "docs" / "yaml-segments.md").read_text()
SHOWN = {Path(block.place).name: block.text for block in blocks(PAGE) if block.place}
MORE = next(block.text for block in blocks(PAGE) if block.language == "yaml" and not block.place)
RULES = [document["rule"] for document in yaml.safe_load_all(MORE)]


@pytest.fixture
def segments(tmp_path: Path) -> Path:
    """The segments that ship, and the page's."""
    folder = tmp_path / "segments"
    shutil.copytree(SEGMENTS, folder)
    for name, text in SHOWN.items():
        (folder / name).write_text(text)
    return folder


def test_the_example_is_what_the_generator_writes(segments: Path) -> None:
    assert set(SHOWN) == {"northern_readers.yml", "northern_readers.sql"}
    assert compiled.query("northern_readers", segments) == SHOWN["northern_readers.sql"]
    assert sidecars.problems(segments) == []


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_every_rule_of_the_page_compiles(segments: Path, rule: object) -> None:
    meta = {"rule": rule}
    (segments / "shown.yml").write_text(yaml.safe_dump({"models": [{"config": {"meta": meta}}]}))
    assert compiled.query("shown", segments)


def test_the_tables_name_the_whole_grammar() -> None:
    words = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"`([^`]+)`", prose(PAGE)))))
    fields = {field.alias or name for part in (Event, Score) for name, field in part.model_fields.items()}
    known = vocabulary()
    columns = {*known.events.columns, *known.orders.columns}
    assert {*KINDS, *COMPARISONS, *fields, *EVENTS, *ORDERS, *SCORES, *columns} - words == set()


def test_the_error_that_is_shown_is_the_one_that_is_told(segments: Path) -> None:
    wrong = SHOWN["northern_readers.yml"].replace("attribute: region", "attribute: regoin")
    (segments / "northern_readers.yml").write_text(wrong)
    (told,) = compiled.problems(segments)
    shown = re.findall(r"^error: (.*) …$", PAGE, re.MULTILINE)
    assert [told.startswith(line) for line in shown] == [True]
