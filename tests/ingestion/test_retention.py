"""Rows go at the second at which their days are over, stay gone, and nothing younger is touched."""

import os
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingestion import retention
from ingestion.source import load_source
from warehouse import manifest, run

DAYS = timedelta(days=load_source("shop_orders").contract.retention_days)
FIRST = datetime(2026, 8, 2)  # when the file of the first of August arrived: at the end of its day
SECOND = timedelta(seconds=1)


def fill(desk: Any) -> None:
    for day in (1, 2, 3):
        rows = [desk.order(10 * day + number) for number in range(3)] + [desk.order(90 + day, status="x")]
        desk.csv(f"orders_2026-08-0{day}.csv", "shop_orders", rows).rename(
            desk.settings.drop / f"orders_2026-08-0{day}.csv"
        )
    desk.load("shop_orders", desk.settings.drop)


def filled(desk: Any) -> Any:
    desk.settings.drop.mkdir(parents=True)
    fill(desk)
    return desk


def apply(desk: Any, at: datetime, *, dry_run: bool = False) -> retention.Outcome:
    return retention.remove(desk.settings, at, dry_run=dry_run)


def state(desk: Any) -> tuple[Any, ...]:
    folder = desk.settings.raw / "shop_orders"
    files = sorted(str(path.relative_to(desk.settings.home)) for path in desk.settings.home.rglob("*"))
    rows = desk.raw("shop_orders", "order_id, _arrived_at", "order by all")
    return rows, desk.rejects("shop_orders"), desk.vault(), manifest.read(folder), files


def test_a_row_stays_to_the_last_second_of_its_days_and_then_goes(desk: Any) -> None:
    filled(desk)
    before = state(desk)
    assert apply(desk, FIRST + DAYS - SECOND).removals == ()
    assert state(desk) == before
    [removal] = apply(desk, FIRST + DAYS).removals
    assert (removal.source, removal.until) == ("shop_orders", FIRST)
    assert (removal.rows, removal.rejects, removal.files) == (3, 1, 1)
    rows, rejects, vault, lines, files = state(desk)
    assert rows == before[0][3:]
    assert [row[0] for row in rejects] == ["orders_2026-08-02.csv", "orders_2026-08-03.csv"]
    assert sorted(row[2] for row in vault) == [f"person{n}@example.com" for n in (20, 21, 22, 30, 31, 32)]
    assert [(line.rows_loaded, line.rows_expired, line.expired_by) for line in lines] == [
        (3, 3, 2),
        (3, 0, None),
        (3, 0, None),
    ]
    assert [name for name in files if "2026-08-01" in name] == []


def test_what_is_removed_is_in_no_byte(desk: Any) -> None:
    filled(desk)
    apply(desk, FIRST + DAYS)
    held = b"".join(path.read_bytes() for path in desk.settings.home.rglob("*") if path.is_file())
    assert b"person12@" not in held
    assert b"person22@" in held


def test_events_of_a_backfill_go_by_their_own_second(desk: Any) -> None:
    contract = load_source("online_retail").contract
    moments = ["2010-12-01 08:26:00", "2010-12-01 08:27:00", "2011-12-01 08:26:00"]
    rows = [[str(n), "1", "thing", "1", at, "1", "7", "France"] for n, at in enumerate(moments)]
    desk.csv("2010-12-01.csv", "online_retail", rows)
    assert desk.load("online_retail").rows_loaded == 3
    days = timedelta(days=contract.retention_days)
    [removal] = apply(desk, datetime(2010, 12, 1, 8, 26) + days).removals
    assert removal.rows == 1
    assert len(desk.raw("online_retail")) == 2


def test_a_plan_tells_the_same_and_changes_nothing(desk: Any) -> None:
    filled(desk)
    before = {path: path.read_bytes() for path in desk.settings.home.rglob("*") if path.is_file()}
    planned = apply(desk, FIRST + DAYS, dry_run=True)
    assert {path: path.read_bytes() for path in desk.settings.home.rglob("*") if path.is_file()} == before
    done = apply(desk, FIRST + DAYS)
    assert (planned.removals, planned.vault_values) == (done.removals, done.vault_values)
    assert planned.vault_values == 3
    assert done.removals[0].bytes > 0


def test_repeating_it_removes_nothing_more(desk: Any) -> None:
    filled(desk)
    apply(desk, FIRST + DAYS)
    before = state(desk)
    assert apply(desk, FIRST + DAYS) == retention.Outcome((), 0, is_done=True)
    assert state(desk) == before


