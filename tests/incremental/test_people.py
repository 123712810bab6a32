"""People are those whom a plain program finds in the same records: over a thousand histories, in steps and at once."""

import random
from collections import defaultdict
from functools import cache

import polars as pl
import pytest

from tests.incremental.histories import MOMENTS, generate
from tests.incremental.oracle import PUBLISHED, graph, pseudonym
from tests.incremental.test_histories import at_once, in_steps, models
from tests.incremental.warehouse import Node, Warehouse
from tests.pipeline.identity_oracle import Id

__all__ = ["models"]
People = set[frozenset[tuple[str, str]]]


@cache
def _exports() -> dict[str, pl.DataFrame]:
    return generate(1000, 1)


def _found(warehouse: Warehouse) -> People:
    people: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for kind, value, customer in warehouse.rows(
        "select identifier_type, identifier_hash, customer_id from profiles.identifiers"
    ).iter_rows():
        people[customer].add((kind, value))
    return {frozenset(identifiers) for identifiers in people.values()}


def _expected(batch: int, separations: list[tuple[Id, Id]] | None = None) -> People:
    people = graph(_exports(), MOMENTS[batch - 1], batch, separations=separations or []).people()
    return {frozenset(map(_published, person)) for person in people}


def test_people_are_the_oracles_in_steps_and_at_once(models: list[Node]) -> None:
    last = len(MOMENTS)
    expected = _expected(last)
    assert _found(in_steps(models, _exports())) == expected
    once = at_once(models, _exports())
    assert _found(once) == expected
    reasons = set(once.rows("select distinct why_not from profiles.identity_graph")["why_not"])
    assert reasons == {None, "over_limit", "contradicted", "disputed"}


def test_people_are_the_oracles_at_every_moment(models: list[Node]) -> None:
    warehouse = Warehouse.of(models, _exports())
    for batch, moment in enumerate(MOMENTS, 1):
        warehouse.run(batch, moment)
        assert _found(warehouse) == _expected(batch)


def test_whoever_was_said_to_be_two_is_two_for_the_oracle_too(models: list[Node]) -> None:
    plain = graph(_exports(), MOMENTS[-1], len(MOMENTS)).people()
    users = [sorted(one for one in person if one[0] == "user") for person in plain]
    pairs = [tuple(random.Random(4).sample(some, 2)) for some in users if len(some) > 1][:200]
    warehouse = Warehouse.of(models, _exports())
    rows = [(*_published(one), *_published(other)) for one, other in pairs]
    warehouse.connection.executemany("insert into ledger.separations values (?, ?, ?, ?)", rows)
    warehouse.run(len(MOMENTS), MOMENTS[-1])
    assert _found(warehouse) == _expected(len(MOMENTS), pairs)  # type: ignore[arg-type]


def test_records_that_linkage_took_for_one_person_s_are(models: list[Node]) -> None:
    plain = graph(_exports(), MOMENTS[-1], len(MOMENTS))
    users = sorted({one for record in plain.records for one in record.identifiers if one[0] == "user"})
    pairs = [sorted(random.Random(seed).sample(users, 2)) for seed in range(400)]
    linked = [(one, other, MOMENTS[0]) for one, other in pairs]
    warehouse = Warehouse.of(models, _exports())
    rows = [("user_id", one[1], "user_id", other[1], 10.0, 0.999, at) for one, other, at in linked]
    warehouse.connection.executemany("insert into links.record_links values (?, ?, ?, ?, ?, ?, ?)", rows)
    warehouse.run(len(MOMENTS), MOMENTS[-1])
    people = graph(_exports(), MOMENTS[-1], len(MOMENTS), linked=linked).people()
    assert _found(warehouse) == {frozenset(map(_published, person)) for person in people}
    assert len(people) < len(plain.people()) - 200


def _published(one: Id) -> tuple[str, str]:
    return PUBLISHED[one[0]], pseudonym(one)


FAULTS = {
    "joins at its limit no more": (
        "identifier_links",
        "most_joined_count > joins_limit",
        "most_joined_count >= joins_limit",
    ),
    "a shared address is nobody's": ("identifier_links", "is_contradicted and not is_first", "is_contradicted"),
    "names are held against each other across systems": ("identifier_pairs", "> 1\n    union", "> 2\n    union"),
    "birth dates do not matter": ("identifier_pairs", "birth_date_hash) > 1", "birth_date_hash) > 2"),
    "beside the worst of a record": ("identifier_pairs", "order by priority)", "order by priority desc)"),
    "what joins gives way at once": ("components", "least(64", "least(1"),
    "the oldest gives way": (
        "components",
        "links.priority, min_seen.first_seen_at",
        "links.priority, min_seen.first_seen_at desc",
    ),
    "one more than a person may hold": ("components", "> linked.person_limit", "> linked.person_limit + 1"),
    "a phone is somebody": ("customer_ids", "bool_or(rules.names_a_person)", "true or bool_or(rules.names_a_person)"),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_who_is_who_is_noticed(models: list[Node], fault: str) -> None:
    model, old, new = FAULTS[fault]
    warehouse = Warehouse.of(models, _exports(), **{model: (old, new)})
    warehouse.run(len(MOMENTS), MOMENTS[-1])
    assert _found(warehouse) != _expected(len(MOMENTS))
