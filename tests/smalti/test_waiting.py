"""A file that waits is told by its run and is no error."""

import gzip
from datetime import UTC, datetime

import pytest

from smalti import progress, stages
from warehouse import ledger
from warehouse.settings import Settings


def test_a_file_that_waits_is_told_and_raises_no_alarm(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    settings.drop.mkdir(parents=True)
    path = settings.drop / "orders_2026-08-31.csv.gz"
    path.write_bytes(gzip.compress(b"order_id")[:-3])
    seen_at = datetime.fromtimestamp(path.stat().st_mtime + 60, UTC).replace(tzinfo=None)
    monkeypatch.setattr(stages, "_now", lambda: seen_at)
    stages.load_raw(stages.Run("run-1", None, None), "shop_orders")
    [row] = ledger.stages(settings.ledger)
    assert (row["status"], row["rows_in"]) == ("none", 0)
    assert progress._told(row).startswith("file waits · shop_orders, orders_2026-08-31.csv.gz · gzip stream cut off")
    assert not (settings.logs / "alerts.jsonl").exists()
