"""Groups keep their numbers and names from model to model, and who moved is on record."""

import json
from collections import Counter

import numpy as np
import polars as pl
import pytest

from models_ml import clusters, matching
from tests.models_ml.crowds import FIVE, NAMES, QUICK, THREE, blobs, frame, null_world

FAR = (90.0, 90.0, 90.0)


def numbers(files: dict[str, bytes], crowd: pl.DataFrame) -> list[int]:
    return clusters.assign(files, crowd, "v")["cluster"].to_list()


def fit(
    crowd: pl.DataFrame, former: dict[str, bytes] | None = None, names: tuple[str, ...] = NAMES
) -> dict[str, bytes]:
    return clusters.fit(crowd, names, former, former and "v1", QUICK)


def places(*groups: tuple[int, int]) -> np.ndarray:
    """People by group: label and how many."""
    return np.concatenate([np.full(people, label, dtype=np.int32) for label, people in groups])


@pytest.fixture(scope="module")
def before() -> dict[str, bytes]:
    return fit(blobs(THREE))


def test_numbers_and_names_follow_the_people_not_the_sizes(before: dict[str, bytes]) -> None:
    """The same three groups, the smallest of them now the largest."""
    grown = pl.concat([blobs(THREE), blobs([THREE[0]], 900, 7)])
    after = fit(grown, before)
    assert numbers(after, blobs(THREE)) == numbers(before, blobs(THREE))
    assert json.loads(after["model.json"])["personas"] == json.loads(before["model.json"])["personas"]
    assert numbers(fit(grown), blobs(THREE)) != numbers(before, blobs(THREE))


def test_the_migration_table_counts_who_went_where(before: dict[str, bytes]) -> None:
    crowd = pl.concat([blobs(THREE), blobs([FAR], 500, 7)])
    after = fit(crowd, before)
    found = clusters.migrations(after, "v2")
    assert found.schema == pl.Schema(matching.SCHEMA)
    pairs = zip(numbers(before, crowd), numbers(after, crowd), strict=True)
    assert dict(zip(found.select("from_cluster", "into_cluster").rows(), found["people"], strict=True)) == Counter(
        pairs
    )
    assert found.group_by("from_cluster").agg(pl.col("share").sum())["share"].to_list() == pytest.approx([1.0] * 3)
    assert found.select("from_version", "into_version").unique().rows() == [("v1", "v2")]
    assert found["people"].sum() == crowd.height


def test_a_new_group_gets_a_number_that_never_was(before: dict[str, bytes]) -> None:
    """One group ends and another begins: the number of the ended one stays with what it meant, for good."""
    without = pl.concat([blobs(THREE[:2]), blobs([FAR], 500, 7)])
    second = fit(without, before)
    assert sorted(json.loads(second["model.json"])["personas"]) == ["1", "2", "3"]
    third = fit(blobs(THREE), second)
    assert sorted(json.loads(third["model.json"])["personas"]) == ["1", "2", "4"]
    assert json.loads(third["card.json"])["former model"] | {"version": "v2"} == {
        "version": "v2",
        "goes on": [1, 2],
        "new": [4],
        "ended": [3],
    }


def test_a_name_changes_when_what_it_says_is_no_longer_true(before: dict[str, bytes]) -> None:
    """The frequent visitors still come, and everybody else now comes more often still."""
    crowd, again = blobs(THREE), blobs(THREE)
    busy = again.with_columns(
        sessions_28d_count=pl.when(pl.col("sessions_28d_count") > 30).then("sessions_28d_count").otherwise(90.0)
    )
    held = json.loads(before["model.json"])
    assert held["personas"]["0"] == "frequent visitors"
    members = numbers(before, crowd)
    after = clusters.fit(
        busy.with_columns(other_count=pl.Series(members) * 50.0), (*NAMES, "other_count"), before, "v1"
    )
    renamed = json.loads(after["model.json"])["personas"]
    assert "frequent visitors" not in renamed.values()


def test_half_of_a_group_goes_on_but_not_a_quarter() -> None:
    halves = matching.number(2, 1, places((0, 400)), places((0, 200), (1, 200)))
    assert halves.given == (0, 1)
    quarters = matching.number(4, 1, places((0, 400)), places((0, 100), (1, 100), (2, 100), (3, 100)))
    assert quarters.given == (1, 2, 3, 4)
    assert quarters.carried == frozenset()


def test_the_pairs_are_those_that_keep_most_people() -> None:
    """Greedily the first group would take what leaves the second with nothing."""
    former = places((0, 100), (1, 60))
    members = np.concatenate([places((0, 51), (1, 49)), places((0, 60))])
    assert matching.number(2, 2, former, members).given == (1, 0)


def test_people_in_no_group_are_counted_but_are_no_group(before: dict[str, bytes]) -> None:
    former, members = places((-1, 50), (0, 50)), places((0, 60), (-1, 40))
    assert matching.number(1, 1, former, members).given == (1,)
    rows = matching.moves(former, members, {0: "old"}, {1: "new"})
    assert [(row["from_persona"], row["people"]) for row in rows][:1] == [("in no group", 50)]


def test_when_no_structure_is_left_everybody_is_told_to_have_left(before: dict[str, bytes]) -> None:
    rng = np.random.default_rng(1)
    cloud = frame(np.abs(rng.normal(30, 8, (900, 3))))
    after = fit(cloud, before)
    found = clusters.migrations(after, "v2")
    assert found["into_cluster"].null_count() == found.height > 0
    assert found["people"].sum() == 900
    again = fit(blobs(THREE), after)
    assert sorted(json.loads(again["model.json"])["personas"]) == ["3", "4", "5"]


def test_a_former_model_that_cannot_see_todays_people_hands_nothing_on_but_its_numbers(
    before: dict[str, bytes],
) -> None:
    after = fit(blobs(FIVE, 100).drop("recency_days"), before, (NAMES[0], NAMES[2]))
    assert "features that are gone: recency_days" in json.loads(after["card.json"])["former model"]["note"]
    assert min(map(int, json.loads(after["model.json"])["personas"])) == 3
    assert clusters.migrations(after, "v2").height == 0


def test_without_a_former_model_nobody_moved() -> None:
    world = null_world(600, 1)
    files = fit(world, names=tuple(world.columns[1:]))
    assert clusters.migrations(files, "v1").schema == pl.Schema(matching.SCHEMA)


def test_a_former_model_comes_with_its_version(before: dict[str, bytes]) -> None:
    for given in ((before, None), (None, "v1")):
        with pytest.raises(ValueError, match="come together"):
            clusters.fit(blobs(THREE), NAMES, *given)
