"""Two hundred seeded kills of a shop's load: nothing lost, nothing doubled, the end is that of an undisturbed load."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
SEEDS, KILLS = (1, 2, 3, 4), 50  # of each


def rounds(folder: Path, seed: int) -> Iterator[Any]:
    """What is loaded, then each home with the moments at which its load was killed."""
    command = [sys.executable, "-m", "tests.ingestion.faults.kills", str(folder), str(seed), str(KILLS)]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as driver:
        assert driver.stdout
        assert driver.stderr
        yield from map(json.loads, driver.stdout)
        assert driver.wait() == 0, driver.stderr.read().decode()[-3000:]


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("seed", SEEDS)
def test_seeded_kills_change_nothing(tmp_path: Path, seed: int) -> None:
    told = rounds(tmp_path, seed)
    print(f"\nseed {seed}: {next(told)}")
    killed = 0
    for number, one in enumerate(told, 1):
        killed += len(one["moments"])
        came_out = one["wrong"] or "as it should"
        print(f"seed {seed}, home {number}: killed at {one['moments']} s, {killed} of {KILLS}; {came_out}", flush=True)
        assert not one["wrong"]
    assert killed == KILLS
