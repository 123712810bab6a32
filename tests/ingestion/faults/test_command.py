"""A command that writes raw data on a full disk: one clean line, exit code 1, and all is well once there is room."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.ingestion.faults.preload import Fault, compiled, environment

CHECKOUT = Path(__file__).resolve().parents[3]


def replay(desk: Any, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("smalti"), "sources", "replay", "shop_orders", "--json"]
    variables = variables | desk.settings.environment()
    return subprocess.run(command, cwd=CHECKOUT, env=variables, capture_output=True, text=True, check=False, timeout=60)


def test_a_replay_on_a_full_disk_ends_with_one_line_and_can_be_repeated(desk: Any, tmp_path: Path) -> None:
    desk.csv("orders_2026-08-01.csv", "shop_orders", [desk.order(1), desk.order(2, status="x")])
    desk.load("shop_orders")
    before = desk.lines("shop_orders")
    variables = environment(compiled(tmp_path))
    failed = replay(desk, variables | {"SMALTI_FAULTS": f"{desk.settings.raw}:1:{int(Fault.FULL_ON)}"})
    assert failed.returncode == 1, failed.stdout + failed.stderr
    assert failed.stderr.startswith("error: No space left on device · shop_orders · allowed: enough")
    assert failed.stderr.count("\n") == 1
    assert desk.lines("shop_orders") == before
    assert len(desk.raw("shop_orders")) == 1
    assert json.loads(replay(desk, variables).stdout)["rows_untried"] == 1
    assert desk.lines("shop_orders") == before
