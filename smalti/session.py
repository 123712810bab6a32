"""A session of processes: who belongs to it, and how all of it ends, whatever groups its members made."""

import os
import signal
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from warehouse.errors import SmaltiError

_PAUSE_SECONDS, _KILL_SECONDS = 0.05, 10.0
_STATE, _SESSION, _STARTED = 0, 3, 19  # places in /proc/<pid>/stat after the command's name


def boot() -> str:
    """The boot of this machine: process numbers and start times count within one."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def started(pid: int) -> int | None:
    """When the process started, in ticks since boot; None where it does not live. With it a number is unmistakable."""
    found = _stat(pid)
    return int(found[_STARTED]) if found and found[_STATE] not in "ZX" else None


def members(session: int) -> list[int]:
    """The living processes of the session, its leader included."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    stats = [(pid, _stat(pid)) for pid in pids]
    return [pid for pid, stat in stats if stat and int(stat[_SESSION]) == session and stat[_STATE] not in "ZX"]


def end(session: int, patience: float, spare: Collection[int] = ()) -> None:
    """End all of the session but `spare`: SIGTERM, up to `patience` seconds, then SIGKILL until none is left.

    Raises:
        SmaltiError: some do not end even so; the message names them.
    """
    _signal(session, signal.SIGTERM, spare)
    deadline = time.monotonic() + patience + _KILL_SECONDS
    if _gone(session, patience, spare):
        return
    while not _gone(session, _PAUSE_SECONDS, spare):  # again and again: one may have forked in between
        _signal(session, signal.SIGKILL, spare)
        if time.monotonic() > deadline:
            raise SmaltiError(f"processes {sorted(set(members(session)) - set(spare))} cannot be ended")


def _signal(session: int, number: signal.Signals, spare: Collection[int]) -> None:
    for pid in set(members(session)) - set(spare):
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _gone(session: int, patience: float, spare: Collection[int]) -> bool:
    deadline = time.monotonic() + patience
    while set(members(session)) - set(spare):
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE_SECONDS)
    return True


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []
