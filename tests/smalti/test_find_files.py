"""Sources with a file have a task of their own; the others are looked through together, and the ledger tells of all."""

import pytest

from ingestion import source
from smalti import stages
from warehouse import ledger
from warehouse.settings import Settings

RUN = stages.Run("run-1", None, None)


@pytest.fixture(autouse=True)
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)


def _looked_through(settings: Settings) -> dict[str, str]:
    rows = ledger.stages(settings.ledger)
    assert {row["stage"] for row in rows} == {"load_raw"}
    return {row["source"]: row["status"] for row in rows}


def test_a_source_with_a_file_is_left_to_its_own_task(settings: Settings) -> None:
    settings.drop.mkdir(parents=True)
    (settings.drop / "orders_2026-08-31.csv").write_text("order_id\n")
    assert stages.find_files(RUN) == ["shop_orders"]
    assert _looked_through(settings) == dict.fromkeys(set(source.names()) - {"shop_orders"}, "none")
    assert all((settings.raw / name / "contract.json").exists() for name in _looked_through(settings))


def test_without_any_file_one_source_is_left_so_that_what_follows_is_not_skipped(settings: Settings) -> None:
    [left] = stages.find_files(RUN)
    assert set(_looked_through(settings)) == set(source.names()) - {left}
