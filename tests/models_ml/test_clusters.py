"""Groups are found where they are, not found where they are not, and the same input gives the same bytes."""

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import adjusted_rand_score

from models_ml import clusters, grouping, space
from models_ml.grouping import Method
from tests.models_ml.crowds import FIVE, NAMES, QUICK, THREE, blobs, frame, null_world

Artifact = dict[str, bytes]


@pytest.fixture(scope="module")
def three() -> tuple[pl.DataFrame, Artifact]:
    crowd = blobs(THREE)
    return crowd, clusters.fit(crowd, NAMES)


def metrics(files: Artifact) -> dict[str, object]:
    found: dict[str, object] = json.loads(files["card.json"])["metrics"]
    return found


def test_three_planted_blobs_are_found(three: tuple[pl.DataFrame, Artifact]) -> None:
    crowd, files = three
    assert metrics(files)["clusters"] == 3
    truth = np.repeat([0, 1, 2], [200, 400, 600])
    found = clusters.assign(files, crowd, "v")["cluster"].to_numpy()
    assert all(len(np.unique(found[truth == blob])) == 1 for blob in range(3))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_five_planted_blobs_are_five(seed: int) -> None:
    assert metrics(clusters.fit(blobs(FIVE, 100, seed), NAMES))["clusters"] == 5


