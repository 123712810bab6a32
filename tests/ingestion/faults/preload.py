"""The library that lets calls go wrong: compiled, loaded into a process, and armed from within it."""

import ctypes
import os
import resource
import shutil
import subprocess
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).with_name("preload.c")


class Fault(IntEnum):
    """What the nth call comes to; the numbers are those of preload.c.

    A kill after a write comes after its first half. Without room from some call on, the first write does half.
    """

    NONE = 0
    KILL_BEFORE = 1
    KILL_AFTER = 2
    IO_ERROR = 3
    FULL_ONCE = 4
    FULL_ON = 5
    SHORT = 6
    SIZE_LIMIT = 7  # not of the library: no file may have more bytes than `nth`


_WRITES = ("write", "pwrite", "writev", "pwritev")
_FREES = ("unlink", "rmdir")


@dataclass(frozen=True)
class Call:
    """One line of the trace."""

    nth: int
    operation: str
    path: str
    is_wrong: bool

    def can_be(self, fault: Fault) -> bool:
        """Whether the fault does anything here that it does not also do elsewhere.

        A kill after any other call than a write is a kill before the next one.
        """
        if fault in (Fault.KILL_AFTER, Fault.SHORT):
            return self.operation in _WRITES
        return not (fault in (Fault.FULL_ONCE, Fault.FULL_ON) and self.operation in _FREES)


def compiled(folder: Path) -> Path:
    """The library, made with the machine's own compiler; without one the test is skipped."""
    if not (compiler := shutil.which("cc")):
        pytest.skip("no C compiler `cc` to make the library that lets calls fail")
    library = folder / "preload.so"
    command = [compiler, "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return library


def environment(library: Path) -> dict[str, str]:
    """The variables of a process that the library is loaded into; it also learns where the library lies."""
    return {**os.environ, "LD_PRELOAD": str(library), "SMALTI_PRELOAD": str(library)}


def arm(folder: Path, nth: int, fault: Fault, trace: Path) -> None:
    """From now on count this process's calls below the folder, and let the nth go wrong."""
    descriptor = os.open(trace, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    if fault is Fault.SIZE_LIMIT:
        resource.setrlimit(resource.RLIMIT_FSIZE, (nth, nth))
        return
    loaded: Any = ctypes.CDLL(os.environ["SMALTI_PRELOAD"])
    loaded.faults_arm(str(folder).encode(), ctypes.c_long(nth), int(fault), descriptor)


def calls(trace: Path) -> list[Call]:
    """What the process did."""
    parts = [line.split(" ", 2) for line in trace.read_text().splitlines()]
    return [Call(int(nth.lstrip("!")), what, path, nth.startswith("!")) for nth, what, path in parts]
