"""A gate that saw nothing, or broke, lets nothing through; and what it writes holds no value."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from expectations import gate
from expectations.gate import Check, GateFailed, Rule

PRESENT = Rule("ExpectColumnValuesToNotBeNull", {"column": "email"}, "email is not null")


def check(made: SimpleNamespace, *rules: Rule) -> Check:
    return Check("people", pd.DataFrame({"email": [made.canary, "b"]}), rules)


def written(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("nothing", [lambda _: [], lambda made: [check(made)]])
def test_nothing_evaluated_is_a_failure(
    made: SimpleNamespace, tmp_path: Path, nothing: Callable[[SimpleNamespace], Sequence[Check]]
) -> None:
    settings = made.settings(tmp_path)
    with pytest.raises(GateFailed, match="no rule to evaluate"):
        gate.run(settings, "r", "people", lambda: nothing(made))
    assert json.loads((settings.gates / "r" / "people.json").read_text())["failed"] == 1


def test_an_exception_while_building_checks_is_a_failure_that_quotes_no_value(
    made: SimpleNamespace, tmp_path: Path
) -> None:
    def broken() -> Sequence[Check]:
        raise RuntimeError(made.canary)

    settings = made.settings(tmp_path)
    with pytest.raises(GateFailed, match="the gate itself broke: RuntimeError") as error:
        gate.run(settings, "r", "people", broken)
    assert made.canary not in str(error.value)
    assert made.canary.encode() not in written(settings.gates)


@pytest.mark.parametrize(
    "rule",
    [
        Rule("ExpectNoSuchThing", {"column": "email"}, "is not known"),
        Rule("ExpectColumnValuesToNotBeNull", {"colum": "email"}, "is misspelt"),
    ],
)
def test_a_rule_that_cannot_be_built_is_a_failure(made: SimpleNamespace, tmp_path: Path, rule: Rule) -> None:
    with pytest.raises(GateFailed, match=r"the gate itself broke: \w+ at docs.py"):
        gate.run(made.settings(tmp_path), "r", "people", lambda: [check(made, PRESENT, rule)])


@pytest.mark.parametrize(
    "rule",
    [
        Rule("ExpectColumnValuesToNotBeNull", {"column": "phone"}, "phone is not null"),
        Rule("ExpectColumnValuesToBeBetween", {"column": "email", "min_value": 1}, "email is a number"),
    ],
)
def test_a_rule_that_raises_is_a_failure(made: SimpleNamespace, tmp_path: Path, rule: Rule) -> None:
    with pytest.raises(GateFailed, match=f"1 of 2 rules failed: people: {rule.says}.*could not be evaluated"):
        gate.run(made.settings(tmp_path), "r", "people", lambda: [check(made, PRESENT, rule)])


def test_a_rule_that_the_library_drops_is_a_failure(made: SimpleNamespace, tmp_path: Path) -> None:
    from expectations import docs

    two = check(made, PRESENT, Rule(PRESENT.expectation, PRESENT.arguments, "the same again"))
    found = docs.evaluate(docs.open_context(tmp_path), two)
    assert docs.failed(two, found) == []
    found.results = found.results[:1]
    with pytest.raises(GateFailed, match="1 of 2 rules were evaluated; it must be all"):
        docs.failed(two, found)


def test_data_docs_are_written_and_hold_no_value(made: SimpleNamespace, tmp_path: Path) -> None:
    settings = made.settings(tmp_path)
    rules = (
        PRESENT,
        Rule("ExpectColumnValuesToBeInSet", {"column": "email", "value_set": ["b"]}, "email is known"),
        Rule("ExpectColumnValuesToBeBetween", {"column": "email", "min_value": 1}, "email is a number"),
        Rule("ExpectColumnValuesToBeUnique", {"column": "email"}, "email occurs once"),
    )
    with pytest.raises(GateFailed):
        gate.run(settings, "r", "people", lambda: [check(made, *rules)])
    pages = list((settings.gates / "data_docs").rglob("*.html"))
    assert len(pages) == 3
    assert any("email is known" in page.read_text() for page in pages)
    everything = written(settings.gates)
    assert made.canary.encode() not in everything
    assert b"Traceback" not in everything


def test_data_docs_keep_the_latest_of_every_suite(made: SimpleNamespace, tmp_path: Path) -> None:
    settings = made.settings(tmp_path)
    for run_id, name in (("r1", "people"), ("r1", "orders"), ("r2", "people")):
        frame = pd.DataFrame({"email": ["b"]})
        gate.run(settings, run_id, name, lambda name=name, frame=frame: [Check(name, frame, (PRESENT,))])  # type: ignore[misc]
    index = (settings.gates / "data_docs" / "index.html").read_text()
    assert "validations/people/r2/" in index
    assert "validations/orders/r1/" in index
    assert "validations/people/r1/" not in index


def test_nothing_is_sent_to_the_makers_of_the_library(tmp_path: Path) -> None:
    from expectations import docs

    context = docs.open_context(tmp_path)
    assert context.config.analytics_enabled is False
