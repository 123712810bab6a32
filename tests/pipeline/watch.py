"""Watch a run through its ledger, kill it in the middle of a stage, and look for what survives."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from tests.pipeline.home import Home

_PATIENCE = 240.0


class TooLate(AssertionError):
    """The stage had ended before the kill."""


def kill_during(home: Home, data: Path, stage: str, seconds: float) -> list[str]:
    """Start a nightly run, kill `smalti` alone some seconds into the stage; the survivors after five seconds.

    The stage `start` is the time before the first ledger row of the run: Airflow is starting.
    """
    before = set(_rows(home))
    child = home.start("run", "nightly", "--data", data)
    try:
        if stage != "start":
            _until(lambda: any(row[1] == stage for row in set(_rows(home)) - before) or child.poll() is not None)
        time.sleep(seconds)
        if child.poll() is not None:
            raise TooLate(f"the run ended before the kill {seconds:.1f} s into {stage}")
        assert len(survivors(home)) > (stage != "start"), "the run has no children that could survive it"
        child.send_signal(signal.SIGKILL)
    finally:
        child.kill()
        child.wait()
    _until(lambda: not survivors(home), patience=5)
    return survivors(home)


def survivors(home: Home) -> list[str]:
    """Command lines of the processes that still work in this home."""
    mark = f"SMALTI_HOME={home.path}".encode()
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            try:
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
    return [command for command in found if command]


def _rows(home: Home) -> list[tuple[str, ...]]:
    if not (home.path / "ledger.sqlite").exists():
        return []
    try:
        return home.ledger("select run_id, stage from runs")
    except Exception as error:  # the ledger's schema may not stand yet
        if "no such table" in str(error) or "locked" in str(error):
            return []
        raise


def _until(reached: Callable[[], bool], patience: float = _PATIENCE) -> None:
    deadline = time.monotonic() + patience
    while not reached() and time.monotonic() < deadline:
        time.sleep(0.02)
