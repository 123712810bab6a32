"""The meter of a stage: what is measured is what was done, by the process and by its children."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from warehouse.settings import CHECKOUT
from warehouse.usage import Meter, Usage

MB = 1_000_000
BUSY = "import time\nuntil = time.process_time() + 0.5\nwhile time.process_time() < until: pass"


def burn(seconds: float) -> None:
    """Keep the processor busy for so long."""
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


def metered(*arguments: str) -> Usage:
    """What a Python child with these arguments took."""
    with Meter() as meter:
        subprocess.run([sys.executable, "-c", *arguments], check=True)
    return meter.usage


def test_processor_time_is_the_work_and_not_the_wait():
    with Meter() as meter:
        time.sleep(0.5)
    with Meter() as busy:
        burn(0.3)
    assert meter.usage.cpu_seconds < 0.2
    assert 0.29 < busy.usage.cpu_seconds < 0.6


def test_the_work_of_a_child_counts():
    assert metered(BUSY).cpu_seconds > 0.49


def test_bytes_are_those_that_read_and_write_calls_moved(tmp_path: Path):
    with Meter() as meter:
        (tmp_path / "a").write_bytes(bytes(7 * MB))
    written = meter.usage
    with Meter() as meter:
        (tmp_path / "a").read_bytes()
    read = meter.usage
    assert written.bytes_written == pytest.approx(7 * MB, abs=100_000)
    assert read.bytes_read == pytest.approx(7 * MB, abs=100_000)
    assert (read.bytes_written or 0) < 100_000


def test_the_bytes_of_a_child_count(tmp_path: Path):
    used = metered("import pathlib, sys; pathlib.Path(sys.argv[1]).write_bytes(bytes(7_000_000))", str(tmp_path / "a"))
    assert used.bytes_written == pytest.approx(7 * MB, abs=100_000)


PEAKS = """
from warehouse.settings import CHECKOUT
from warehouse.usage import Meter
peaks = []
for mebibytes in (0, 300, 0):
    with Meter() as meter:
        bytearray(mebibytes << 20)
    peaks.append(meter.usage.peak_memory_mb)
print(*peaks)
"""


def test_a_peak_between_two_looks_is_noticed_and_forgotten_by_the_next_meter():
    # in a process of its own: what other tests hold in this one may go at any moment
    told = subprocess.run([sys.executable, "-c", PEAKS], check=True, capture_output=True, text=True, cwd=CHECKOUT)
    before, between, after = map(float, told.stdout.split())
    assert 290 < between - before < 400
    assert after < between - 200


def test_the_memory_of_a_child_counts():
    with Meter() as before:
        pass
    used = metered("import time; kept = bytes(b'1') * (300 << 20); time.sleep(1.5)")
    assert used.peak_memory_mb - before.usage.peak_memory_mb > 290
