"""What a person types about sources: exit codes, JSON, and a draft that goes into a file."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from ingestion.load import load
from smalti.cli import app
from warehouse import lease, ledger
from warehouse.settings import Settings

HEADER = "order_id,line_number,product_id,quantity,unit_price_amount\n"
Smalti = Callable[..., Result]


@pytest.fixture
def smalti(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Smalti:
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    return lambda *arguments: CliRunner().invoke(app, ["sources", *map(str, arguments)])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "order_lines_2026-08-31.csv"
    path.write_text(f"{HEADER}o1,1,p1,2,3.50\no2,1,p1,2,3.50\n")
    return path


def test_only_a_file_that_would_load_whole_ends_with_code_0(smalti: Smalti, file: Path) -> None:
    whole = smalti("check", file)
    assert (whole.exit_code, whole.stdout.splitlines()[-1]) == (0, "would load whole")
    file.write_text(f"{HEADER}o1,1,p1,x,3.50\no2,1,p1,2,3.50\n")
    part = smalti("check", file)
    assert (part.exit_code, part.stdout.splitlines()[-1]) == (1, "would not load whole")
    assert "1 rows: quantity: not an integer · positions 1 · ingestion/sources/shop_order_lines.py:" in part.stdout
    found = json.loads(smalti("check", file, "--json").stdout)
    assert (found["rows_loaded"], found["rows_rejected"], found["loads_whole"]) == (1, 1, False)


def test_a_file_that_no_source_knows_is_one_clear_line_and_can_be_drafted(smalti: Smalti, file: Path) -> None:
    unknown = file.rename(file.with_name("lines_2026-08-31.csv"))
    result = smalti("check", unknown)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: no source claims lines_2026-08-31.csv; allowed: --source NAME")
    draft = smalti("check", unknown, "--draft")
    assert draft.exit_code == 0
    assert 'source="lines"' in draft.stdout


def test_rejects_of_no_load_are_none_and_of_no_source_an_error(smalti: Smalti) -> None:
    assert smalti("rejects").stdout == "no rejected row\n"
    assert json.loads(smalti("rejects", "--json").stdout) == []
    assert "no source 'orders'; there are:" in smalti("rejects", "orders").stderr


def test_a_replay_that_needs_a_file_asks_for_it_and_stands_in_the_ledger(
    smalti: Smalti, settings: Settings, file: Path
) -> None:
    file.write_text(f"{HEADER}o1,1,p1,x,3.50\no2,1,p1,2,3.50\n")
    load(settings, "shop_order_lines", file.parent, "run-1", datetime(2026, 9, 1))
    asked = smalti("replay", "shop_order_lines")
    assert asked.exit_code == 1
    assert (
        "1 rejected rows not tried · shop_order_lines, order_lines_2026-08-31.csv · the file is not kept"
        in asked.stdout
    )
    tried = smalti("replay", "shop_order_lines", "--data", file.parent)
    assert (tried.exit_code, tried.stdout) == (
        0,
        "shop_order_lines: 1 rejected rows tried: 0 loaded, 0 duplicates, 1 still rejected\n",
    )
    rows = ledger.stages(settings.ledger, stage="replay_raw")
    assert [(row["source"], row["rows_in"], row["rows_rejected"], row["status"]) for row in rows] == [
        ("shop_order_lines", 0, 0, "problem"),
        ("shop_order_lines", 1, 1, "ok"),
    ]


def test_a_replay_keeps_out_of_a_run(smalti: Smalti, settings: Settings) -> None:
    lease.take(settings.ledger, "run-1", datetime.now(UTC).replace(tzinfo=None), yields=False)
    result = smalti("replay", "shop_orders")
    assert result.exit_code == 1
    assert "busy: run run-1 holds the warehouse" in result.stderr
    assert "no source 'orders'" in smalti("replay", "orders").stderr
