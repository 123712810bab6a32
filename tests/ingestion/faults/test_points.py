"""A load that is killed, meets an error or a full disk at any of its calls: the next one makes it whole.

Between the two a reader sees the rows of before or those of after, never others, and an error is one clean line.
"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ingestion.faults.preload import Fault, compiled, environment
from tests.ingestion.faults.situations import SITUATIONS

CHECKOUT = Path(__file__).resolve().parents[3]
FAULTS = [fault for fault in Fault if fault is not Fault.NONE]
SEED = 20_260_901
TOLD_EVERY = 50


def driven(folder: Path, situation: str, shares: dict[Fault, float]) -> Iterator[Any]:
    """The calls of the load, then what became of each point."""
    named = [f"{fault.name}={share}" for fault, share in shares.items()]
    command = [sys.executable, "-m", "tests.ingestion.faults.drive", str(folder), situation, str(SEED), *named]
    driver = subprocess.Popen(
        command, cwd=CHECKOUT, env=environment(compiled(folder)), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with driver:
        assert driver.stdout
        assert driver.stderr
        yield from map(json.loads, driver.stdout)
        assert driver.wait() == 0, driver.stderr.read().decode()[-3000:]


def proven(folder: Path, situation: str, shares: dict[Fault, float]) -> Counter[str]:
    """How often each fault was met; every point must come to the state of an undisturbed load."""
    lines = driven(folder, situation, shares)
    calls = next(lines)
    print(f"\n{situation}: {len(calls)} calls: {dict(Counter(what for what, _ in calls))}")
    met, wrong = Counter[str](), []
    for number, point in enumerate(lines, 1):
        met[point["fault"]] += point["where"] is not None or point["code"] != 0
        wrong += [point] if point["wrong"] else []
        if number % TOLD_EVERY == 0:
            print(f"{situation}: {number} points, {len(wrong)} wrong", flush=True)
    print(f"{situation}: met {dict(met)}, {len(wrong)} wrong")
    assert not wrong, json.dumps(wrong, indent=1)[:10_000]
    return met


@pytest.mark.parametrize("situation", ["order lines", "orders"])
def test_a_few_seeded_faults_are_made_good_by_the_next_load(tmp_path: Path, situation: str) -> None:
    met = proven(tmp_path, situation, dict.fromkeys(FAULTS, 0.0))
    assert set(met) == {fault.name for fault in FAULTS}
    assert sum(met.values()) >= len(FAULTS) - 2


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("situation", SITUATIONS)
def test_every_fault_at_every_call_is_made_good_by_the_next_load(tmp_path: Path, situation: str) -> None:
    met = proven(tmp_path, situation, dict.fromkeys(FAULTS, 1.0))
    assert all(met[fault.name] for fault in FAULTS)
