"""Run checks on frames through Great Expectations, and stop the run unless every one of them held.

A gate that evaluated nothing, or broke while it evaluated, has not let anything through: both are
failures. What it records names sources, columns and rules, and never a value.
"""

import json
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from warehouse.errors import SmaltiError
from warehouse.settings import Settings

SAID = 10  # failures that an error message names; the result file names all


class GateFailed(SmaltiError):
    """A gate did not let the run pass; the message names what failed, without values."""


@dataclass(frozen=True)
class Rule:
    """One expectation: its class name in Great Expectations, its arguments, and what it means to us."""

    expectation: str
    arguments: Mapping[str, object]
    says: str


@dataclass(frozen=True)
class Check:
    """Rules on one frame; `name` is its suite's, and its page's in Data Docs."""

    name: str
    frame: pd.DataFrame
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Result:
    """What a gate found. `skipped`: there was nothing new to look at."""

    suite: str
    evaluated: int
    failed: int
    failures: tuple[str, ...] = ()
    skipped: bool = False


def run(settings: Settings, run_id: str, suite: str, checks: Callable[[], Sequence[Check] | None]) -> Result:
    """Evaluate all checks; write `<gates>/<run_id>/<suite>.json` and the Data Docs.

    Args:
        settings: says where gates keep their results.
        run_id: the run whose data is checked.
        suite: name of the gate.
        checks: builds the checks, or answers None where the run brought nothing to look at; called
            in here so that an error in it fails the gate, too.

    Raises:
        GateFailed: a rule failed, none was evaluated, or the gate itself broke.
    """
    try:
        result = _evaluate(settings, run_id, suite, checks())
    except GateFailed as error:
        result = Result(suite, 0, 1, (str(error),))
    except Exception as error:  # noqa: BLE001 - whatever broke the gate, it has let nothing through
        # neither the message nor the cause is passed on: either may quote a value
        result = Result(suite, 0, 1, (f"the gate itself broke: {_where(error)}",))
    _write(settings.gates / run_id, result)
    if result.failed:
        raise GateFailed(_message(result))
    return result


def all_of(gates: Sequence[Callable[[], Result]]) -> list[Result]:
    """Evaluate each of these gates, so that one that is red hides no other.

    Raises:
        GateFailed: any did not let the run pass; the message names what failed in all of them.
    """
    results: list[Result] = []
    failures: list[str] = []
    for one in gates:
        try:
            results.append(one())
        except GateFailed as failed:
            failures.append(str(failed))
    if failures:
        raise GateFailed("; ".join(failures))
    return results


def _evaluate(settings: Settings, run_id: str, suite: str, checks: Sequence[Check] | None) -> Result:
    if checks is None:
        return Result(suite, 0, 0, skipped=True)
    evaluated = sum(len(check.rules) for check in checks)
    if not evaluated:
        raise GateFailed("no rule to evaluate; a gate without rules lets nothing through")
    from expectations import docs  # loads Great Expectations, which takes seconds

    failures = docs.validate(settings.gates, run_id, checks)
    return Result(suite, evaluated, len(failures), tuple(failures))


def _message(result: Result) -> str:
    said = "; ".join(result.failures[:SAID])
    more = f"; and {len(result.failures) - SAID} more" if len(result.failures) > SAID else ""
    rules = f"{result.failed} of {result.evaluated} rules failed: " if result.evaluated else ""
    return f"gate {result.suite!r}: {rules}{said}{more}"


def _where(error: Exception) -> str:
    """The error's class and the innermost line of this project that it passed: enough to look, no values."""
    here = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).parent == Path(__file__).parent]
    place = f" at {Path(here[-1].filename).name}:{here[-1].lineno}" if here else ""
    return type(error).__name__ + place


def _write(folder: Path, result: Result) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f"{result.suite}.json.tmp"
    temporary.write_text(json.dumps(asdict(result), indent=1) + "\n")
    temporary.replace(folder / f"{result.suite}.json")