def test_an_old_file_that_comes_again_brings_nothing_back(desk: Any) -> None:
    filled(desk)
    text = (desk.settings.drop / "done" / "shop_orders" / "orders_2026-08-01.csv").read_text()
    apply(desk, FIRST + DAYS)
    before = state(desk)[:3]
    (desk.exports / "orders_2026-08-01.csv").write_text(text)
    again = desk.load("shop_orders")
    assert (again.files_known, again.rows_in) == (1, 0)
    # the same rows as other bytes: no content that is known
    (desk.exports / "again").mkdir()
    (desk.exports / "again" / "orders_2026-08-01.csv").write_text(text.replace("\n", "\r\n"))
    (desk.exports / "orders_2026-08-01.csv").unlink()
    other = desk.load("shop_orders")
    assert (other.rows_in, other.rows_loaded, other.rows_rejected, other.rows_suppressed) == (4, 0, 0, 4)
    assert state(desk)[:3] == before


def test_rows_of_an_old_file_that_streams_are_suppressed(desk: Any) -> None:
    desk.jsonl("events_2026-08-01T10.jsonl", [desk.event(n) for n in range(3)])
    desk.load("web_events")
    days = timedelta(days=load_source("web_events").contract.retention_days)
    apply(desk, datetime(2026, 8, 1, 11) + days)
    assert desk.raw("web_events") == []
    desk.jsonl("events_2026-08-01T09.jsonl", [desk.event(n) for n in range(5, 7)])
    desk.jsonl("events_2026-08-01T12.jsonl", [desk.event(8)])
    outcome = desk.load("web_events")
    assert (outcome.rows_in, outcome.rows_loaded, outcome.rows_suppressed) == (3, 1, 2)
    assert desk.raw("web_events", "event_id") == [("e8",)]


def test_files_that_were_quarantined_go_as_their_name_says(desk: Any) -> None:
    filled(desk)
    for day in (1, 3):
        path = desk.settings.drop / f"orders_2026-08-0{day}.csv"
        path.write_text("no,header,of,ours\n")
        old = (datetime(2020, 1, 1) - datetime(1970, 1, 1)).total_seconds()
        os.utime(path, (old, old))
    desk.load("shop_orders", desk.settings.drop)
    quarantine = desk.settings.drop / "quarantine" / "shop_orders"
    assert len(list(quarantine.iterdir())) == 2
    apply(desk, FIRST + DAYS)
    assert [path.name for path in quarantine.iterdir()] == ["orders_2026-08-03.csv"]


def test_the_next_run_is_a_full_one_once(desk: Any) -> None:
    filled(desk)

    def opened(name: str) -> bool:
        run.open_run(desk.settings, name, None)
        with run.working(desk.settings) as connection:
            [(full,)] = connection.execute("select is_full from ops.control").fetchall()
            connection.execute("update ops.control set done = true")
        return bool(full)

    assert [opened("a"), opened("b")] == [True, False]
    apply(desk, FIRST + DAYS)
    assert [opened("c"), opened("d")] == [True, False]


KILLER = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
import shutil
from ingestion import retention, store, vault
from warehouse.settings import Settings

folder, key, namespace, at, stride = sys.argv[1:]
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
Path.replace, Path.write_text, Path.unlink = step(Path.replace), step(Path.write_text), step(Path.unlink)
store.copy, vault._attach = step(store.copy), step(vault._attach)
for nth in range(1, 999, int(stride)):
    left, home = nth, Path(folder) / str(nth) / "home"
    shutil.copytree(Path(folder) / "home", home)
    child = os.fork()
    if child == 0:
        settings = Settings(home=home, hmac_key=key, namespace=namespace, _env_file=None)
        retention.remove(settings, datetime.fromisoformat(at), dry_run=False)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if os.waitstatus_to_exitcode(status) == 0:
        print(nth)
        break
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, status
"""


@pytest.mark.parametrize("stride", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_at_any_step_it_ends_the_same_when_it_is_repeated(desk: Any, stride: int) -> None:
    filled(desk)
    settings, at = desk.settings, FIRST + DAYS
    secrets = [settings.hmac_key.get_secret_value(), settings.namespace.get_secret_value()]
    command = [sys.executable, "-c", KILLER, str(settings.home.parent), *secrets, at.isoformat(), str(stride)]
    killed = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    assert int(killed.stdout) > 30
    apply(desk, at)
    whole = state(desk)
    for nth in range(1, int(killed.stdout) + 1, stride):
        home = Path(settings.home.parent) / str(nth) / "home"
        again = type(desk)(settings.model_copy(update={"home": home}), desk.exports)
        apply(again, at)
        assert state(again) == whole, f"killed at step {nth}"
        shutil.rmtree(home)
