"""A load killed at each of its steps, by the kernel: the next one gives the state of an uninterrupted load."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingestion import group, write
from ingestion import load as loading

# a step is any of these calls, before and after; each fork takes a fresh home and kills itself one step later
KILLER = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from ingestion import load as loading, store, vault
from warehouse.settings import Settings

folder, key, namespace, stride = sys.argv[1:]
left = 0

def tick():
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

def step(function):
    def ticking(*args, **kwargs):
        tick()
        result = function(*args, **kwargs)
        tick()
        return result
    return ticking

os.fsync = step(os.fsync)
Path.replace, Path.write_text = step(Path.replace), step(Path.write_text)
store.copy, vault._create, vault._attach = step(store.copy), step(vault._create), step(vault._attach)
vault.remember = step(vault.remember)
for nth in range(1, 200, int(stride)):
    left, home = nth, Path(folder) / str(nth) / "home"
    child = os.fork()
    if child == 0:
        settings = Settings(home=home, hmac_key=key, namespace=namespace, _env_file=None)
        loading.load(settings, "shop_orders", home / "drop", "run-1", datetime(2026, 9, 1))
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if os.waitstatus_to_exitcode(status) == 0:
        print(nth)
        break
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, status
"""
STEPS = 48


def state(desk: Any) -> tuple[Any, ...]:
    folder = desk.settings.raw / "shop_orders"
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    done = sorted(path.name for path in (desk.settings.drop / "done").rglob("*.csv"))
    seen = desk.raw("shop_orders", "*", "order by all"), desk.lines("shop_orders"), desk.rejects("shop_orders")
    return *seen, desk.vault(), files, done


def fill(desk: Any, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for day in (1, 2):
        rows = [desk.order(10 * day + number) for number in range(3)] + [desk.order(11), desk.order(99, status="x")]
        desk.csv(f"orders_2026-08-0{day}.csv", "shop_orders", rows).rename(folder / f"orders_2026-08-0{day}.csv")


@pytest.mark.parametrize("stride", [11, pytest.param(1, marks=pytest.mark.slow)])
def test_a_load_killed_at_any_step_is_made_whole_by_the_next(
    desk_at: Callable[[Path], Any], tmp_path: Path, stride: int
) -> None:
    steps = range(1, STEPS + 1 + stride, stride)
    desks = {nth: desk_at(tmp_path / str(nth)) for nth in (0, *steps)}
    for desk in desks.values():
        fill(desk, desk.settings.drop)
    whole = desks[0]
    whole.load("shop_orders", whole.settings.drop)
    secrets = [whole.settings.hmac_key.get_secret_value(), whole.settings.namespace.get_secret_value()]
    command = [sys.executable, "-c", KILLER, str(tmp_path), *secrets, str(stride)]
    killed = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    assert STEPS < int(killed.stdout) <= STEPS + stride, "the load has other steps than before: change STEPS"
    for nth, desk in desks.items():
        desk.load("shop_orders", desk.settings.drop)
        assert state(desk) == state(whole), f"killed at step {nth}"


def test_before_the_manifest_nothing_is_seen_and_orphans_go(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.csv("orders_2026-08-01.csv", "shop_orders", [desk.order(1)])

    def fail(*_: object) -> None:
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr(loading.manifest, "write", fail)
        with pytest.raises(loading.LoadError, match=r"^OSError · shop_orders · allowed: enough"):
            desk.load("shop_orders")
    folder = desk.settings.raw / "shop_orders"
    assert desk.raw("shop_orders") == []
    assert len(list(folder.glob("2*/*.parquet"))) == 1
    (desk.exports / "orders_2026-08-01.csv").unlink()
    desk.load("shop_orders")
    assert list(folder.glob("2*/*.parquet")) == []


def test_what_a_killed_load_left_goes_even_when_the_next_has_nothing_to_load(desk: Any) -> None:
    folder = desk.settings.raw / "shop_orders"
    (folder / ".tmp-killed").mkdir(parents=True)
    for name in ("contract.json", "empty.parquet", "manifest.jsonl"):
        (folder / f"{name}.tmp").touch()
    desk.load("shop_orders")
    assert sorted(path.name for path in folder.iterdir()) == ["contract.json", "empty.parquet"]


def test_a_file_that_cannot_be_moved_out_of_the_drop_folder_is_told_and_moved_later(desk: Any) -> None:
    fill(desk, desk.settings.drop)
    (desk.settings.drop / "done").touch()
    outcome = desk.load("shop_orders", desk.settings.drop)
    assert outcome.rows_loaded == 6
    told = "file not moved out of drop: File exists · shop_orders, "
    assert sum(problem.startswith(told) for problem in outcome.problems) == 2
    (desk.settings.drop / "done").unlink()
    assert desk.load("shop_orders", desk.settings.drop).problems == ()
    assert [path.name for path in desk.settings.drop.iterdir()] == ["done"]


def test_rows_unaccounted_for_stop_the_load_before_anything_is_committed(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.csv("orders_2026-08-01.csv", "shop_orders", [desk.order(1), desk.order(2)])
    monkeypatch.setattr(write, "LOADED", "_reason is null and _position <> 2")
    tallies = write._tallies

    def short(*args: Any) -> dict[int, write._Tally]:
        return {number: write._Tally(kept=1) for number in tallies(*args)}

    monkeypatch.setattr(write, "_tallies", short)
    with pytest.raises(loading.BalanceError, match="2 rows in, 1 accounted for"):
        desk.load("shop_orders")
    assert desk.raw("shop_orders") == []
    assert not desk.settings.vault.exists()


def test_a_file_that_changes_while_it_is_read_waits(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
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
    told = f"file changed while it was read, left for the next load · shop_orders, {growing.name}"
    assert outcome.problems[0].startswith(told)
    assert (outcome.rows_in, desk.raw("shop_orders", "order_id")) == (1, [("o2",)])
    assert desk.load("shop_orders").rows_loaded == 2
