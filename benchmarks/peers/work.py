"""The work of one engine in a process of its own, and what each step of it costs."""

import json
import resource
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any


class NotMeasured(Exception):
    """The engine cannot take part; the message says why."""


def own_cpu() -> float:
    """CPU-seconds of this process so far, user and system."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def own_peak() -> int:
    """The most memory that this process held at once, in bytes."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) << 10


@dataclass(frozen=True)
class Work:
    """The steps of an engine, in order, and how it keeps its answers; by what it is measured, where not by itself."""

    versions: Mapping[str, str]
    steps: Mapping[str, Callable[[], object]]
    keep: Callable[[Path], None]
    cpu: Callable[[], float] = own_cpu
    peak: Callable[[], int] = own_peak
    load_cpu: float | None = None


Engine = Callable[[Path, Path], AbstractContextManager[Work]]


@dataclass(frozen=True)
class Measured:
    """What an engine needed, in CPU-seconds, seconds and bytes; where it did not take part, why."""

    engine: str
    rows: int
    cpu: float = 0.0
    wall: float = 0.0
    peak: int = 0
    load_cpu: float | None = None
    steps: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[str, str] = field(default_factory=dict)
    why_not: str | None = None


def measure(work: Work, answers: Path) -> dict[str, Any]:
    """Do all steps, then keep the answers; what each step took."""
    steps, began, first = dict[str, float](), time.monotonic(), work.cpu()
    for name, step in work.steps.items():
        before = work.cpu()
        step()
        steps[name] = round(work.cpu() - before, 3)
    figures = {"cpu": work.cpu() - first, "wall": time.monotonic() - began, "peak": work.peak(), "steps": steps}
    answers.mkdir(parents=True, exist_ok=True)
    work.keep(answers)
    return figures


def main(engine: str, events: Path, folder: Path) -> dict[str, Any]:
    """The figures of that engine's module, as JSON can hold them."""
    ready: Engine = import_module(f"benchmarks.peers.{engine}").ready
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with ready(events, folder) as work:
            known = {"versions": dict(work.versions), "load_cpu": work.load_cpu}
            return measure(work, folder / "answers") | known
    except NotMeasured as error:
        return {"why_not": str(error)}


def read(engine: str, rows: int, told: str) -> Measured:
    """What `main` told of it."""
    return Measured(engine=engine, rows=rows, **json.loads(told))
