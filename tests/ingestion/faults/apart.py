"""Work done in a process of its own, so that it may be killed: a fork, which has everything imported already."""

import importlib
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import typer

from smalti.terminal import plain_errors

_SECONDS = 120  # that it may take before it counts as hung
_UNCLEAN = 70  # exit code of an error that is none of ours


def begin(work: Callable[[], Any], told: Path) -> int:
    """Start it; what it prints goes to `told`. Our own errors end it as they end a command. The process's number."""
    if child := os.fork():
        return child
    signal.alarm(_SECONDS)
    descriptor = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for standard in (1, 2):
        os.dup2(descriptor, standard)
    code = 0
    try:
        with plain_errors():
            work()
    except typer.Exit as ended:
        code = ended.exit_code
    except BaseException:  # noqa: BLE001  # whatever it is, the parent is to hear of it
        traceback.print_exc()
        code = _UNCLEAN
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def end(child: int) -> int:
    """Wait for it: its exit code, or the signal that ended it as a negative number."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def apart(work: Callable[[], Any], told: Path) -> int:
    """Start it and wait for it."""
    return end(begin(work, told))


def rehearse(work: Callable[[], Any], told: Path) -> None:
    """Do it once apart, and import here what it imported late: no later fork has to."""
    found = told.with_name("modules")

    def telling() -> None:
        work()
        found.write_text("\n".join(sys.modules))

    assert apart(telling, told) == 0, told.read_text()
    for name in found.read_text().splitlines():
        with suppress(ImportError):
            importlib.import_module(name)
