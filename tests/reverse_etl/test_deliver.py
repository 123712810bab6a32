"""Delivery against real files: a published DuckDB version, the SQLite ledger, the outbox."""

import hashlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reverse_etl import deliver as deliver_module
from reverse_etl.destination import NoDestination, Package, Receipt, Refused, Sent, every, load_destination, names
from reverse_etl.destinations.files import DESTINATION, KEPT_PLANS, Files
from reverse_etl.plan import plan
from warehouse.version import NothingPublished

TWO = {"ada": ["high_value", "repeat_buyers"], "ben0": ["repeat_buyers"]}


def outbox(shop: Any) -> dict[str, tuple[bytes, int]]:
    """Bytes and modification time of every file in the outbox."""
    found = (path for path in shop.settings.outbox.rglob("*") if path.is_file())
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in found}


def test_the_first_delivery_sends_everyone(shop: Any) -> None:
    shop.publish("v1", TWO)
    done = shop.deliver()
    assert (done.added, done.changed, done.removed, done.unchanged) == (2, 0, 0, 0)
    assert (done.accepted, done.rejected) == (2, 0)
    assert done.path == shop.latest.resolve()
    assert done.path.name == done.plan_id
    assert shop.delivered() == shop.accepted() == TWO


def test_the_three_formats_hold_the_same_members(shop: Any) -> None:
    shop.publish("v1", TWO)
    shop.deliver()
    assert (shop.latest / "members.csv").read_text() == (
        "customer_id,contact_id_crm,segment_ids\nada,c-ada,high_value|repeat_buyers\nben0,,repeat_buyers\n"
    )
    lines = [json.loads(line) for line in (shop.latest / "members.jsonl").read_text().splitlines()]
    assert lines == pl.read_parquet(shop.latest / "members.parquet").to_dicts()
    assert lines[1] == {"customer_id": "ben0", "contact_id_crm": None, "segment_ids": ["repeat_buyers"]}


def test_each_segment_is_a_file_of_its_members(shop: Any) -> None:
    shop.publish("v1", TWO)
    shop.deliver()
    folder = shop.latest / "segments"
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        f"{segment}.{suffix}" for segment in ("high_value", "repeat_buyers") for suffix in ("csv", "jsonl", "parquet")
    )
    assert (folder / "high_value.csv").read_text() == "customer_id,contact_id_crm\nada,c-ada\n"
    assert pl.read_parquet(folder / "repeat_buyers.parquet").rows() == [("ada", "c-ada"), ("ben0", None)]


def test_the_manifest_names_every_file_with_its_rows_and_digest(shop: Any) -> None:
    shop.publish("v1", TWO)
    done = shop.deliver()
    manifest = json.loads((shop.latest / "manifest.json").read_text())
    assert (manifest["plan_id"], manifest["version"], manifest["as_of"]) == (done.plan_id, "v1", "2026-09-01T00:00:00")
    assert manifest["simulated"] is True
    there = {str(p.relative_to(shop.latest)) for p in shop.latest.rglob("*") if p.is_file()} - {"manifest.json"}
    assert set(manifest["files"]) == there
    for name, file in manifest["files"].items():
        assert hashlib.sha256((shop.latest / name).read_bytes()).hexdigest() == file["sha256"]
    assert manifest["files"]["segments/high_value.csv"]["rows"] == 1


def test_delivering_again_sends_nothing(shop: Any) -> None:
    shop.publish("v1", TWO)
    shop.deliver()
    files, ledger = outbox(shop), shop.rows("select * from receipts")
    shop.publish("v2", TWO)
    done = shop.deliver("run-2")
    assert (done.plan_id, done.path, done.accepted, done.unchanged) == (None, None, 0, 2)
    assert outbox(shop) == files
    assert shop.rows("select * from receipts") == ledger
    assert len(shop.rows("select * from plans")) == 1


def test_a_version_delivered_twice_sends_once_though_its_changes_still_stand(shop: Any) -> None:
    shop.publish("v1", TWO)
    shop.deliver()
    assert shop.deliver().plan_id is None


