"""Every edge between states, and between stages of the journey, names the unit test that stands on both its sides."""

import re
from collections.abc import Iterator

import yaml

from warehouse.settings import CHECKOUT

PAGE = (CHECKOUT / "docs" / "profiles.md").read_text()
FOLDER = CHECKOUT / "dbt_project" / "models" / "profiles"
STATES = {"browsing", "considering", "customer", "loyal", "lapsed"}
STAGES = {"browsing", "cart_abandoned", "post_purchase"}


def rows() -> list[tuple[set[str], set[str], str]]:
    """From, to and test of each edge."""
    section = PAGE.split("### Edges\n")[1].split("\n## ")[0]
    cells = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    return [(set(_words(cell[0])), set(_words(cell[1])), *_words(cell[3])) for cell in cells]


def _words(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def unit_tests() -> Iterator[dict[str, object]]:
    """Those of the models of profiles."""
    for path in FOLDER.glob("*.yml"):
        yield from yaml.safe_load(path.read_text()).get("unit_tests", [])


def test_every_edge_names_a_unit_test_of_what_decides_it() -> None:
    models = {test["name"]: test["model"] for test in unit_tests()}
    assert {
        name: models.get(name) for _, _, name in rows() if models.get(name) not in ("customers", "customer_activity")
    } == {}


def test_every_state_and_stage_is_left_and_reached() -> None:
    edges = [(start, end) for starts, ends, _ in rows() for start in starts for end in ends]
    for words in (STATES, STAGES):
        for word in words - {"browsing"}:
            assert any(start == word for start, _ in edges), word
            assert any(end == word for _, end in edges), word
    assert {word for edge in edges for word in edge} == STATES | STAGES
    assert all({start, end} <= STATES or {start, end} <= STAGES for start, end in edges)
