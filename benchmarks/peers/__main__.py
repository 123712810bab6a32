"""The race: every engine in a process of its own over the same Parquet, and one table of what they needed.

It fails where an engine's answers are not Smalti's. PostgreSQL takes long: it runs over fewer rows, beside Smalti over
as few. CPU-seconds are user and system time; only figures of one run are compared with each other.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from benchmarks import results
from benchmarks.peers import subset
from benchmarks.peers.work import Measured, read
from warehouse.settings import CHECKOUT

_SCAN, _OURS = "scan", "smalti_own"
NAMES = {
    "scan": "one scan",
    "smalti_own": "Smalti",
    "duckdb_naive": "DuckDB, naive SQL",
    "polars_engine": "polars, streaming",
    "pandas_engine": "pandas",
    "postgres_engine": "PostgreSQL",
}
_FIRST, _THEN = ("duckdb_naive", "polars_engine", "pandas_engine"), ("postgres_engine",)
_POSTGRES_ROWS = 1_000_000


class Different(Exception):
    """Engines gave different answers; the message says which."""


def race(events: Path, rows: int, engines: Sequence[str], folder: Path) -> list[Measured]:
    """The scan, Smalti, then these engines, over these events.

    Raises:
        Different: an answer is not Smalti's.
    """
    found = [run(engine, rows, events, folder / engine) for engine in (_SCAN, _OURS, *engines)]
    compare(folder, found)
    return found


def run(engine: str, rows: int, events: Path, folder: Path) -> Measured:
    """One engine in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.peers.alone", engine, str(events), str(folder)]
    subprocess.run(command, check=True, cwd=CHECKOUT)
    measured = read(engine, rows, (folder / "figures.json").read_text())
    if engine != _SCAN and not measured.why_not:
        measured = replace(measured, answers=subset.summary(folder / "answers"))
    print(f"  {NAMES[engine]}: {measured.why_not or f'{measured.cpu:.1f} CPU-s'}", flush=True)
    return measured


def compare(folder: Path, found: Sequence[Measured]) -> None:
    """Hold the answers of all engines that took part against Smalti's.

    Raises:
        Different: they are not the same.
    """
    for one in found:
        if one.engine in (_SCAN, _OURS) or one.why_not:
            continue
        if wrong := subset.differences(folder / _OURS / "answers", folder / one.engine / "answers"):
            raise Different(f"{NAMES[one.engine]} and Smalti give different answers: {'; '.join(wrong)}")


def table(found: Sequence[Measured]) -> str:
    """A line an engine, its cost as a multiple of the scan and of Smalti's."""
    by_name = {one.engine: one for one in found}
    scan, ours = by_name[_SCAN].cpu, by_name[_OURS].cpu
    heads = ("engine", "rows", "CPU-s", "wall s", "peak GB", "to the scan", "to Smalti")
    lines = [f"| {' | '.join(heads)} |", "|---|--:|--:|--:|--:|--:|--:|"]
    for one in found:
        if one.why_not:
            lines.append(f"| {NAMES[one.engine]} | {one.rows:,} | not measured: {one.why_not} | | | | |")
            continue
        lines.append(
            f"| {NAMES[one.engine]} | {one.rows:,} | {one.cpu:.1f} | {one.wall:.1f} | {one.peak / 2**30:.1f} "
            f"| {one.cpu / scan:.1f} | {one.cpu / ours:.2f} |"
        )
    return "\n".join(lines)


def shares(ours: Measured, least: float = 0.01) -> str:
    """The models that cost Smalti the most, each with its share."""
    costs = sorted(ours.steps.items(), key=lambda step: -step[1])
    return " · ".join(f"{name} {cost:.1f}" for name, cost in costs if cost >= least * ours.cpu)


def main() -> None:
    """Print the table and keep the figures."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rows", type=int, default=10_000_000)
    arguments.add_argument("--results", type=Path, default=results.FOLDER)
    given = arguments.parse_args()
    races, machine = [(given.rows, _FIRST), (min(given.rows, _POSTGRES_ROWS), _THEN)], results.machine()
    print(f"{machine['cores']} cores, {machine['memory_gb']} GB, load {machine['load']} before", flush=True)
    every: list[list[Measured]] = []
    with tempfile.TemporaryDirectory(prefix="smalti-bench-") as made:
        for number, (rows, engines) in enumerate(races):
            events = Path(made) / f"{number}.parquet"
            subset.write(events, rows)
            try:
                every.append(race(events, rows, engines, Path(made) / str(number)))
            except Different as error:
                raise SystemExit(str(error)) from None
            print(f"\n{table(every[-1])}\nSmalti: {shares(every[-1][1])}\n", flush=True)
    found = {"machine": machine, "load_after": results.machine()["load"]}
    file = results.keep("peers", found | {"races": [[asdict(one) for one in some] for some in every]}, given.results)
    print(f"answers identical · kept in {file}")


if __name__ == "__main__":
    main()
