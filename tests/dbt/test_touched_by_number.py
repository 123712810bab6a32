"""What a run keeps of each person is counted by number, and is what the plain SQL comes to."""

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from benchmarks import events
from benchmarks.peers import smalti_own, subset
from benchmarks.segments import settings_of, statements
from warehouse import dbt
from warehouse.settings import Settings
from warehouse.sql import literal

pytestmark = pytest.mark.xdist_group("dbt")

ARGUMENTS = dbt.arguments
MODELS = ("customer_activity", "event_anomalies", "event_blocks", "event_interests", "sessions")


@pytest.fixture(scope="module", params=["at once", "in slices"])
def built(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[tuple[Settings, dict[str, list[str]]]]:
    """A shop whose people dbt counted in a full run, and what dbt sent."""
    folder = tmp_path_factory.mktemp("touched")
    path = folder / "events.parquet"
    duckdb.sql(f"copy ({events.delivered(20_000, days=subset.DAYS)}) to {literal(path)} (format parquet)")
    settings = settings_of(folder / "home")
    smalti_own.open_run(settings, path, folder)
    with pytest.MonkeyPatch.context() as patched:
        if request.param == "in slices":
            patched.setattr(dbt, "arguments", _with_heavy_events)
        yield settings, statements(settings, *(f"+{name}" for name in MODELS))


def _with_heavy_events(*given: Path) -> list[str]:
    """As if 20,000 events needed three times the memory that there is."""
    options = ARGUMENTS(*given)
    variables = json.loads(options[-1])
    return [*options[:-1], json.dumps(variables | {"bytes_an_event": 2.5 * 6e9 / 20_000})]


def _rows(settings: Settings, relation: str, columns: str) -> list[tuple[object, ...]]:
    with duckdb.connect(settings.working, read_only=True) as work:
        work.execute("set TimeZone = 'UTC'")
        return work.execute(f"select {columns} from {relation} order by all").fetchall()


@pytest.mark.parametrize("name", MODELS)
def test_by_number_and_by_id_come_to_the_same(
    built: tuple[Settings, dict[str, list[str]]], name: str, request: pytest.FixtureRequest
) -> None:
    settings, sent = built
    inserted = "".join(sent[name]).count("insert into")
    assert "customer_number" in "".join(sent[name])
    assert inserted == (1 if request.node.callspec.params["built"] == "at once" else 3)
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
