"""How numbers of people are told."""

import pytest

from reports.scores import _merged
from warehouse.floor import Floor

FLOOR = Floor(100)


@pytest.mark.parametrize(
    ("people", "words"), [(0, "< 100"), (99, "< 100"), (100, "100"), (199, "100"), (200, "200"), (12_345, "12,300")]
)
def test_people_are_told_in_whole_floors(people: int, words: str) -> None:
    assert FLOOR.words(people) == words


def test_a_message_tells_no_smaller_number() -> None:
    assert FLOOR.message("files accepted 3 of 107 people; the rest") == "files accepted < 100 of 100 people; the rest"
    assert FLOOR.message("audit: a bot is a member (7 cases); the") == "audit: a bot is a member (< 100 cases); the"
    assert FLOOR.message("7 rows rejected of 2026-01-01") == "7 rows rejected of 2026-01-01"


def test_a_rate_is_told_of_no_smaller_group() -> None:
    bins = [{"rows": 60, "predicted": 0.1 * n, "observed": 0.2 * n} for n in range(5)]
    merged = _merged(bins, 100)
    assert [one["rows"] for one in merged] == [120, 180]
    assert merged[0]["predicted"] == pytest.approx(0.05)
    assert merged[1]["observed"] == pytest.approx(0.6)
    assert [one["rows"] for one in _merged(bins[:1], 100)] == [60]
