"""Scoring as a run sees it: files in, files out, the same every time."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import duckdb
import polars as pl
import pytest

from models_ml import artifacts
from models_ml.features import NoFeatures
from models_ml.score import Report
from models_ml.score import score as apply
from models_ml.train import train
from warehouse.settings import Settings


def score(settings: Settings, run_id: str, as_of: datetime) -> Report:
    """A night: train what is due, then let the champions score."""
    train(settings, run_id, as_of, is_asked=False)
    return apply(settings, run_id, as_of)


PROPENSITY = ["VARCHAR", "VARCHAR", "DOUBLE", "VARCHAR", "VARCHAR", "TIMESTAMP", "VARCHAR[]", "DOUBLE"]
LIFETIME = ["VARCHAR", "VARCHAR", *["DOUBLE"] * 5, "INTEGER", "VARCHAR", "TIMESTAMP"]
CLUSTERS = ["VARCHAR", "INTEGER", "VARCHAR", "VARCHAR"]
MIGRATIONS = ["INTEGER", "VARCHAR", "INTEGER", "VARCHAR", "BIGINT", "DOUBLE", "VARCHAR", "VARCHAR"]


@pytest.fixture(scope="module")
def first(shop: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    home = tmp_path_factory.mktemp("home")
    return home, score(shop.store(home, "first", shop.features()), "first", shop.as_of)


@pytest.fixture(scope="module")
def home(first: tuple[Path, Report]) -> Path:
    return first[0]


@pytest.fixture(scope="module")
def report(first: tuple[Path, Report]) -> Report:
    return first[1]


def types(path: Path) -> list[str]:
    return [str(row[1]) for row in duckdb.sql(f"describe select * from '{path}'").fetchall()]


def sums(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "registry.sqlite")
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_everybody_to_score_gets_a_probability_and_a_cluster(shop: SimpleNamespace, home: Path, report: Report) -> None:
    wanted = shop.features().filter("is_scored")["customer_id"].sort().to_list()
    for table in ("propensity", "clusters"):
        assert pl.read_parquet(home / "scores/first" / f"{table}.parquet")["customer_id"].to_list() == wanted
    buyers = shop.features().filter("is_scored", pl.col("order_days_count") > 0)["customer_id"].sort().to_list()
    assert pl.read_parquet(home / "scores/first/lifetime.parquet")["customer_id"].to_list() == buyers
    assert report.models["purchase"].rows == report.models["clusters"].rows == len(wanted)


def test_the_report_beside_the_scores_is_the_one_returned(home: Path, report: Report) -> None:
    assert json.loads((home / "scores/first/report.json").read_text()) == json.loads(report.to_json())


def test_columns_have_their_types(home: Path) -> None:
    assert types(home / "scores/first/propensity.parquet") == PROPENSITY
    assert types(home / "scores/first/clusters.parquet") == CLUSTERS
    assert types(home / "scores/first/lifetime.parquet") == LIFETIME
    assert types(home / "scores/first/cluster_migrations.parquet") == MIGRATIONS


def test_too_little_data_gives_zero_rows_of_the_same_types_and_says_why(shop: SimpleNamespace, tmp_path: Path) -> None:
    made = score(shop.store(tmp_path, "r", shop.features(customers=60)), "r", shop.as_of)
    assert types(tmp_path / "scores/r/propensity.parquet") == PROPENSITY
    assert types(tmp_path / "scores/r/clusters.parquet") == CLUSTERS
    assert types(tmp_path / "scores/r/lifetime.parquet") == LIFETIME
    assert types(tmp_path / "scores/r/cluster_migrations.parquet") == MIGRATIONS
    assert pl.read_parquet(tmp_path / "scores/r/propensity.parquet").height == 0
    purchase = made.models["purchase"]
    assert purchase.status == "too_little_data"
    assert purchase.reason is not None
    assert purchase.reason.startswith("180 rows, ")
    assert purchase.reason.endswith("at least 500 and 50 are needed")
    assert made.models["clusters"].reason == "60 rows to group; at least 500 are needed"


def test_features_without_a_single_row_are_too_little_data_not_an_error(shop: SimpleNamespace, tmp_path: Path) -> None:
    made = score(shop.store(tmp_path, "r", shop.features().clear()), "r", shop.as_of)
    assert {model.status for model in made.models.values()} == {"too_little_data"}


def test_the_same_features_in_any_order_and_another_home_give_the_same_bytes(
    shop: SimpleNamespace, home: Path, tmp_path: Path
) -> None:
    shuffled = shop.features().sample(fraction=1.0, shuffle=True, seed=3)
    score(shop.store(tmp_path, "first", shuffled.select(sorted(shuffled.columns))), "first", shop.as_of)
    assert sums(tmp_path / "scores/first") == sums(home / "scores/first")
    assert sums(tmp_path / "models") == sums(home / "models")


def test_other_ids_change_neither_models_nor_scores(shop: SimpleNamespace, home: Path, tmp_path: Path) -> None:
    """People of past moments are called otherwise after a rotation of the key."""
    renamed = shop.features().with_columns(
        customer_id=pl.when("is_scored").then("customer_id").otherwise(pl.col("customer_id").str.reverse())
    )
    score(shop.store(tmp_path, "first", renamed), "first", shop.as_of)
    assert sums(tmp_path / "scores/first") == sums(home / "scores/first")
    assert sums(tmp_path / "models") == sums(home / "models")


def test_other_features_give_another_version(shop: SimpleNamespace, report: Report, tmp_path: Path) -> None:
    changed = shop.features().with_columns(pl.col("orders_count", "order_days_count") + 1)
    other = score(shop.store(tmp_path, "first", changed), "first", shop.as_of)
    for name in ("purchase", "clusters"):
        assert other.models[name].version != report.models[name].version


def test_a_present_version_is_not_written_again(shop: SimpleNamespace, home: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (home / "models").rglob("*")}
    score(shop.store(home, "second", shop.features()), "second", shop.as_of)
    assert {path: path.stat().st_mtime_ns for path in (home / "models").rglob("*")} == before


def test_a_run_repeated_with_corrected_features_replaces_its_scores(shop: SimpleNamespace, tmp_path: Path) -> None:
    score(shop.store(tmp_path, "r", shop.features()), "r", shop.as_of)
    score(shop.store(tmp_path, "r", shop.features(customers=60)), "r", shop.as_of)
    assert pl.read_parquet(tmp_path / "scores/r/propensity.parquet").height == 60
    assert sorted(path.name for path in (tmp_path / "scores").iterdir()) == ["r"]


def test_what_a_killed_run_left_behind_is_in_nobodys_way(
    shop: SimpleNamespace, home: Path, report: Report, tmp_path: Path
) -> None:
    for leftover in (tmp_path / "scores/.first.new", tmp_path / "scores/.first.old"):
        leftover.mkdir(parents=True)
        (leftover / "propensity.parquet").write_bytes(b"half")
    half = tmp_path / "models/purchase" / f".{report.models['purchase'].version}.new"
    half.mkdir(parents=True)
    (half / "model.txt").write_bytes(b"half")
    score(shop.store(tmp_path, "first", shop.features()), "first", shop.as_of)
    assert sums(tmp_path / "scores/first") == sums(home / "scores/first")
    assert sums(tmp_path / "models") == sums(home / "models")
    assert [path.name for path in (tmp_path / "scores").iterdir()] == ["first"]


def test_a_tampered_model_is_refused_and_no_scores_are_written(shop: SimpleNamespace, tmp_path: Path) -> None:
    made = score(shop.store(tmp_path, "good", shop.features()), "good", shop.as_of)
    model = tmp_path / "models/purchase" / str(made.models["purchase"].version) / "model.txt"
    model.write_bytes(model.read_bytes().replace(b"shrinkage=0.05", b"shrinkage=0.95", 1))
    with pytest.raises(artifacts.Tampered, match=r"do not match signature\.json"):
        score(shop.store(tmp_path, "bad", shop.features()), "bad", shop.as_of)
    assert not (tmp_path / "scores/bad").exists()


def test_as_of_with_an_offset_is_the_same_instant(shop: SimpleNamespace, tmp_path: Path, report: Report) -> None:
    aware = score(shop.store(tmp_path, "first", shop.features()), "first", shop.as_of.replace(tzinfo=UTC))
    assert aware == report


def test_rows_to_score_of_another_cutoff_are_refused(shop: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="another cut-off than as_of"):
        score(shop.store(tmp_path, "r", shop.features()), "r", shop.as_of + timedelta(days=1))


def test_a_label_whose_fortnight_is_not_over_is_refused(shop: SimpleNamespace, tmp_path: Path) -> None:
    late = shop.features().with_columns(
        pl.when(~pl.col("is_scored"))
        .then(pl.col("cutoff_at") + timedelta(days=1))
        .otherwise("cutoff_at")
        .alias("cutoff_at")
    )
    with pytest.raises(ValueError, match="no later than 2026-08-17"):
        score(shop.store(tmp_path, "r", late), "r", shop.as_of)


def test_a_missing_column_is_named(shop: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'is_scored' is missing"):
        score(shop.store(tmp_path, "r", shop.features().drop("is_scored")), "r", shop.as_of)


def test_missing_features_are_an_error_that_says_where(shop: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(NoFeatures, match="no features at"):
        score(shop.settings(tmp_path), "r", shop.as_of)


def test_cards_hold_the_metrics_for_machines_and_for_readers(home: Path, report: Report) -> None:
    for name, headline in (("purchase", "roc_auc"), ("clusters", "silhouette")):
        folder = home / "models" / name / str(report.models[name].version)
        assert json.loads((folder / "card.json").read_text())["metrics"] == report.models[name].metrics
        text = (folder / "card.md").read_text()
        assert headline in text
        assert "## Limits" in text


def test_no_customer_stands_in_a_model_or_a_report(home: Path) -> None:
    files = [*(home / "models").rglob("*.*"), home / "scores/first/report.json"]
    assert not [path for path in files if b"00000000-0000-5000" in path.read_bytes()]