def _gaussian(features: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 50 + rng.normal(size=(600, features)) @ rng.normal(size=(features, features))


@pytest.mark.parametrize("features", [2, 3, 12])
@pytest.mark.parametrize("seed", [1])
def test_one_cloud_and_an_even_spread_have_no_structure(features: int, seed: int) -> None:
    names = tuple(f"measure_{i}_count" for i in range(features))
    even = np.random.default_rng(seed).uniform(0, 9, (600, features))
    for crowd in (_gaussian(features, seed), even):
        files = clusters.fit(frame(crowd, names), names)
        assert metrics(files)["clusters"] == 0
        assert "none stands out" in str(metrics(files)["why"])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_world_in_which_everybody_is_alike_has_no_structure(seed: int) -> None:
    world = null_world(800, seed)
    assert metrics(clusters.fit(world, tuple(world.columns[1:])))["clusters"] == 0


def test_without_structure_nobody_is_scored_and_nothing_is_told(three: tuple[pl.DataFrame, Artifact]) -> None:
    world = null_world(600, 4)
    files = clusters.fit(world, tuple(world.columns[1:]), parameters=QUICK)
    nobody = clusters.assign(files, world, "v")
    assert nobody.height == 0
    assert nobody.schema == clusters.assign(three[1], three[0], "v").schema
    assert json.loads(files["personas.json"]) == json.loads(files["picture.json"])["groups"] == []


def test_the_card_and_the_curves_have_the_figures_of_every_number_tried(three: tuple[pl.DataFrame, Artifact]) -> None:
    tried = json.loads(three[1]["curves.json"])["numbers"]
    assert [one["number"] for one in tried] == list(range(2, 9))
    assert list(json.loads(three[1]["card.json"])["numbers tried"].values()) == tried
    assert "- 3 groups: number 3, silhouette 0." in three[1]["card.md"].decode()


def test_clusters_are_numbered_from_the_largest_down(three: tuple[pl.DataFrame, Artifact]) -> None:
    sizes = clusters.assign(three[1], three[0], "v")["cluster"].value_counts().sort("cluster")["count"].to_list()
    assert sizes == [600, 400, 200]


def test_the_same_rows_give_the_same_bytes(three: tuple[pl.DataFrame, Artifact]) -> None:
    assert clusters.fit(three[0], NAMES) == three[1]
    assert clusters.fit(three[0], NAMES, three[1], "v1", QUICK) == clusters.fit(three[0], NAMES, three[1], "v1", QUICK)


def test_nobody_is_in_an_artifact(three: tuple[pl.DataFrame, Artifact]) -> None:
    assert not [name for name, content in three[1].items() if b"c000" in content]


@pytest.mark.parametrize("method", ["ward", "hdbscan"])
def test_other_methods_find_the_same_blobs_and_give_the_same_bytes(method: Method) -> None:
    parameters = replace(QUICK, method=method, judged_sample=900)
    crowd = blobs(THREE)
    files = clusters.fit(crowd, NAMES, parameters=parameters)
    found = clusters.assign(files, crowd, "v").filter(pl.col("cluster") != grouping.NONE)
    truth = np.repeat([0, 1, 2], [200, 400, 600])[found["customer_id"].str.slice(1).cast(pl.Int32).to_numpy()]
    assert found.height > 1100
    assert adjusted_rand_score(truth, found["cluster"].to_numpy()) == 1
    assert clusters.fit(crowd, NAMES, parameters=parameters) == files


def test_what_is_far_from_anything_dense_is_in_no_group_and_named_so() -> None:
    parameters = replace(QUICK, method="hdbscan", judged_sample=900)
    crowd = blobs(THREE)
    files = clusters.fit(crowd, NAMES, parameters=parameters)
    far = frame(np.array([[400.0, 400.0, 400.0]]))
    assert clusters.assign(files, far, "v").select("cluster", "persona").rows() == [(-1, "in no group")]
    assert clusters.assign(clusters.fit(crowd, NAMES, parameters=QUICK), far, "v")["cluster"].item() >= 0


def test_a_sample_is_enough_to_group_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    crowd = blobs(THREE, 1000)
    few = replace(QUICK, fit_sample=1500, judged_sample=600)
    found = clusters.assign(clusters.fit(crowd, NAMES, parameters=few), crowd, "v")
    assert found["cluster"].value_counts().sort("cluster")["count"].to_list() == [3000, 2000, 1000]


def test_too_few_rows_are_too_little_to_group() -> None:
    crowd = blobs(THREE, 100)
    assert clusters.lacking(crowd.head(499), NAMES) == "499 rows to group; at least 500 are needed"
    assert clusters.lacking(crowd.head(500), NAMES) is None


@pytest.mark.parametrize("value", [1, 0, None, float("nan"), float("inf")])
def test_rows_that_do_not_differ_are_too_little_to_group(value: float | None) -> None:
    same = pl.DataFrame({"customer_id": [f"c{i}" for i in range(500)], "orders_count": [value] * 500})
    assert clusters.lacking(same, ("orders_count",)) == "no feature varies"
    assert clusters.lacking(same.clear(), ("orders_count",)) == "0 rows to group; at least 500 are needed"
    assert clusters.lacking(same, ()) == "no feature varies"


def test_two_kinds_of_identical_rows_are_two_groups_or_none_but_no_error() -> None:
    crowd = pl.DataFrame({"customer_id": [f"c{i}" for i in range(500)], "orders_count": [1, 9] * 250})
    assert clusters.assign(clusters.fit(crowd, ("orders_count",), parameters=QUICK), crowd, "v").height in {0, 500}


def test_gaps_and_infinities_are_filled_and_a_feature_without_any_value_is_left_out() -> None:
    crowd = blobs(THREE).with_columns(
        orders_count=pl.when(pl.int_range(pl.len()) % 7 == 0).then(float("nan")).otherwise("orders_count"),
        sessions_28d_count=pl.when(pl.int_range(pl.len()) == 3).then(float("inf")).otherwise("sessions_28d_count"),
        empty_count=pl.lit(None, dtype=pl.Float64),
        steady_count=pl.lit(3),
    )
    files = clusters.fit(crowd, (*NAMES, "empty_count", "steady_count"), parameters=QUICK)
    assert json.loads(files["model.json"])["space"]["names"] == list(NAMES)
    assert clusters.assign(files, crowd, "v").height in {0, crowd.height}


def test_a_feature_that_is_not_there_is_named(three: tuple[pl.DataFrame, Artifact]) -> None:
    with pytest.raises(ValueError, match="not there: recency_days"):
        clusters.assign(three[1], three[0].drop("recency_days"), "v")


def test_a_value_below_all_that_were_seen_does_not_lose_its_person() -> None:
    crowd = blobs(THREE).with_columns(orders_count=pl.col("orders_count").exp().clip(0, 1e9))
    files = clusters.fit(crowd, NAMES, parameters=QUICK)
    assert json.loads(files["model.json"])["space"]["logged"][0]
    below = crowd.head(1).with_columns(orders_count=pl.lit(-5.0))
    least = crowd.head(1).with_columns(orders_count=pl.lit(0.0))
    assert clusters.assign(files, below, "v").equals(clusters.assign(files, least, "v"))


def test_a_feature_that_never_varies_is_left_out_and_one_that_is_skewed_is_logged() -> None:
    crowd = pl.DataFrame(
        {"a_count": [5] * 200, "b_amount": [float(2**i) for i in range(20)] * 10, "c_days": range(200)}
    )
    fitted = space.fit(crowd, ("a_count", "b_amount", "c_days"))
    assert fitted.names == ("b_amount", "c_days")
    assert fitted.logged == (True, False)
    placed = space.coordinates(crowd, fitted)
    assert placed.mean(axis=0) == pytest.approx([0, 0], abs=1e-9)
    assert placed.std(axis=0) == pytest.approx([1, 1])


def test_what_never_happened_is_as_long_ago_as_the_longest_seen() -> None:
    crowd = pl.DataFrame({"recency_days": [1.0, 7.0, None], "spend_total_amount": [None, 2.0, 3.0]})
    fitted = space.fit(crowd, ("recency_days", "spend_total_amount"))
    assert fitted.fill == (7.0, 0.0)
