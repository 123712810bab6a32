"""What a stage takes of the machine: processor time, memory and bytes, its child processes included.

The kernel counts, so that the figures hold for every stage alike, whatever library did the work:

- `cpu_seconds`: user and system time of the process and of the children that ended meanwhile.
- `peak_memory_mb` (MiB): resident memory of the process and its children at one moment, at its highest. The process's
  own peak is exact, children are looked at twice a second. Airflow's own process counts: stages run in it.
- `bytes_read`, `bytes_written`: what read and write calls moved, from the page cache or the disk, under `SMALTI_HOME`,
  from exports, and program files. A file that is read twice counts twice; memory-mapped reads do not count.
"""

import resource
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

_INTERVAL_SECONDS = 0.5
_MIB = 1 << 20
_PROC = Path("/proc/self")


@dataclass(frozen=True)
class Usage:
    """Figures of one stage; None where the kernel does not tell."""

    bytes_read: int | None
    bytes_written: int | None
    cpu_seconds: float
    peak_memory_mb: float


class Meter:
    """Measures what happens within `with`; `usage` has it afterwards.

    Stages follow one another in a process: each forgets the last one's peak.
    """

    usage: Usage

    def __init__(self) -> None:
        """Measure nothing yet."""
        self._ended = threading.Event()
        self._sampler = threading.Thread(target=self._sample, name="meter", daemon=True)
        self._process = psutil.Process()
        self._peak = 0

    def __enter__(self) -> Self:
        """Start to measure."""
        with suppress(OSError):  # where it is not allowed the peak is that of the process's whole life
            (_PROC / "clear_refs").write_text("5")
        self._cpu, self._bytes = _cpu_seconds(), _bytes_moved()
        self._sampler.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and keep what was measured as `usage`."""
        self._ended.set()
        self._sampler.join()
        read, written = self._bytes_since()
        cpu = round(_cpu_seconds() - self._cpu, 3)
        self.usage = Usage(read, written, cpu, round(max(self._peak, _own_peak()) / _MIB, 1))

    def _bytes_since(self) -> tuple[int | None, int | None]:
        now, before = _bytes_moved(), self._bytes
        return (None, None) if now is None or before is None else (now[0] - before[0], now[1] - before[1])

    def _sample(self) -> None:
        while not self._ended.wait(_INTERVAL_SECONDS):
            self._peak = max(self._peak, _resident(self._process))


def _resident(process: psutil.Process) -> int:
    total = 0
    for one in [process, *process.children(recursive=True)]:
        with suppress(psutil.Error):  # it ended meanwhile
            total += one.memory_info().rss
    return total


def _cpu_seconds() -> float:
    return sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def _bytes_moved() -> tuple[int, int] | None:
    """Bytes read and written so far; the kernel adds those of a child when it has ended."""
    try:
        counts = dict(line.split(": ") for line in (_PROC / "io").read_text().splitlines())
    except OSError:
        return None
    return int(counts["rchar"]), int(counts["wchar"])


def _own_peak() -> int:
    lines = (_PROC / "status").read_text().splitlines()
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:"))
