"""The rule that says how many groups there are: each of its bounds can keep a number from being taken."""

from dataclasses import replace

import pytest

from models_ml import number

RULE = number.Rule()
FINE = number.Figures(4, 0.5, 0.3, 0.8, 1.0, 0.95, 0.9, 0.1)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"silhouette": 0.34}, "silhouette"),
        ({"silhouette": 0.14, "cloud_silhouette": 0.05}, "silhouette"),
        ({"davies_bouldin": 1.0}, "Davies-Bouldin"),
        ({"bootstrap_ari": 0.84}, "bootstrap"),
        ({"split_half_ari": 0.79}, "split half"),
        ({"least_share": 0.019}, "smallest group"),
    ],
)
def test_each_bound_keeps_a_number_from_being_taken(change: dict[str, float], why: str) -> None:
    short = replace(FINE, **change)
    assert number.choose([FINE], RULE) is FINE
    assert number.choose([short], RULE) is None
    [miss] = number.misses(short, RULE)
    assert miss.startswith(why)
    assert miss in number.why_none([short], RULE)


def test_at_its_bounds_a_number_may_be_taken() -> None:
    bare = number.Figures(4, 0.35, 0.3, 0.99, 1.0, 0.85, 0.8, 0.02)
    assert number.choose([bare], RULE) is bare


def test_the_lowest_sum_of_ranks_is_taken_and_at_a_tie_the_smaller_number() -> None:
    """The finest split has the best silhouette, and is neither the most compact nor stable."""
    three = replace(FINE, number=3, silhouette=0.49, davies_bouldin=0.7, bootstrap_ari=0.99)
    eight = replace(FINE, number=8, silhouette=0.55, davies_bouldin=0.9, bootstrap_ari=0.86)
    assert number.choose([three, FINE, eight], RULE) is three
    same = replace(FINE, number=7)
    assert number.choose([FINE, same], RULE) is FINE


def test_a_number_that_may_not_be_taken_does_not_count_among_the_ranks() -> None:
    five, six = replace(FINE, number=5, silhouette=0.51), replace(FINE, number=6, davies_bouldin=0.79)
    unstable = replace(FINE, number=7, silhouette=0.505, bootstrap_ari=0.5)
    assert number.choose([five, six, unstable], RULE) is five


def test_without_any_group_it_says_so() -> None:
    assert number.metrics([], RULE)["clusters"] == 0
    assert number.why_none([], RULE) == "no group is dense enough to be one"
