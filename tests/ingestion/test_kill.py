"""A load killed at any of its steps, by the kernel: the next one gives the state of an uninterrupted load."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# a step is any of these calls; the process kills itself at the nth, before or after doing it
CHILD = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
import duckdb
from ingestion import load as loading, store, vault
from warehouse.settings import Settings

home, exports, nth, key, namespace, source = sys.argv[1:]
left = int(nth)

def step(function):
    def counted(*args, **kwargs):
        global left
        for _ in (0, 1):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            if _ == 0:
                result = function(*args, **kwargs)
        return result
    return counted

os.replace, os.fsync = step(os.replace), step(os.fsync)
Path.replace, Path.unlink, Path.write_text = step(Path.replace), step(Path.unlink), step(Path.write_text)
store.copy, vault._create, vault._attach, vault.remember = map(step, (store.copy, vault._create, vault._attach, vault.remember))
folder = Path(home) / "drop" if exports == "drop" else Path(exports)
settings = Settings(home=home, hmac_key=key, namespace=namespace, _env_file=None)
loading.load(settings, source, folder, "run-1", datetime(2026, 9, 1))
print("whole")
"""


def attempt(desk: Any, nth: int, exports: str) -> bool:
    """Load in a process that dies at its nth step; whether it lived to its end."""
    secrets = [desk.settings.hmac_key.get_secret_value(), desk.settings.namespace.get_secret_value()]
    command = [sys.executable, "-c", CHILD, str(desk.settings.home), exports, str(nth), *secrets, "shop_orders"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, -9), done.stderr
    return done.stdout == "whole\n"


def state(desk: Any) -> tuple[Any, ...]:
    folder = desk.settings.raw / "shop_orders"
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return desk.raw("shop_orders", "*", "order by all"), desk.lines("shop_orders"), desk.vault(), desk.rejects("shop_orders"), files


def fill(desk: Any, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for day in (1, 2):
        rows = [desk.order(10 * day + number) for number in range(3)] + [desk.order(11), desk.order(99, status="x")]
        desk.csv(f"orders_2026-08-0{day}.csv", "shop_orders", rows).rename(folder / f"orders_2026-08-0{day}.csv")


@pytest.mark.parametrize("nth", range(1, 26, 3))
def test_a_load_killed_at_a_step_is_made_whole_by_the_next(
    desk: Any, desk_at: Callable[[Path], Any], tmp_path: Path, nth: int
) -> None:
    fill(desk, desk.settings.drop)
    whole = desk_at(tmp_path / "whole")
    fill(whole, whole.settings.drop)
    whole.load("shop_orders", whole.settings.drop)
    attempt(desk, nth, "drop")
    outcome = desk.load("shop_orders", desk.settings.drop)
    assert state(desk) == state(whole)
    assert outcome.files_new + outcome.files_known <= 2
    assert sorted(path.name for path in (desk.settings.drop / "done/shop_orders").iterdir()) == [
        "orders_2026-08-01.csv",
        "orders_2026-08-02.csv",
    ]


def test_before_the_manifest_nothing_is_seen_and_orphans_go(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from ingestion import load as loading  # noqa: PLC0415

    desk.csv("orders_2026-08-01.csv", "shop_orders", [desk.order(1)])

    def fail(*_: object) -> None:
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr(loading.manifest, "write", fail)
        with pytest.raises(OSError, match="^$"):
            desk.load("shop_orders")
    folder = desk.settings.raw / "shop_orders"
    assert desk.raw("shop_orders") == []
    assert len(list(folder.glob("2*/*.parquet"))) == 1
    (desk.exports / "orders_2026-08-01.csv").unlink()
    desk.load("shop_orders")
    assert list(folder.glob("2*/*.parquet")) == []


def test_rows_unaccounted_for_stop_the_load_before_anything_is_committed(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ingestion import group, load  # noqa: PLC0415

    desk.csv("orders_2026-08-01.csv", "shop_orders", [desk.order(1), desk.order(2)])
    monkeypatch.setattr(group, "_LOADED", "_reason is null and _position <> 2")
    tallies = group._tallies

    def short(*args: Any) -> dict[int, group._Tally]:
        return {number: group._Tally(1, 0, 0, *([None] * 3)) for number in tallies(*args)}

    monkeypatch.setattr(group, "_tallies", short)
    with pytest.raises(load.BalanceError, match="2 rows in, 1 accounted for"):
        desk.load("shop_orders")
    assert desk.raw("shop_orders") == []
    assert not desk.settings.vault.exists()


def test_a_file_that_changes_while_it_is_read_waits(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from ingestion import group  # noqa: PLC0415

    growing = desk.csv("orders_2026-08-01.csv", "shop_orders", [desk.order(1)])
    desk.csv("orders_2026-08-02.csv", "shop_orders", [desk.order(2)])
    read = group.read

    def while_growing(*args: Any) -> Any:
        result = read(*args)
        desk.csv("orders_2026-08-01.csv", "shop_orders", [desk.order(1), desk.order(3)])
        return result

    with monkeypatch.context() as patch:
        patch.setattr(group, "read", while_growing)
        outcome = desk.load("shop_orders")
    assert outcome.problems[0].startswith(f"file changed while it was read, left for the next load · shop_orders, {growing.name}")
    assert (outcome.rows_in, desk.raw("shop_orders", "order_id")) == (1, [("o2",)])
    assert desk.load("shop_orders").rows_loaded == 2
