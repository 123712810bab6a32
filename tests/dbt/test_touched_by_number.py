"""What a run keeps of each person is counted by number, and is what the plain SQL comes to."""

import json

import duckdb
import pytest

from benchmarks import events
from benchmarks.peers import smalti_own, subset
from benchmarks.segments import settings_of, statements
from warehouse.settings import Settings
from warehouse.sql import literal

pytestmark = pytest.mark.xdist_group("dbt")

MODELS = ("customer_activity", "event_anomalies", "event_blocks", "event_interests", "sessions")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, dict[str, list[str]]]:
    """A shop whose people dbt counted in a full run, and what dbt sent."""
    folder = tmp_path_factory.mktemp("touched")
    path = folder / "events.parquet"
    duckdb.sql(f"copy ({events.delivered(20_000, days=subset.DAYS)}) to {literal(path)} (format parquet)")
    settings = settings_of(folder / "home")
    smalti_own.open_run(settings, path, folder)
    return settings, statements(settings, *(f"+{name}" for name in MODELS))


def _rows(settings: Settings, relation: str, columns: str) -> list[tuple[object, ...]]:
    with duckdb.connect(settings.working, read_only=True) as work:
        work.execute("set TimeZone = 'UTC'")
        return work.execute(f"select {columns} from {relation} order by all").fetchall()


@pytest.mark.parametrize("name", MODELS)
def test_by_number_and_by_id_come_to_the_same(built: tuple[Settings, dict[str, list[str]]], name: str) -> None:
    settings, sent = built
    assert "customer_number" in "".join(sent[name])
    nodes = json.loads((settings.home / "dbt" / "manifest.json").read_text())["nodes"]
    node = nodes[f"model.smalti.{name}"]
    results = json.loads((settings.home / "dbt" / "run_results.json").read_text())["results"]
    [sql] = [one["compiled_code"] for one in results if one["unique_id"] == node["unique_id"]]
    # the last bits of a sum depend on the order of its rows
    columns = ", ".join(
        f"round({column}, 9)" if known["data_type"] == "double" else column for column, known in node["columns"].items()
    )
    kept = _rows(settings, f"{node['schema']}.{name}", columns)
    assert kept == _rows(settings, f"({sql})", columns)
    assert len(kept) > 100 or name == "event_anomalies"
