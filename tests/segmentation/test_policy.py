"""Groups and exclusions, drawn at random: dbt's model, the impact and the preview come to what plain sets say."""

import random
from dataclasses import dataclass, replace

import duckdb
import pytest

from segmentation import policy
from segmentation.definition import Definition, Policy

SEGMENTS, PEOPLE = "abcdef", range(12)


@dataclass(frozen=True)
class Stated:
    """A segment: who fulfils its rule, and what it says of others."""

    people: frozenset[int]
    policy: Policy

    def definition(self, name: str) -> Definition:
        """As the folder would hold it."""
        meta = {"group": self.policy.group, "rank": self.policy.rank, "excludes": list(self.policy.excludes)}
        return Definition(name, "", meta)


def _excluded(stated: dict[str, Stated], name: str) -> set[int]:
    return {one for other in stated[name].policy.excludes for one in stated[other].people}


def _kept_out(stated: dict[str, Stated]) -> dict[tuple[str, int], str]:
    found = {}
    for name, one in stated.items():
        above = [
            other
            for other in stated
            if one.policy.group is not None
            and stated[other].policy.group == one.policy.group
            and (stated[other].policy.rank or 0) < (one.policy.rank or 0)
        ]
        taken = {person for other in above for person in stated[other].people - _excluded(stated, other)}
        for person in one.people:
            if person in _excluded(stated, name):
                found[name, person] = "excluded"
            elif person in taken:
                found[name, person] = "outranked"
    return found


def _members(stated: dict[str, Stated]) -> set[tuple[str, int]]:
    every = {(name, person) for name, one in stated.items() for person in one.people}
    return every - _kept_out(stated).keys()


def _drawn(chance: random.Random) -> dict[str, Stated]:
    found = {}
    for rank, name in enumerate(chance.sample(SEGMENTS, len(SEGMENTS)), start=1):
        group = chance.choice([None, "g", "g", "h"])
        others = [other for other in SEGMENTS if other > name]
        excludes = chance.sample(others, chance.choice([0, 0, min(1, len(others)), min(2, len(others))]))
        people = frozenset(chance.sample(PEOPLE, chance.randrange(len(PEOPLE))))
        found[name] = Stated(people, Policy(group, rank if group else None, tuple(sorted(excludes))))
    return found


def _published(stated: dict[str, Stated]) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("""
        attach ':memory:' as published;
        create schema published.segments;
        create table published.segments.memberships (segment_id varchar, customer_id integer);
        create table published.segments.kept_out (segment_id varchar, customer_id integer, reason varchar);
        create table published.segments.segment_definitions
            (segment_id varchar, group_name varchar, group_rank integer, excludes varchar[]);
    """)
    for pair in _members(stated):
        connection.execute("insert into published.segments.memberships values (?, ?)", pair)
    for (name, person), reason in _kept_out(stated).items():
        connection.execute("insert into published.segments.kept_out values (?, ?, ?)", [name, person, reason])
    for name, one in stated.items():
        row = [name, one.policy.group, one.policy.rank, list(one.policy.excludes)]
        connection.execute("insert into published.segments.segment_definitions values (?, ?, ?, ?)", row)
    return connection


@pytest.mark.parametrize("seed", range(40))
def test_an_impact_keeps_out_whom_a_run_would_keep_out(seed: int) -> None:
    chance = random.Random(seed)
    before = _drawn(chance)
    changed = chance.sample(SEGMENTS, 2)
    after = before | {name: one for name, one in _drawn(chance).items() if name in changed}
    # ranks are distinct before and after: where both meet, the one that changed comes last
    for number, name in enumerate(changed, start=10):
        if after[name].policy.group:
            after[name] = replace(after[name], policy=replace(after[name].policy, rank=number))
    connection = _published(before)
    policy.unchanged(connection, "after", changed)
    for name in changed:
        for person in after[name].people:
            connection.execute("insert into after_rule_hits values (?, ?)", [name, person])
    policy.apply(connection, "after", {name: one.definition(name) for name, one in after.items()})
    assert set(connection.execute("from after_memberships").fetchall()) == _members(after)


@pytest.mark.parametrize("seed", range(40))
def test_a_preview_keeps_out_whom_a_run_would_keep_out(seed: int) -> None:
    chance = random.Random(seed)
    before = _drawn(chance)
    name = chance.choice(SEGMENTS)
    drawn = _drawn(chance)[name]
    rank = chance.choice([0, 10]) if drawn.policy.group else None
    after = before | {name: replace(drawn, policy=replace(drawn.policy, rank=rank))}
    connection = _published(before)
    connection.execute("create temp table now_member (customer_id integer)")
    for person in drawn.people:
        connection.execute("insert into now_member values (?)", [person])
    policy.keep_out(connection, after[name].definition(name))
    found = {(name, person) for (person,) in connection.execute("from now_member").fetchall()}
    assert found == {pair for pair in _members(after) if pair[0] == name}
