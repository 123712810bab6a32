"""Starting the real tools on ports of this machine, and what each costs in seconds and memory."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from warehouse import process

LOOPBACK = "127.0.0.1"
FIGURES: list[str] = []  # a line a tool, told when the tests have ended
_PATIENCE_SECONDS, _PAUSE_SECONDS, _STOP_SECONDS = 90.0, 0.1, 3.0
_NOBODY = 65534


class NotStarted(Exception):
    """The tool did not come up; the message says why."""


@dataclass(frozen=True)
class Tool:
    """A tool to be started: its command, and when it is ready."""

    name: str
    command: Sequence[str | Path]
    ready: Callable[[], bool]
    environment: Mapping[str, str]


@contextmanager
def running(tool: Tool, logs: Path) -> Iterator[None]:
    """The tool, from when it is ready until the block ends.

    Raises:
        NotStarted: it ended, or was not ready in time; the end of its log tells more.
    """
    log, started = logs / f"{tool.name}.log", time.monotonic()
    environment = {"PATH": os.environ["PATH"], "HOME": str(logs), **tool.environment}
    child = process.start([str(part) for part in tool.command], environment, log)
    try:
        _wait(tool, child, log)
        seconds = time.monotonic() - started
        yield
        FIGURES.append(f"{tool.name}: ready after {seconds:.1f} s, {_memory(child.pid)} MB at the end")
    finally:
        _stop(child)


def port() -> int:
    """A port that is free now."""
    with socket.socket() as one:
        one.bind((LOOPBACK, 0))
        found: int = one.getsockname()[1]
    return found


def listens(number: int) -> bool:
    """Whether somebody takes connections there."""
    with socket.socket() as one:
        return one.connect_ex((LOOPBACK, number)) == 0


def answers(url: str) -> bool:
    """Whether the page is there."""
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.HTTPError:
        return False


def without_root() -> list[str]:
    """In front of a command that refuses to run as root: it then runs as nobody, to whom our files belong.

    Raises:
        NotStarted: we are root, and the machine has no user namespaces.
    """
    if os.geteuid() != 0:
        return []
    prefix = ["unshare", "--user", f"--map-user={_NOBODY}"]
    tried = shutil.which("unshare") and subprocess.run([*prefix, "true"], capture_output=True, check=False)
    if not tried or tried.returncode:
        raise NotStarted("it refuses to run as root, and `unshare --user` is not allowed here")
    return prefix


def _wait(tool: Tool, child: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while not tool.ready():
        if child.poll() is not None or time.monotonic() > until:
            told = " ".join(log.read_text(errors="replace").split())[-300:]
            raise NotStarted(f"{tool.name} did not start: {told}")
        time.sleep(_PAUSE_SECONDS)


def _family(pid: int) -> list[psutil.Process]:
    try:
        head = psutil.Process(pid)
        return [head, *head.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _memory(pid: int) -> int:
    """Mebibytes that the process and its children hold alone."""
    return sum(int(one.memory_full_info().uss) for one in _family(pid) if one.is_running()) >> 20


def _stop(child: subprocess.Popen[bytes]) -> None:
    family = _family(child.pid)
    child.terminate()
    for one in psutil.wait_procs(family, timeout=_STOP_SECONDS)[1]:
        one.kill()
    child.wait()
