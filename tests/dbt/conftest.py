"""The dbt project built once on sources without a row, for all tests of this folder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pydantic import SecretStr

from ingestion import source
from warehouse import dbt, manifest, run
from warehouse.settings import Settings

PHASES = (("seeds", "staging", "input", "identity", "profiles", "features"), ("segments", "memberships", "activation"))


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, so that a misspelt one is an error."""
    config.addinivalue_line("markers", "slow: needs several starts of dbt; `pytest -m slow tests/dbt`")


@dataclass(frozen=True)
class Built:
    """A finished build: where, what dbt knows of the project, and the status of each of its nodes."""

    settings: Settings
    nodes: dict[str, dict[str, Any]]
    unit_tests: dict[str, dict[str, Any]]
    statuses: dict[str, str]

    def models(self) -> dict[str, dict[str, Any]]:
        """The project's models by name."""
        return {node["name"]: node for node in self.nodes.values() if node["resource_type"] == "model"}

    def data_tests(self) -> list[dict[str, Any]]:
        """The project's data tests."""
        return [node for node in self.nodes.values() if node["resource_type"] == "test"]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Both phases with data tests and unit tests; a failure of any node fails the fixture by its name."""
    settings = Settings(
        home=tmp_path_factory.mktemp("home"),
        hmac_key=SecretStr("ab" * 32),
        namespace=SecretStr("6f3c1a52-6f0e-4d5e-9d54-2f6d8f2b7a10"),
    )
    for name in source.names():
        _without_rows(settings.raw / name, name)
    run.open_run(settings, "empty", None)
    statuses = _build(settings, PHASES[0])
    run.bind_scores(settings, "empty")
    statuses |= _build(settings, PHASES[1])
    project = json.loads((settings.home / "dbt" / "manifest.json").read_text())
    return Built(settings, project["nodes"], project["unit_tests"], statuses)


def _without_rows(folder: Path, name: str) -> None:
    contract = source.load_source(name).contract
    contract.write(folder)
    columns = ", ".join(f'cast(null as {kind}) as "{column}"' for column, kind in contract.raw_columns().items())
    duckdb.sql(f"copy (select {columns} where false) to '{folder / 'empty.parquet'}' (format parquet)")
    # a run opens only where a row was loaded; its Parquet is gone, as after an erasure
    line = manifest.Line(
        file="gone.csv", sha256="0" * 64, bytes=1, status="loaded", run_id="empty", batch=1,
        rows_in=1, rows_loaded=1, arrived_at="2026-08-31T00:00:00",
    )  # fmt: skip
    manifest.write(folder, [line])


def _build(settings: Settings, folders: tuple[str, ...]) -> dict[str, str]:
    dbt.build(settings, folders, unit_tests=True)
    results = json.loads((settings.home / "dbt" / "run_results.json").read_text())["results"]
    return {result["unique_id"]: result["status"] for result in results}
