"""What the page says of groups: as published and as their artifact holds it, and nothing below the floor."""

import json
from pathlib import Path
from types import SimpleNamespace

import duckdb
import numpy as np
import polars as pl
import pytest

from models_ml import clusters, folders
from reports import clusters as page
from reports.material import Material
from reports.section import Part
from tests.models_ml.crowds import NAMES, QUICK, THREE, blobs
from warehouse.floor import Floor
from warehouse.settings import Settings

MODEL = {"version": "v2"}


@pytest.fixture(scope="module")
def made() -> SimpleNamespace:
    """A model of three groups, the former one of two of them, and the people of now."""
    crowd = blobs(THREE)
    former = clusters.fit(blobs(THREE[:2], 300), NAMES, parameters=QUICK)
    return SimpleNamespace(crowd=crowd, files=clusters.fit(crowd, NAMES, former, "v1", QUICK))


def material(settings: Settings, made: SimpleNamespace, floor: int = 100) -> Material:
    folder = settings.models / "clusters" / "v2"
    if not folder.exists():
        folders.write(folder, made.files)
    assigned = clusters.assign(made.files, made.crowd, "v2")
    moved = clusters.migrations(made.files, "v2")
    connection = duckdb.connect()
    connection.execute("create schema scores")
    for name, frame in {"clusters": assigned, "cluster_migrations": moved}.items():
        connection.register("frame", frame.to_arrow())
        connection.execute(f"create table scores.{name} as from frame")
    return Material(settings, "r", (), None, connection, Floor(floor))


def parts(run: Material, model: dict[str, str] = MODEL) -> dict[str, Part]:
    return {part.name: part for part in page.parts(run, model)}


def test_sizes_are_the_published_ones_in_whole_floors(settings: Settings, made: SimpleNamespace) -> None:
    found = parts(material(settings, made))["groups"]
    assert [row[1] for row in found.rows] == ["600", "400", "200"]


def test_each_group_is_told_with_its_number_and_sentence(settings: Settings, made: SimpleNamespace) -> None:
    told = json.loads(made.files["personas.json"])
    found = parts(material(settings, made))["personas"]
    assert list(found.rows) == [(str(one["cluster"]), one["persona"], one["sentence"]) for one in told]
    assert len(found.rows) == 3


def test_the_picture_has_a_dot_for_a_hundred_people_and_none_for_fewer(
    settings: Settings, made: SimpleNamespace
) -> None:
    found = parts(material(settings, made))["picture"]
    assert found.figure is not None
    dots = {trace["name"]: len(trace["x"]) for trace in found.figure.to_dict()["data"]}
    people = clusters.assign(made.files, made.crowd, "v2")["persona"].value_counts()
    assert dots.keys() == set(people["persona"])
    assert all(100 * dots[persona] <= count < 200 * dots[persona] for persona, count in people.rows())
    assert parts(material(settings, made, floor=101))["picture"].figure is None


def test_every_number_tried_stands_with_what_keeps_it_from_being_taken(
    settings: Settings, made: SimpleNamespace
) -> None:
    found = parts(material(settings, made))["silhouette"]
    tried = json.loads(made.files["curves.json"])["numbers"]
    assert [row[0] for row in found.rows] == [one["number"] for one in tried] == [2, 3, 4, 5]
    assert [row[-1] == "-" for row in found.rows] == [not one["misses"] for one in tried]


def test_moves_are_those_of_the_table_and_none_below_the_floor_is_drawn(
    settings: Settings, made: SimpleNamespace
) -> None:
    run = material(settings, made)
    moved = clusters.migrations(made.files, "v2")
    found = parts(run)["migrations"]
    columns = list(found.columns)
    for source, target, people in moved.select("from_persona", "into_persona", "people").rows():
        row = next(row for row in found.rows if row[0] == source)
        assert row[columns.index(target)] == run.floor.words(people)
    assert found.figure is not None
    [flow] = found.figure.to_dict()["data"]
    assert min(flow["link"]["value"]) >= 100
    assert run.connection is not None
    run.connection.execute(
        "update scores.cluster_migrations set people = 99"
        " where people = (select min(people) from scores.cluster_migrations)"
    )
    again = parts(run)["migrations"]
    assert "< 100" in {cell for row in again.rows for cell in row}
    assert again.figure is not None
    assert len(again.figure.to_dict()["data"][0]["link"]["value"]) < len(flow["link"]["value"])


def test_without_a_model_or_a_former_one_it_says_so(settings: Settings, made: SimpleNamespace) -> None:
    run = material(settings, made)
    assert run.connection is not None
    run.connection.execute("drop table scores.cluster_migrations; delete from scores.clusters")
    found = parts(run, {"version": "gone"})
    assert {name for name, part in found.items() if part.rows} == set()
    assert all(part.words and part.figure is None for part in found.values())


def test_nothing_in_the_picture_is_one_persons_place(made: SimpleNamespace, tmp_path: Path) -> None:
    """Whoever is moved far away moves the dots by a hundredth of that."""
    far = made.crowd.with_columns(
        orders_count=pl.when(pl.int_range(pl.len()) == 0).then(60.0).otherwise("orders_count")
    )
    before, after = (
        json.loads(clusters.fit(crowd, NAMES, parameters=QUICK)["picture.json"]) for crowd in (made.crowd, far)
    )
    for one, other in zip(before["groups"], after["groups"], strict=True):
        assert len(one["dots"]) == len(other["dots"])
        assert np.abs(np.array(one["dots"]) - np.array(other["dots"])).max() < 0.2