def test_a_person_who_leaves_every_segment_is_removed(shop: Any) -> None:
    shop.publish("v1", TWO)
    shop.deliver()
    shop.publish("v2", {"ada": ["high_value"]})
    done = shop.deliver()
    assert (done.added, done.changed, done.removed, done.unchanged) == (0, 1, 1, 0)
    assert shop.delivered() == shop.accepted() == {"ada": ["high_value"]}
    assert not (shop.latest / "segments" / "repeat_buyers.csv").exists()
    assert ("ben0", "accepted") in shop.rows("select customer_id, outcome from receipts")


def test_everyone_leaving_leaves_an_empty_complete_set(shop: Any) -> None:
    shop.publish("v1", TWO)
    shop.deliver()
    shop.publish("v2", {})
    assert shop.deliver().removed == 2
    assert shop.delivered() == shop.accepted() == {}


def test_the_plan_is_the_published_changes_when_the_ledger_has_not_moved(shop: Any) -> None:
    shop.publish("v1", TWO)
    shop.deliver()
    shop.publish("v2", {"ada": ["repeat_buyers"], "cy": ["high_value"]})
    found = plan(shop.settings, "files")
    assert (found.added, found.changed, found.removed, found.unchanged) == (1, 1, 1, 0)


def test_going_back_to_an_older_version_is_delivered_in_full(shop: Any) -> None:
    shop.publish("v1", TWO)
    shop.deliver()
    shop.publish("v2", {"ada": ["high_value"], "cy": ["repeat_buyers"]})
    shop.deliver()
    shop.serve("v1")
    shop.deliver()
    assert shop.delivered() == shop.accepted() == TWO


def test_the_same_changes_on_another_day_are_another_plan(shop: Any) -> None:
    seen = set()
    for number, people in enumerate([TWO, {}, TWO, {}, TWO]):
        shop.publish(f"v{number}", people)
        seen.add(shop.deliver().plan_id)
    assert len(seen) == 5


def test_a_dry_run_writes_nothing_and_tells_what_is_then_sent(shop: Any) -> None:
    shop.publish("v1", TWO)
    first, second = plan(shop.settings, "files"), plan(shop.settings, "files")
    assert not shop.settings.ledger.exists()
    assert not shop.settings.outbox.exists()
    done = shop.deliver()
    assert first == second
    assert (done.plan_id, done.added) == (first.plan_id, first.added)


def test_a_large_audience_takes_seconds_and_gives_the_same_bytes_whatever_the_threads(new_shop: Any) -> None:
    # more than one row group of Parquet (122,880 rows), where threads could change the order
    people = {f"p{number:06}": ["a", "b"] if number % 3 else ["b"] for number in range(125_000)}
    contents = []
    for threads in (1, 2):
        shop = new_shop()
        shop = replace(shop, settings=shop.settings.model_copy(update={"threads": threads}))
        shop.publish("v1", people)
        started = time.monotonic()
        assert shop.deliver().accepted == len(people)
        assert time.monotonic() - started < 15
        contents.append({path.name: path.read_bytes() for path in shop.latest.rglob("*") if path.is_file()})
    assert contents[0] == contents[1]


def test_only_the_last_plans_are_kept_and_latest_is_among_them(shop: Any) -> None:
    plans = []
    for number in range(KEPT_PLANS + 3):
        shop.publish(f"v{number}", {"ada": [f"s{number}"]})
        plans.append(shop.deliver().plan_id)
    folders = [path for path in shop.latest.parent.iterdir() if path.is_dir() and not path.is_symlink()]
    assert {folder.name for folder in folders} == set(plans[-KEPT_PLANS:])
    assert shop.latest.resolve().name == plans[-1]


