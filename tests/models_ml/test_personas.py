"""Personas say in plain words what sets each group apart."""

import json

import numpy as np
import polars as pl
import pytest

from models_ml import clusters, personas, words
from models_ml.personas import Traits
from tests.models_ml.crowds import NAMES, QUICK, THREE, blobs

ORDERS, TENURE, SPEND, RECENCY = "orders_count", "tenure_days", "spend_total_amount", "recency_days"


def traits(names: tuple[str, ...], z: list[list[float]], **more: list[list[float]]) -> Traits:
    zeros = np.zeros((len(z), len(names)))
    given = {name: np.array(value) for name, value in more.items()}
    return Traits(names, np.array(z), given.get("absent", zeros), given.get("ratio", zeros + 1))


def test_groups_are_named_by_their_strongest_difference() -> None:
    crowd = blobs(THREE)
    named = (
        clusters.assign(clusters.fit(crowd, NAMES, parameters=QUICK), crowd, "v")
        .select("cluster", "persona")
        .unique()
        .sort("cluster")
    )
    assert named["persona"].to_list() == ["frequent visitors", "lapsed buyers", "frequent buyers"]


def test_a_second_difference_is_joined_where_one_does_not_tell_groups_apart() -> None:
    found = personas.name(traits((ORDERS, SPEND), [[3.0, 1.0], [2.0, -1.0], [-2.0, 0.0]]), [0, 1, 2])
    assert found == ["frequent buyers, big spenders", "frequent buyers, small spenders", "few orders"]


def test_the_word_that_is_joined_is_one_that_the_others_do_not_have() -> None:
    z = [[3.0, 1.0, 0.5], [2.0, 0.9, -0.3]]
    found = personas.name(traits((ORDERS, SPEND, TENURE), z), [0, 1])
    assert found == ["frequent buyers, long-standing customers", "frequent buyers, newcomers"]


def test_groups_that_nothing_tells_apart_have_their_numbers() -> None:
    alike = traits((ORDERS, TENURE), [[3.0, 0.1], [2.0, -0.2]])
    assert personas.name(alike, [0, 7]) == ["frequent buyers, group 0", "frequent buyers, group 7"]


def test_a_difference_too_small_to_see_names_nobody() -> None:
    assert personas.name(traits((ORDERS,), [[0.24], [-0.25]]), [0, 1]) == [words.AVERAGE, "few orders"]


def test_a_new_group_does_not_take_the_name_of_one_that_goes_on() -> None:
    both = traits((ORDERS, SPEND), [[3.0, 1.0], [2.0, -1.0]])
    assert personas.name(both, [4, 2], {2: "frequent buyers"}) == ["frequent buyers, big spenders", "frequent buyers"]


@pytest.mark.parametrize(
    ("z", "absent", "holds"),
    [([2.0, 0.25], 0.0, True), ([2.0, 0.24], 0.0, False), ([-2.0, 0.5], 0.0, False), ([2.0, 0.5], 0.6, False)],
)
def test_a_name_holds_while_each_of_its_words_does(z: list[float], absent: float, *, holds: bool) -> None:
    of = traits((RECENCY, SPEND), [z], absent=[[absent, 0.0]])
    assert personas.still_true("lapsed buyers, big spenders", of, 0) is holds


def test_a_group_that_never_ordered_is_not_called_lapsed_nor_a_small_spender() -> None:
    of = traits((RECENCY, SPEND), [[1.0, -1.2], [-1.0, 1.2]], absent=[[0.9, 0.0], [0.0, 0.0]])
    assert personas.name(of, [0, 1]) == ["yet to buy", "big spenders"]
    assert personas.sentence(of, 0, 500) == "Have not ordered yet."


def test_a_feature_without_values_and_without_a_word_for_that_says_nothing() -> None:
    of = traits(("mean_order_amount", TENURE), [[-2.0, 1.0]], absent=[[0.9, 0.0]])
    assert personas.name(of, [0]) == ["long-standing customers"]


@pytest.mark.parametrize(
    ("feature", "z", "ratio", "said"),
    [
        (ORDERS, 1, 2.1, "Order twice as often as others."),
        (ORDERS, 1, 1.4, "Order more often than others."),
        (ORDERS, 1, 14.0, "Order more than ten times as often as others."),
        (ORDERS, 1, float("nan"), "Order more often than others."),
        ("product_views_28d_count", -1, 0.1, "Rarely browse."),
        ("product_views_28d_count", -1, 0.5, "Browse half as often as others."),
        ("product_views_28d_count", -1, 0.8, "Browse less often than others."),
        ("spend_90d_amount", 1, 3.2, "Spend three times as much as others this quarter."),
        ("categories_28d_count", -1, 0.7, "Look at fewer categories than others."),
        (RECENCY, 1, 2.0, "Last ordered twice as long ago as others."),
        (RECENCY, -1, 0.7, "Last ordered more recently than others."),
        (TENURE, 1, 1.2, "Have been customers longer than others."),
    ],
)
def test_a_sentence_says_which_way_and_how_far(feature: str, z: float, ratio: float, said: str) -> None:
    assert personas.sentence(traits((feature,), [[float(z)]], ratio=[[ratio]]), 0, 100) == said


def test_a_sentence_names_the_strongest_first_and_each_thing_once() -> None:
    names = ("product_views_28d_count", ORDERS, "orders_90d_count", TENURE, "carts_28d_count")
    of = traits(names, [[-0.5, 2.0, 1.9, 0.1, 0.4]], ratio=[[0.1, 2.0, 3.0, 1.0, 1.3]])
    said = personas.sentence(of, 0, 100)
    assert said == "Order twice as often as others; rarely browse; fill a cart more often than others."


def test_of_a_group_below_the_floor_no_figure_is_told() -> None:
    of = traits((ORDERS,), [[2.0]], ratio=[[2.0]])
    assert personas.sentence(of, 0, 99) == "Too few people to say more of them."
    crowd = pl.concat([blobs(THREE[:2], 260), blobs([(90.0, 90.0, 90.0)], 99, 5)])
    told = json.loads(clusters.fit(crowd, NAMES, parameters=QUICK)["personas.json"])
    assert [one["share"] is None for one in told] == [False, False, True]
    assert told[-1]["sets_apart"] == {}


def test_ratios_are_of_features_as_they_are_and_of_people_who_have_one() -> None:
    raw = np.array([[2.0, np.nan], [4.0, 6.0], [1.0, 3.0], [2.0, np.nan]])
    found = personas.measure(("a", "b"), raw, raw, np.array([5, 5, 8, 8], dtype=np.int32), [5, 8])
    assert found.ratio.tolist() == [[2.0, 2.0], [0.5, 0.5]]
    assert found.absent.tolist() == [[0.0, 0.5], [0.0, 0.5]]


def test_every_feature_with_a_name_has_a_sentence_for_each_of_its_words() -> None:
    for feature, named in words.NAMES.items():
        for word in filter(None, named):
            for ratio in (0.1, 0.5, 0.8, 1.2, 3.0):
                theme, said = words.phrase(feature, word, ratio)
                assert theme
                assert "{" not in said
