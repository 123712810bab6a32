"""Father and son who share name, home and phone: without birth date only an e-mail says that they are one person."""

import random
from dataclasses import replace

import pytest

from linkage import rules
from tests.linkage.conftest import Person, judged, scored, town

FATHER = Person(
    "f", "henry", "wombat", "1948-10-02", "9 juniper street", "D33 2BH", "lapal", "+441214960777", "f@a.example"
)
SONS = {
    "son without e-mail": {"email": None},
    "son with an e-mail of his own": {"email": "henry75@b.example"},
    "himself by e-mail": {},
    "himself by mailbox": {"email": "f@b.example"},
    "himself by birth date": {"email": None, "birth_date": FATHER.birth_date},
}


def families() -> list[Person]:
    """A father and what may be his son, a home each; the second record's key is how the two differ."""
    found = []
    for at, (name, differs) in enumerate(SONS.items()):
        surname, mailbox = f"{'bcdfg'[at]}ombat{'aeiou'[at]}", f"father{at}"
        father = replace(
            FATHER, key=f"father of {name}", surname=surname, street=f"{at}9 {surname} street",
            postcode=f"D{at}3 2BH", phone=f"+44121496077{at}", email=f"{mailbox}@a.example",
        )  # fmt: skip
        changed = {"birth_date": None, "email": father.email} | differs
        if changed["email"] == "f@b.example":
            changed["email"] = f"{mailbox}@b.example"
        found += [father, replace(father, key=name, **changed)]
    return found


def shop() -> list[Person]:
    """A town in which everybody lives alone, with a phone a home and an e-mail a person."""
    people = town(1000, seed=5, relatives=0)
    first = {one.key: one for one in people if not one.key.endswith("-twice")}
    of = ((one, first[one.key.removesuffix("-twice")]) for one in people)
    return [
        replace(
            one,
            phone=f"+4412149{int(own.key[1:]) * 7919 % 100_000:05}",
            email=f"{own.surname}.{own.given_name}@a.example",
        )
        for one, own in of
    ]


def linked() -> set[str]:
    """The families of which both records are linked."""
    found = scored([*shop(), *families()])
    return {name for name in SONS if found.get(frozenset((name, f"father of {name}")), 0) >= rules.THRESHOLD}


@pytest.fixture(autouse=True)
def fewer_sampled(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rules, "SAMPLED_PAIRS", 50_000)


def test_only_what_is_personal_links_namesakes_of_one_household():
    assert linked() == {name for name in SONS if name.startswith("himself")}


def test_without_the_rule_a_son_is_taken_for_his_father(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rules, "UNPROVEN", 0.0)
    assert "son without e-mail" in linked()


def test_the_rule_holds_a_pair_below_the_threshold_however_alike_it_is():
    assert 1 / (1 + rules.UNPROVEN) < rules.THRESHOLD


def test_missing_birth_dates_do_not_make_relatives_of_people():
    people = [replace(one, email=None) if one.key.endswith("-twice") else one for one in shop()]
    rng = random.Random(2)
    fewer = [replace(one, birth_date=None) if rng.random() < 0.4 else one for one in people]
    known, unknown = (judged(some)[0].relatives_prior for some in (people, fewer))
    assert unknown < known * 2
