"""Precision and recall, at the fixed threshold, on labelled people whose second records have several errors."""

import random
from dataclasses import replace

import pytest

from linkage import model, rules
from tests.linkage.conftest import Person, mistyped, scored, town, without

PRECISION, RECALL = 0.99, 0.8  # fixed on this town; at the threshold of `rules`
ERRORS = 4


def labelled() -> list[Person]:
    """A town with phones and e-mails, in which second records have four errors and half of them no e-mail."""
    rng = random.Random(11)
    people = [
        replace(
            one, phone=f"+4412149{rng.randrange(100_000):05}", email=f"{one.given_name}{rng.randrange(9999)}@a.example"
        )
        for one in town(900, seed=9)
        if not one.key.endswith("-twice")
    ]
    twice = [replace(one, key=f"{one.key}-twice") for one in people if rng.random() < 0.3]
    for _ in range(ERRORS):
        twice = [mistyped(rng, one) for one in twice]
    return [*people, *(replace(one, email=None) if rng.random() < 0.5 else one for one in twice)]


def quality(people: list[Person]) -> tuple[float, float]:
    """Precision and recall of the links, pair by pair."""
    true = {frozenset((one.key, one.key.removesuffix("-twice"))) for one in people if one.key.endswith("-twice")}
    found = {pair for pair, probability in scored(people).items() if probability >= rules.THRESHOLD}
    return len(true & found) / max(len(found), 1), len(true & found) / len(true)


@pytest.fixture(autouse=True)
def fewer_sampled(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rules, "SAMPLED_PAIRS", 50_000)


def test_links_are_right_and_nearly_all_are_found():
    precision, recall = quality(labelled())
    assert precision >= PRECISION
    assert recall >= RECALL


# the others stand in for each other; test_levels notices those
@pytest.mark.parametrize("field", ["given_name", "birth_date", "email"])
def test_a_broken_comparison_is_noticed(field: str, monkeypatch: pytest.MonkeyPatch):
    stated = model.stated
    monkeypatch.setattr(model, "stated", lambda *given: without(stated(*given), {field}))
    precision, recall = quality(labelled())
    assert precision < PRECISION or recall < RECALL
