"""Clusters are found where they are, not found where they are not, and named apart."""

import json

import numpy as np
import polars as pl
import pytest

from models_ml import clusters, personas, space

NAMES = ("orders_count", "recency_days", "sessions_28d_count")


def blobs(centres: list[tuple[float, float, float]], each: int = 200, seed: int = 2) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.normal(centre, 1.0, (each * (i + 1), 3)) for i, centre in enumerate(centres)])
    ids = [f"c{i:05d}" for i in range(len(x))]
    return pl.DataFrame({"customer_id": ids, **{name: np.abs(x[:, i]) for i, name in enumerate(NAMES)}})


THREE = [(40.0, 10.0, 10.0), (10.0, 80.0, 10.0), (10.0, 10.0, 50.0)]


@pytest.fixture(scope="module")
def three() -> tuple[pl.DataFrame, dict[str, bytes]]:
    frame = blobs(THREE)
    return frame, clusters.fit(frame, NAMES)


def test_three_planted_blobs_are_found(three: tuple[pl.DataFrame, dict[str, bytes]]) -> None:
    frame, files = three
    metrics = json.loads(files["card.json"])["metrics"]
    assert metrics["clusters"] == 3
    assert metrics["silhouette"] > 0.6
    truth = np.repeat([0, 1, 2], [200, 400, 600])
    found = clusters.assign(files, frame, "v")["cluster"].to_numpy()
    assert all(len(np.unique(found[truth == blob])) == 1 for blob in range(3))


def test_clusters_are_numbered_from_the_largest_down(three: tuple[pl.DataFrame, dict[str, bytes]]) -> None:
    sizes = clusters.assign(three[1], three[0], "v")["cluster"].value_counts().sort("cluster")["count"].to_list()
    assert sizes == [600, 400, 200]


def test_personas_say_what_sets_each_group_apart(three: tuple[pl.DataFrame, dict[str, bytes]]) -> None:
    named = clusters.assign(three[1], three[0], "v").select("cluster", "persona").unique().sort("cluster")
    assert named["persona"].to_list() == ["frequent visitors", "lapsed buyers", "frequent buyers"]


def test_one_cloud_has_no_structure(three: tuple[pl.DataFrame, dict[str, bytes]]) -> None:
    rng = np.random.default_rng(4)
    many = tuple(f"measure_{i}_count" for i in range(12))
    cloud = pl.DataFrame(
        {"customer_id": [f"c{i}" for i in range(800)]} | {name: rng.normal(9, 1, 800) for name in many}
    )
    files = clusters.fit(cloud, many)
    assert json.loads(files["card.json"])["metrics"]["clusters"] == 0
    nobody = clusters.assign(files, cloud, "v")
    assert nobody.height == 0
    assert nobody.schema == clusters.assign(three[1], three[0], "v").schema


def test_the_same_rows_give_the_same_bytes(three: tuple[pl.DataFrame, dict[str, bytes]]) -> None:
    assert clusters.fit(three[0], NAMES) == three[1]


def test_a_group_that_never_ordered_is_not_called_lapsed() -> None:
    frame = blobs([(1.0, 10.0, 10.0), (40.0, 90.0, 10.0)])
    never = frame.with_columns(recency_days=pl.when(pl.col("orders_count") < 20).then(None).otherwise("recency_days"))
    files = clusters.fit(never.drop("orders_count"), NAMES[1:])
    assert "lapsed buyers" not in json.loads(files["model.json"])["personas"]
    z, nulls = np.array([[1.0], [-1.0]]), np.array([[0.9], [0.0]])
    assert personas.name(["recency_days"], z, nulls) == ["yet to buy", "recent buyers"]


def test_two_groups_never_share_a_name_even_when_the_same_thing_sets_them_apart() -> None:
    z = np.array([[3.0, 0.1], [2.0, -0.2], [1.0, 0.05]])
    named = personas.name(["orders_count", "tenure_days"], z, np.zeros_like(z))
    assert named == ["frequent buyers", "newcomers", "long-standing customers"]
    assert personas.name(["orders_count"], z[:, :1], np.zeros((3, 1)))[1:] == ["group 1", "group 2"]


def test_a_feature_that_never_varies_is_left_out_and_one_that_is_skewed_is_logged() -> None:
    frame = pl.DataFrame(
        {"a_count": [5] * 200, "b_amount": [float(2**i) for i in range(20)] * 10, "c_days": range(200)}
    )
    fitted = space.fit(frame, ("a_count", "b_amount", "c_days"))
    assert fitted.names == ("b_amount", "c_days")
    assert fitted.logged == (True, False)
    placed = space.coordinates(frame, fitted)
    assert placed.mean(axis=0) == pytest.approx([0, 0], abs=1e-9)
    assert placed.std(axis=0) == pytest.approx([1, 1])


def test_what_never_happened_is_as_long_ago_as_the_longest_seen() -> None:
    frame = pl.DataFrame({"recency_days": [1.0, 7.0, None], "spend_total_amount": [None, 2.0, 3.0]})
    fitted = space.fit(frame, ("recency_days", "spend_total_amount"))
    assert fitted.fill == (7.0, 0.0)


def test_rows_that_do_not_differ_are_too_little_to_group() -> None:
    frame = pl.DataFrame({"customer_id": [f"c{i}" for i in range(200)], "orders_count": [1] * 200})
    assert clusters.lacking(frame, ("orders_count",)) == "no feature varies"


def test_two_kinds_of_identical_rows_are_two_groups_or_none_but_no_error() -> None:
    frame = pl.DataFrame({"customer_id": [f"c{i}" for i in range(200)], "orders_count": [1, 9] * 100})
    assert clusters.assign(clusters.fit(frame, ("orders_count",)), frame, "v").height in {0, 200}
