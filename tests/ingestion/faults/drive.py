"""Make one load go wrong at call after call, each time in a fresh home, and tell what became of it as JSON lines.

Run with the library preloaded: `python -m tests.ingestion.faults.drive FOLDER SITUATION SEED FAULT=SHARE...`. Every
step is a fork of this process, which itself only imports: so a point costs no start of Python, and no thread is forked.
"""

import json
import random
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.ingestion.faults import preload
from tests.ingestion.faults.apart import apart, rehearse
from tests.ingestion.faults.preload import Call, Fault
from tests.ingestion.faults.situations import SITUATIONS, Situation, copy, make, run_load, seen, state

_PERSONAL = ("@example.com", "+44207946", "Traceback")


@dataclass(frozen=True)
class Bench:
    """Where it happens, and the states that are allowed: rows before, and everything after."""

    folder: Path
    situation: Situation
    before: list[Any]
    after: dict[str, Any]
    calls: list[Call]

    @property
    def home(self) -> Path:
        """The home of the load that goes wrong."""
        return self.folder / "home"


def prepare(folder: Path, situation: Situation) -> Bench:
    """Make the home to begin with, and let one load run undisturbed."""
    template, trace, found = folder / "template", folder / "trace", folder / "found.json"

    def undisturbed() -> None:
        make(template, situation)
        before = seen(template, situation.source)
        home = copy(template, folder / "home")
        preload.arm(home, 0, Fault.NONE, trace)
        run_load(home, situation.source)
        preload.arm(home, 0, Fault.NONE, folder / "trace-unused")
        found.write_text(json.dumps([before, state(home, situation.source)], default=str))

    rehearse(undisturbed, folder / "told")
    before, after = json.loads(found.read_text())
    assert before != after["rows"]
    return Bench(folder, situation, before, after, preload.calls(trace))


def disturb(bench: Bench, nth: int, fault: Fault) -> dict[str, Any]:
    """One load whose nth call goes wrong, a look at what it left, an undisturbed load, and a look at that."""
    home, source = copy(bench.folder / "template", bench.home), bench.situation.source
    told, trace = bench.folder / "told", bench.folder / "trace"

    def disturbed() -> None:
        preload.arm(home, nth, fault, trace)
        run_load(home, source)

    code = apart(disturbed, told)
    wrong = _unclean(code, told.read_text(), fault)
    hit = next((call for call in preload.calls(trace) if call.is_wrong), None)
    found = bench.folder / "found.json"
    found.unlink(missing_ok=True)

    def repaired() -> None:
        between = seen(home, source)
        run_load(home, source)
        found.write_text(json.dumps([between, state(home, source)], default=str))

    if apart(repaired, told):
        wrong.append(f"the next load: {told.read_text()[-1500:]}")
    else:
        wrong += _differences(bench, *json.loads(found.read_text()))
    where = f"{hit.operation} {Path(hit.path).relative_to(home)}" if hit else None
    return {"fault": fault.name, "nth": nth, "where": where, "code": code, "wrong": wrong}


def _unclean(code: int, told: str, fault: Fault) -> list[str]:
    """What is wrong with the way in which the load ended."""
    if code == 1:
        is_clean = told.startswith("error: ") and told.count("\n") == 1 and not any(one in told for one in _PERSONAL)
        return [] if is_clean else [f"no clean message: {told[-1500:]}"]
    allowed = {0, -signal.SIGKILL} if fault in (Fault.KILL_BEFORE, Fault.KILL_AFTER) else {0}
    return [] if code in allowed else [f"ended by {code}: {told[-1500:]}"]


def _differences(bench: Bench, between: list[Any], after: dict[str, Any]) -> list[str]:
    wrong = [] if between in (bench.before, bench.after["rows"]) else [f"a reader saw neither state: {between}"]
    return wrong + [
        f"{name} differ: {after[name]} is not {wanted}" for name, wanted in bench.after.items() if after[name] != wanted
    ]


def points(bench: Bench, shares: dict[Fault, float], seed: int) -> Iterator[tuple[Fault, int]]:
    """For each fault every call that it can hit, or a seeded share of them, at least one."""
    chance = random.Random(seed)
    for fault, share in shares.items():
        every = [1 << bit for bit in range(8, 21)] if fault is Fault.SIZE_LIMIT else []
        every = every or [call.nth for call in bench.calls if call.can_be(fault)]
        yield from ((fault, nth) for nth in sorted(chance.sample(every, max(1, round(share * len(every))))))


def main(folder: Path, name: str, seed: int, shares: dict[Fault, float]) -> None:
    """Print the calls of the load, then a line for each point."""
    bench = prepare(folder, SITUATIONS[name]())
    print(json.dumps([(call.operation, str(Path(call.path).relative_to(bench.home))) for call in bench.calls]))
    for fault, nth in points(bench, shares, seed):
        print(json.dumps(disturb(bench, nth, fault)), flush=True)


if __name__ == "__main__":
    _, where, which, number, *faults = sys.argv
    main(Path(where), which, int(number), {Fault[f.split("=")[0]]: float(f.split("=")[1]) for f in faults})
