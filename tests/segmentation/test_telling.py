"""Attacks on the floor: whoever subtracts what previews and overlaps tell learns no number below it."""

import random
from collections.abc import Callable
from itertools import combinations

import duckdb
import pytest

from segmentation import overlap
from segmentation.definition import Definition
from segmentation.preview import Preview, preview
from tests.segmentation.version import Published

Of = Callable[..., Definition]
FLOOR = 100  # of 900 people: of each ten numbers the last is of an anomalous person


@pytest.fixture
def ask(published: Published, of: Of) -> Callable[[str], Preview]:
    return lambda where: preview(published.settings, of(where))


def test_a_size_is_told_exactly_where_nothing_speaks_against_it(ask: Callable[[str], Preview]) -> None:
    found = ask("number < 555")
    assert (found.members, found.is_exact) == (500, True)
    assert ask("number < 333").members == 300 == ask("number < 333").members


def test_a_group_below_the_floor_is_not_counted(ask: Callable[[str], Preview]) -> None:
    found = ask("number < 100")
    assert (found.members, found.active_members, found.is_sendable) == (None, None, False)
    assert (found.sample, found.overlap) == ([], [])
    assert ask("number < 112").members == 102 - 1


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("number < 555", "number < 555 and number <> 7"),  # without one person
        ("number < 555", "number < 460"),  # without a few
        ("number < 460", "number < 555"),  # the same the other way round
        ("number < 555", "number < 555 and orders_count <> 3"),
    ],
)
def test_a_set_within_another_does_not_give_their_difference_away(
    ask: Callable[[str], Preview], first: str, then: str
) -> None:
    assert ask(first).is_exact
    found = ask(then)
    assert not found.is_exact
    assert found.members is None or found.members % FLOOR == 0


def test_a_complement_does_not_give_the_rest_away(ask: Callable[[str], Preview]) -> None:
    found = ask("number >= 50")
    assert (found.members, found.is_exact) == (800, False)


def test_a_published_segment_and_a_part_of_it_do_not_give_the_rest_away(
    published: Published, ask: Callable[[str], Preview]
) -> None:
    published.segment("half", "number < 500")
    assert not ask("number < 500 and number <> 7").is_exact


def test_two_parts_and_their_union_do_not_give_away_what_they_share(ask: Callable[[str], Preview]) -> None:
    assert ask("number < 300").is_exact
    assert ask("number between 280 and 600").is_exact
    assert not ask("number < 300 or number between 280 and 600").is_exact


def test_a_union_told_first_protects_its_second_part(ask: Callable[[str], Preview]) -> None:
    assert ask("number <= 600").is_exact
    assert ask("number < 300").is_exact
    assert not ask("number between 280 and 600").is_exact


def test_conditions_entered_and_shared_are_told_in_whole_floors(
    published: Published, ask: Callable[[str], Preview]
) -> None:
    published.segment("candidate", "number < 700")
    published.segment("other", "number < 234")
    found = ask("number < 555 and orders_count < 50")
    told = [row[name] for row in found.conditions for name in ("kept", "dropped", "dropped_by_this_alone")]
    told += [found.change[name] for name in ("published", "entered", "left")]
    told += [row["people"] for row in found.reachable] + [row["shared"] for row in found.overlap]
    assert [number for number in told if number is not None and number % FLOOR] == []
    assert found.change["left"] == 100


def test_overlap_says_nothing_of_a_small_segment_or_a_small_common_part(published: Published) -> None:
    published.segment("large", "number < 500")
    published.segment("beside", "number between 450 and 900")
    published.segment("small", "number < 50")
    published.segment("within", "number < 300")
    found = overlap.pairs(published.settings)
    assert [(pair.segment, pair.other, pair.shared) for pair in found] == [("large", "within", 200)]
    assert found[0].of_other == pytest.approx(1.0)


def test_random_questions_never_give_a_number_below_the_floor_away(ask: Callable[[str], Preview]) -> None:
    """Exact sizes of nested sets, and of unions with their parts, among forty previews drawn at random."""
    draw = random.Random(5)
    told: dict[frozenset[int], int] = {}
    for _ in range(40):
        low, high = sorted(draw.sample(range(0, 1000, 10), 2))
        found = ask(f"number >= {low} and number < {high}")
        if found.is_exact:
            told[frozenset(n for n in range(low, high) if n % 10 != 9)] = found.members or 0
    assert len(told) > 5
    assert all(size == len(people) for people, size in told.items())
    for one, other in combinations(told, 2):
        small, large = sorted((one, other), key=len)
        assert not (small < large and len(large - small) < FLOOR)
        assert not (one | other in told and 0 < len(one & other) < FLOOR and one | other not in (one, other))


def test_the_version_is_not_written(published: Published, ask: Callable[[str], Preview]) -> None:
    published.settings.current.chmod(0o444)
    before = published.settings.current.read_bytes()
    ask("number < 555")
    assert published.settings.current.read_bytes() == before
    with duckdb.connect(published.settings.current, read_only=True) as connection:
        assert connection.execute("select count(*) from profiles.customers").fetchall() == [(1000,)]
