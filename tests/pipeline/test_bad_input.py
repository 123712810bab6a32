"""What a person gets who hands over the wrong thing: one clear line, an exit code, and nothing harmed."""

import fcntl
import gzip
import subprocess
import time
from pathlib import Path

import pytest

from tests.pipeline.home import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def refused(ended: subprocess.CompletedProcess[str]) -> str:
    """The one line of an error; a run that was refused says it, ends with a code, and started nothing."""
    assert ended.returncode != 0
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    [line] = [line for line in ended.stderr.splitlines() if not line.startswith("note:")]
    assert line.startswith("error: ")
    return line


def test_a_missing_folder_is_named(home: Home, tmp_path: Path) -> None:
    line = refused(home.smalti("run", "nightly", "--data", tmp_path / "nowhere"))
    assert str(tmp_path / "nowhere") in line
    assert "--data" in line
    assert home.version is None


def test_an_empty_folder_is_nothing_to_do(home: Home, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    line = refused(home.smalti("run", "nightly", "--data", tmp_path / "empty", "--json"))
    assert str(tmp_path / "empty") in line
    assert "shop_orders" in line


def test_a_folder_of_unknown_files_is_nothing_to_do(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "unknown"
    folder.mkdir()
    (folder / "holiday.csv").write_text("a,b\n1,2\n")
    (folder / "orders-2026.xlsx").write_bytes(b"PK")
    line = refused(home.smalti("run", "nightly", "--data", folder))
    assert "web_events" in line


def test_what_the_simulator_knows_to_be_true_is_no_export(home: Home, tmp_path: Path) -> None:
    (tmp_path / "_truth").mkdir()
    (tmp_path / "_truth" / "orders_2026-08-31.csv").write_text("order_id\n1\n")
    refused(home.smalti("run", "nightly", "--data", tmp_path))


def test_nothing_is_published_says_what_comes_first(home: Home) -> None:
    line = refused(home.smalti("segments", "list", "--json"))
    assert "smalti run nightly" in line


def test_status_of_an_empty_home_says_that_nothing_is_published(home: Home) -> None:
    ended = home.smalti("status", "--json")
    assert ended.returncode == 0
    assert '"published": null' in ended.stdout


def test_a_second_run_beside_a_running_one_is_busy_within_five_seconds(home: Home, tmp_path: Path) -> None:
    (tmp_path / "orders_2026-08-31.csv").write_text("order_id,contact_id,email,ordered_at,status,channel,currency\n")
    home.path.mkdir()
    with (home.path / "slot.lock").open("w") as slot:
        fcntl.flock(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)
        start = time.monotonic()
        line = refused(home.smalti("run", "nightly", "--data", tmp_path))
        waited = time.monotonic() - start
    assert "busy" in line
    assert str(home.path) in line
    # the interpreter's own start, a second on a busy machine, is not waiting
    assert waited < 5 + 1


def test_a_corrupt_file_alone_leaves_nothing_to_do(home: Home, tmp_path: Path) -> None:
    exports = tmp_path / "corrupt"
    exports.mkdir()
    whole = gzip.compress(b'{"event_id": "1", "event_type": "page_view"}\n' * 100)
    (exports / "events_2026-08-31T23.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    ended = home.smalti("run", "nightly", "--data", exports)
    assert ended.returncode != 0
    assert "Traceback" not in ended.stderr
    assert [line for line in ended.stderr.splitlines() if "events_2026-08-31T23.jsonl.gz" in line]
    assert ended.stderr.splitlines()[-1].startswith("error: open_run: nothing to do")
    assert home.version is None
