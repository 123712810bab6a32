"""Who is linked and who is not, among a town's people of whom some stand twice."""

import random
from dataclasses import replace

import pytest

from linkage import rules
from tests.linkage.conftest import Person, scored, town

HOME = {"street": "12 verbena street", "postcode": "B17 9QT", "city": "quinton"}
ROBERT = Person("a", "robert", "zelkova", "1971-05-24", **HOME)
PAIRS = {
    "nickname": (ROBERT, replace(ROBERT, key="b", given_name="bob")),
    "twins": (
        Person("c", "susan", "okapi", "1988-02-11", "21 fern street", "A91 8FG", "gornal"),
        Person("d", "andrew", "okapi", "1987-12-30", "21 fern street", "A91 8FG", "gornal"),
    ),
    "siblings": (
        Person("e", "rebecca", "tapir", "1990-03-04", "4 linden street", "C21 5AG", "kinver"),
        Person("f", "samuel", "tapir", "1993-07-29", "4 linden street", "C21 5AG", "kinver"),
    ),
    "father and son": (
        Person("g", "henry", "wombat", "1948-10-02", "9 juniper street", "D33 2BH", "lapal"),
        Person("h", "henry", "wombat", "1975-04-17", "9 juniper street", "D33 2BH", "lapal"),
    ),
    "moved": (
        Person("i", "leocadia", "quillfeather", "1966-12-05", "3 acacia street", "E12 4AJ", "illey"),
        Person("j", "leocadia", "quillfeather", "1966-12-05", "88 poplar street", "H71 8FN", "romsley"),
    ),
    "missing": (
        Person("k", "thomas", "xylander", "1959-08-30", "77 rowan street", "F44 3DL", "frankley"),
        Person("l", "thomas", "xylander", "1959-08-30"),
    ),
    "names swapped": (
        Person("m", "katherine", "ocelot", "1979-01-19", "5 cedar street", "G52 1EN", "hunnington"),
        Person("n", "ocelot", "katherine", "1979-01-19", "5 cedar street", "G52 1EN", "hunnington"),
    ),
    "nothing in common": (
        Person("o", "victoria", None, "1981-06-06"),
        Person("p", None, "pangolin", None, "6 walnut street", None, "uffmoor"),
    ),
}
LINKED = {"nickname", "moved", "missing", "names swapped"}
PEOPLE = [*town(), *(one for pair in PAIRS.values() for one in pair)]


@pytest.fixture(scope="module")
def probabilities() -> dict[frozenset[str], float]:
    return scored(PEOPLE)


@pytest.mark.parametrize("name", sorted(LINKED))
def test_one_person_is_linked(probabilities: dict[frozenset[str], float], name: str):
    assert probabilities.get(frozenset(one.key for one in PAIRS[name]), 0) >= rules.THRESHOLD


@pytest.mark.parametrize("name", sorted(set(PAIRS) - LINKED))
def test_two_people_are_not(probabilities: dict[frozenset[str], float], name: str):
    assert probabilities.get(frozenset(one.key for one in PAIRS[name]), 0) < rules.THRESHOLD


def test_nearly_all_who_stand_twice_are_found_and_hardly_anybody_else(probabilities: dict[frozenset[str], float]):
    true = {frozenset((one.key, one.key.removesuffix("-twice"))) for one in PEOPLE if one.key.endswith("-twice")}
    true |= {frozenset(one.key for one in PAIRS[name]) for name in LINKED}
    found = {pair for pair, probability in probabilities.items() if probability >= rules.THRESHOLD}
    assert len(true & found) / len(true) > 0.9
    assert len(true & found) / len(found) > 0.99


def test_the_order_of_rows_changes_nothing(probabilities: dict[frozenset[str], float]):
    shuffled = PEOPLE.copy()
    random.Random(1).shuffle(shuffled)
    assert scored(shuffled) == probabilities


def test_a_field_that_nobody_has_changes_nothing():
    """Records of a handful of people, too few to train on."""
    few = [one for pair in PAIRS.values() for one in pair]
    with_phones = [replace(one, phone="+447700900123") if one.key == "a" else one for one in few]
    assert scored(few) == scored(with_phones)
    found = {pair for pair, probability in scored(few).items() if probability >= rules.THRESHOLD}
    assert frozenset("ab") in found
    assert frozenset("gh") not in found
    assert frozenset("cd") not in found
