"""One run at a time."""

import subprocess
import sys
import time

import pytest

from warehouse import process, slot
from warehouse.errors import Busy
from warehouse.settings import Settings

HOLD = """
import fcntl, sys, time
file = open(sys.argv[1], "a")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(60)
"""


def test_a_second_run_is_busy_within_five_seconds(settings: Settings):
    settings.home.mkdir(parents=True)
    command = [sys.executable, "-c", HOLD, str(settings.home / "slot.lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        started = time.monotonic()
        with pytest.raises(Busy, match="another run holds"), slot.take(settings):
            pass
        assert time.monotonic() - started < 5
        holder.kill()
    with slot.take(settings) as descriptor:
        assert descriptor is not None


def test_a_child_of_the_holder_does_not_take_it_again(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    with slot.take(settings) as held:
        monkeypatch.setenv(slot.INHERITED, str(held))
        with slot.take(settings) as again:
            assert again is None


def test_a_descriptor_that_was_not_handed_down_counts_for_nothing(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(slot.INHERITED, "987")
    with slot.take(settings) as descriptor:
        assert descriptor is not None


def test_children_die_with_the_process_that_started_them(settings: Settings):
    script = (
        "import sys, time; from pathlib import Path; from warehouse import process\n"
        "child = process.start([sys.executable, '-c', 'import time; time.sleep(60)'], {}, Path(sys.argv[1]))\n"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(settings.home / "log")], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 5
    while _lives(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _lives(child)


def _lives(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_process_output_goes_to_the_log(settings: Settings):
    log = settings.home / "logs" / "child.log"
    assert process.start([sys.executable, "-c", "print('said')"], {}, log).wait() == 0
    assert log.read_text() == "said\n"