STOPS = {
    "after the plan is committed": "reverse_etl.destinations.files.Files.render",
    "between two files": "reverse_etl.package_files._write_manifest",
    "before the folder is renamed": "pathlib.Path.rename",
    "between the folder and latest": "pathlib.Path.symlink_to",
    "before latest is swapped": "pathlib.Path.replace",
    "between latest and the ledger": "reverse_etl.deliver.record_outcome",
    "in the middle of the ledger": "reverse_etl.record.Outcomes",
}
KILLED = """
import importlib, os, signal, sys
from datetime import datetime
from pathlib import Path
from reverse_etl.deliver import deliver
from warehouse.settings import Settings

home, target = sys.argv[1:]
parts = target.split(".")
place = importlib.import_module(".".join(part for part in parts[:-1] if part.islower()))
for part in (part for part in parts[:-1] if not part.islower()):
    place = getattr(place, part)
setattr(place, parts[-1], lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
settings = Settings(_env_file=None, home=home, hmac_key="00" * 32, namespace="00000000-0000-0000-0000-000000000001")
deliver(settings, "files", "run-2", datetime(2026, 9, 2))
"""


@pytest.mark.parametrize("target", STOPS.values(), ids=STOPS.keys())
def test_after_a_kill_the_next_delivery_ends_in_the_same_state(shop: Any, target: str) -> None:
    shop.publish("v1", TWO)
    shop.deliver()
    after = {"ada": ["high_value"], "cy": ["repeat_buyers"]}
    shop.publish("v2", after)
    planned = plan(shop.settings, "files").plan_id
    killed = subprocess.run([sys.executable, "-c", KILLED, shop.settings.home, target], check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert shop.delivered() in (TWO, after)
    assert shop.accepted() == TWO
    assert shop.rows("select plan_id from plans where status = 'planned'") == [(planned,)]
    done = shop.deliver("run-3")
    assert done.plan_id == planned
    assert shop.delivered() == shop.accepted() == after
    assert shop.rows("select status from plans") == [("delivered",), ("delivered",)]
    assert [path.name for path in shop.latest.parent.glob(".*")] == []


def test_a_plan_overtaken_by_a_newer_version_is_abandoned(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.publish("v1", TWO)
    monkeypatch.setattr(Files, "render", fail)
    with pytest.raises(OSError, match="disk full"):
        shop.deliver()
    monkeypatch.undo()
    shop.publish("v2", {"cy": ["high_value"]})
    shop.deliver()
    assert shop.rows("select version, status from plans order by version") == [("v1", "abandoned"), ("v2", "delivered")]
    assert shop.accepted() == {"cy": ["high_value"]}


def fail(*_: object) -> None:
    """Stand for a disk that is full."""
    raise OSError("disk full")


class Choosy:
    """A destination that refuses one person, forgets another, and answers for a stranger."""

    name = "files"

    def render(self, package: Package, folder: Path) -> None:
        """Nothing to prepare."""

    def write(self, package: Package, folder: Path) -> Sent:  # noqa: ARG002
        """Answer for some."""
        return Sent([Receipt("ada", "accepted"), Receipt("ben0", "rejected", "http_422"), Receipt("eve", "accepted")])


def test_only_accepted_receipts_move_what_was_accepted(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.publish("v1", TWO | {"cy": ["high_value"]})
    monkeypatch.setattr(deliver_module, "load_destination", lambda _: Choosy())
    done = shop.deliver()
    assert (done.added, done.accepted, done.rejected) == (3, 1, 1)
    assert shop.accepted() == {"ada": TWO["ada"]}
    assert shop.rows("select customer_id, outcome, code from receipts order by customer_id") == [
        ("ada", "accepted", None),
        ("ben0", "rejected", "http_422"),
        ("cy", "unknown", None),
    ]
    assert shop.rows("select status from plans") == [("partial",)]
    monkeypatch.undo()
    assert shop.deliver().added == 2
    assert shop.accepted() == TWO | {"cy": ["high_value"]}


def test_a_segment_that_must_not_be_sent_stops_the_delivery(shop: Any) -> None:
    shop.publish("v1", TWO, sendable=["repeat_buyers"])
    with pytest.raises(Refused, match=r"holds high_value for 'files'; allowed are"):
        shop.deliver()
    assert not shop.settings.outbox.exists()
    assert shop.rows("select * from plans") == []


def test_a_person_who_stands_twice_stops_the_delivery(shop: Any) -> None:
    shop.publish("v1", TWO)
    with duckdb.connect(str(shop.settings.published / "v1.duckdb")) as connection:
        connection.execute("insert into activation.audience values ('files', 'ada', null, ['high_value'], null)")
    with pytest.raises(Refused, match="holds people twice"):
        shop.deliver()
    assert shop.accepted() == {}


def test_the_order_in_which_segments_are_listed_is_no_change(shop: Any) -> None:
    shop.publish("v1", TWO)
    shop.deliver()
    shop.publish("v2", {"ada": ["repeat_buyers", "high_value", "repeat_buyers"], "ben0": ["repeat_buyers"]})
    assert shop.deliver().plan_id is None


def test_a_delivery_that_was_refused_in_full_is_tried_again_as_another_plan(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.publish("v1", {"ben0": ["repeat_buyers"]})
    monkeypatch.setattr(deliver_module, "load_destination", lambda _: Choosy())
    first, second = shop.deliver(), shop.deliver()
    assert first.plan_id != second.plan_id
    assert (first.rejected, second.rejected) == (1, 1)
    assert len(shop.rows("select * from receipts")) == 2


@pytest.mark.parametrize("hostile", ["../escape", "a/b", "A", "", "a b", "x'; drop table audience; --", "a\nb", "1a"])
def test_a_segment_id_that_is_no_identifier_never_becomes_a_file(shop: Any, hostile: str) -> None:
    shop.publish("v1", {"ada": [hostile]})
    with pytest.raises(Refused, match="cannot be a file name"):
        shop.deliver()
    assert not shop.latest.exists()
    assert shop.accepted() == {}


def test_values_stand_in_the_files_as_they_are(shop: Any) -> None:
    people = {'=HYPERLINK("x")': ["a"], "comma, \"quote\" 'single'": ["a"], "naïve\nline": ["a"]}
    shop.publish("v1", people)
    shop.deliver()
    assert shop.delivered() == shop.accepted() == people
    assert set(pl.read_csv(shop.latest / "members.csv")["customer_id"]) == set(people)


def test_an_unknown_destination_is_named_with_those_there_are(shop: Any) -> None:
    with pytest.raises(NoDestination, match=r"no destination 'sms'; there are: .*files"):
        load_destination("sms")
    shop.publish("v1", TWO)
    with pytest.raises(NoDestination, match="sms"):
        plan(shop.settings, "sms")


def test_every_destination_is_discovered_under_its_own_name() -> None:
    assert {"files", "s3", "sftp"} <= set(every())
    assert load_destination("files") is DESTINATION
    assert all(load_destination(name).name == name for name in names())


def test_nothing_published_is_said_plainly(shop: Any) -> None:
    with pytest.raises(NothingPublished, match="nothing is published"):
        shop.deliver()


AUDIENCES = st.dictionaries(
    st.sampled_from(["ada", "ben0", "cy", "dee"]),
    st.sets(st.sampled_from(["a", "b", "c"]), min_size=1).map(sorted),
)
STEPS = st.lists(st.tuples(AUDIENCES, st.sampled_from(["whole", *STOPS])), min_size=1, max_size=5)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_after_each_delivery_the_files_and_the_ledger_equal_the_audience(new_shop: Callable, steps: Any) -> None:
    shop = new_shop()
    for number, (people, stop) in enumerate(steps):
        shop.publish(f"v{number}", people)
        if stop != "whole":
            stop_at(shop, STOPS[stop])
        done = shop.deliver()
        assert shop.accepted() == people
        if done.plan_id or shop.latest.exists():
            assert shop.delivered() == people


def stop_at(shop: Any, target: str) -> None:
    """Deliver with an error raised at the place, as a disk might."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(target, fail)
        try:
            shop.deliver()
        except OSError:
            return
