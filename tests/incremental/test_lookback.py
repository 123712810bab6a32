"""What the models learn from: features of a moment are the same from data cut at it and from all that came later."""

import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from ingestion import load, source
from tests.incremental.exports import Delivery, delivered
from tests.incremental.histories import MOMENTS, generate
from tests.incremental.warehouse import SETTINGS
from warehouse import cutoffs, dbt, lookback, manifest, past, run
from warehouse.settings import Settings

pytestmark = pytest.mark.timeout(600)
LAST = MOMENTS[-1]
CLOSED = cutoffs.closed(LAST, datetime.fromisoformat("2026-01-01"))


@dataclass(frozen=True)
class Files:
    """Generated histories as a shop would export them, each file once, as it was in the end."""

    data: Path

    def upto(self, moment: datetime, folder: Path) -> Path:
        """A folder with what had arrived by then."""
        for path in self.data.rglob("*.*"):
            arrived = source.load_source(path.parent.name).arrived_at(path.name)
            assert arrived
            if arrived <= moment:
                (folder / path.parent.name).mkdir(parents=True, exist_ok=True)
                shutil.copy(path, folder / path.parent.name / path.name)
        return folder


def loaded(home: Path, data: Path) -> Settings:
    settings = SETTINGS.model_copy(update={"home": home})
    for name in source.names():
        assert load.load(settings, name, data, "run", LAST).problems == ()
    return settings


@pytest.fixture(scope="module")
def delivery() -> Delivery:
    return delivered(generate(80, 11), 11)


@pytest.fixture(scope="module")
def files(delivery: Delivery, tmp_path_factory: pytest.TempPathFactory) -> Files:
    made = Files(tmp_path_factory.mktemp("files"))
    delivery.write(made.data, sorted(delivery.folders))
    return made


@pytest.fixture(scope="module")
def full(files: Files, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """All of the history, looked back upon from its end."""
    settings = loaded(tmp_path_factory.mktemp("full"), files.data)
    run.open_run(settings, "run", LAST)
    lookback.backfill(settings, LAST)
    return settings


def features(path: Path) -> pl.DataFrame:
    return pl.read_parquet(path).sort("customer_id", *(["category"] if path.stem == "category_features" else []))


def built(settings: Settings, moment: datetime) -> dict[str, pl.DataFrame]:
    """Features as a run of that moment makes them, by dbt itself, by model."""
    run.open_run(settings, "then", moment)
    dbt.build(settings, ["seeds", "staging", "input", "identity", "profiles", "features"], data_tests=False)
    with run.working(settings, read_only=True) as connection:
        return {
            model: connection.execute(f"from features.{model} order by {order}").pl()
            for model, order in past.MODELS.items()
        }


@pytest.mark.parametrize("back", [-1, -3])
def test_features_of_a_moment_are_those_of_data_cut_at_it(
    files: Files, full: Settings, back: int, tmp_path: Path
) -> None:
    moment = CLOSED[back]
    [path] = full.past.glob(f"{moment:%Y-%m-%d}-*/customer_features.parquet")
    then = loaded(tmp_path / "home", files.upto(moment, tmp_path / "exports"))
    every = built(then, moment)
    pairs, expected = every["category_features"], every["customer_features"]
    assert pairs.height > 40
    assert pairs["category_views_28d_count"].sum() > 20
    assert features(path.with_stem("category_features")).equals(pairs)
    assert expected.height > 40
    assert expected["orders_count"].sum() > 20
    assert expected["product_views_28d_count"].sum() > 20
    assert features(path).equals(expected.select(features(path).columns))


def test_what_came_later_would_have_changed_them(full: Settings) -> None:
    """Who was who and which orders stood is known otherwise at the end: the equality does not come cheap."""
    moment = CLOSED[-1]
    [path] = full.past.glob(f"{moment:%Y-%m-%d}-*/customer_features.parquet")
    was = features(path)
    dbt.build(full, ["seeds", "staging", "input", "identity", "profiles"], data_tests=False)
    with run.working(full, read_only=True) as connection:
        now = connection.execute("select distinct customer_id from identity.customer_ids").pl()
        query = "select count(*) filter (is_revenue) from identity.customer_orders where ordered_at <= ?"
        [(completed,)] = connection.execute(query, [moment]).fetchall()
    assert was.join(now, on="customer_id", how="anti").height > 0  # merged since
    assert completed != was["orders_count"].sum()


def test_a_cutoff_is_built_once_and_again_when_something_of_it_is_known_otherwise(full: Settings) -> None:
    kept = len(list(full.past.iterdir()))
    assert lookback.backfill(full, LAST) == lookback.Made(0, kept)
    folder = full.raw / "web_events"
    lines = manifest.read(folder)
    oldest = min(lines, key=lambda line: str(line.arrived_at))
    manifest.write(folder, [line for line in lines if line != oldest])
    assert lookback.backfill(full, LAST).built == kept
    newest = max(lines, key=lambda line: str(line.arrived_at))
    manifest.write(folder, [line for line in manifest.read(folder) if line != newest])
    assert lookback.backfill(full, LAST) == lookback.Made(0, kept)
    assert not list((full.home / "aside").iterdir())


def test_a_lookback_that_cuts_too_late_is_noticed(
    files: Files, full: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fault: a moment is built as of three days later, late rows and corrections of these days with it."""
    moment, build = CLOSED[-1], lookback._build
    [path] = full.past.glob(f"{moment:%Y-%m-%d}-*/customer_features.parquet")
    late = timedelta(days=3)
    monkeypatch.setattr(lookback, "_build", lambda home, file, at, models: build(home, file, at + late, models))
    monkeypatch.setattr(cutoffs, "closed", lambda *_: [moment])
    settings = loaded(tmp_path / "home", files.data)
    run.open_run(settings, "run", LAST)
    lookback.backfill(settings, LAST)
    [leaking] = settings.past.glob(f"{moment:%Y-%m-%d}-*/customer_features.parquet")
    of_the_moment, counted = features(path), ["orders_count", "product_views_28d_count"]
    assert features(leaking)[counted].sum().rows() != of_the_moment[counted].sum().rows()
    pairs, of_then = (
        features(one.with_stem("category_features"))["category_views_28d_count"] for one in (leaking, path)
    )
    assert pairs.sum() != of_then.sum()
