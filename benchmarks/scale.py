"""What a shop of many events costs: one table for the whole flow, from its exports to a published version.

    make bench                      # 10 million events
    make bench EVENTS=100000000     # needs 60 GB of disk and an hour or two

A shop is simulated as `smalti simulate` does, 59 events a customer over 60 days. Runs are made as a person makes them,
by `smalti run`, each in processes of its own:

- `night`: the first nightly run over everything but the last 100,000 events; its stages stand in the table one by one,
  for loading, linkage and the training of models are no part of a rebuild. With `--without-night` an hourly run comes
  first instead, without features, scores and segments by scores.
- `hour without news`: an hourly run two hours later, with no new file: what a run costs that has nothing to do. The
  hour between learns the ids that the night gave, and is not shown.
- `hour with news`: the next one, with the files of 100,000 events and more that were held back. The difference is the
  hour's work.
- `full rebuild`: `smalti run hourly --full`, from `open_run` to `publish`: everything is built again from raw.
- `full rebuild, 2 GB`: the same with `SMALTI_MEMORY_LIMIT=2GB`.
- `preview`: `smalti segments preview` of a segment with a window, over the published version.

The scan counts the rows and sums a checksum of eleven columns of the raw web events as they lie in Parquet, in a
process of its own. CPU-seconds are user and system time of a run with all its children; peak memory is resident, at
one moment.
"""

import argparse
import gzip
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from benchmarks import results, scale_page
from warehouse import ledger

_END = datetime(2026, 9, 1)  # noqa: DTZ001  # the midnight after the last simulated day, UTC: all exports are there
_PER_CUSTOMER = 59.5  # events of the simulated shop in 60 days, a customer
_HELD_BACK = 100_000
_REBUILD = ("open_run", "build_profiles", "build_audience", "publish")
_COLUMNS = (
    *("event_id", "anonymous_id", "device_id", "user_id", "event_type", "product_id", "category"),
    *("value_amount", "url", "platform", "occurred_at"),
)
_SCAN = """
import duckdb, sys
rows = "read_parquet('" + sys.argv[1] + "/raw/web_events/2*/*.parquet')"
sums = ", ".join(f"bit_xor(hash({column}))" for column in sys.argv[2].split(","))
with duckdb.connect(config={"threads": 2}) as connection:
    print(connection.execute(f"select count(*), {sums} from {rows}").fetchone()[0])
"""


@dataclass(frozen=True)
class Cost:
    """What one process with its children took, or one stage of a run."""

    what: str
    cpu_seconds: float
    seconds: float
    peak_memory_mb: float
    written_mb: float = 0.0
    parts: dict[str, float] = field(default_factory=dict)  # CPU-seconds by stage or by model


@dataclass(frozen=True)
class Bench:
    """A folder with exports and a home, and the environment in which commands run there."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        """The state of the runs."""
        return self.folder / "home"

    def measured(self, what: str, *command: str, **variables: str) -> tuple[Cost, str]:
        """Run a command to its end; what it took, and what it printed.

        Raises:
            SystemExit: it failed.
        """
        print(f"… {what}", file=sys.stderr, flush=True)
        environment = os.environ | {"SMALTI_HOME": str(self.home)} | variables
        before, begun, peak = _children(), time.monotonic(), 0
        with tempfile.TemporaryFile("w+") as told:
            process = subprocess.Popen(command, env=environment, stdout=told)
            while process.poll() is None:
                peak = max(peak, _resident(process.pid))
                time.sleep(0.2)
            told.seek(0)
            printed = told.read()
        if process.returncode:
            raise SystemExit(f"{' '.join(command)} ended with exit code {process.returncode}")
        return Cost(
            what, round(_children() - before, 2), round(time.monotonic() - begun, 1), round(peak / 2**20)
        ), printed

    def run(self, what: str, *options: str, **variables: str) -> tuple[Cost, list[dict[str, Any]]]:
        """`smalti run`; what it took as a whole, and its stages as the ledger has them."""
        command = (_tool("smalti"), "run", *options, "--data", str(self.folder / "exports"), "--json")
        cost, _ = self.measured(what, *command, **variables)
        stages = ledger.stages(self.home / "ledger.sqlite")
        run_id = max(stages, key=lambda row: str(row["started_at"]))["run_id"]
        return cost, [row for row in stages if row["run_id"] == run_id]

    def nodes(self, run_id: str) -> dict[str, float]:
        """CPU-seconds of each model and test that dbt built in that run."""
        lines = (self.home / "logs" / f"{run_id}.jsonl").read_text().splitlines()
        events = (json.loads(line) for line in lines)
        return {row["node"]: row["cpu_seconds"] for row in events if row["event"] == "node_ended"}


def _tool(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _resident(pid: int) -> int:
    total = 0
    try:
        for one in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
            total += one.memory_info().rss
    except psutil.Error:  # it ended meanwhile
        pass
    return total


def hold_back(exports: Path, events: int) -> list[Path]:
    """Take the last files of web events away until they hold so many, as whole files do."""
    aside, taken, count = exports.with_name("later"), list[Path](), 0
    aside.mkdir(exist_ok=True)
    for path in sorted((exports / "web").glob("events_*.jsonl.gz"), reverse=True):
        if count >= events:
            break
        with gzip.open(path) as lines:
            count += sum(1 for _ in lines)
        taken.append(Path(shutil.move(path, aside / path.name)))
    return taken


def measure(bench: Bench, events: int, *, is_whole: bool = True) -> list[Cost]:
    """Everything that the table tells of a shop with so many events."""
    exports = bench.folder / "exports"
    customers = str(round(events / _PER_CUSTOMER))
    simulated, _ = bench.measured(
        "simulator", _tool("smalti"), "simulate", "--customers", customers, "--out", str(exports), "--json"
    )
    held = hold_back(exports, _HELD_BACK)
    moments = [_END + timedelta(hours=step) for step in range(6)]
    what, dag = ("night", "nightly") if is_whole else ("first hour", "hourly")
    night, stages = bench.run(what, dag, "--as-of", moments[0].isoformat())
    costs = [simulated, night, *map(_stage, _heavy(stages))]
    rows, _ = _scan(bench)
    costs.append(rows)
    bench.run("hour after the night", "hourly", "--as-of", moments[1].isoformat())  # learns the ids that it gave
    idle, hours = bench.run("hour without news", "hourly", "--as-of", moments[2].isoformat())
    costs.append(_with_parts(idle, bench, hours))
    for path in held:
        shutil.move(path, exports / "web" / path.name)
    busy, hours = bench.run("hour with news", "hourly", "--as-of", moments[3].isoformat())
    costs.append(_with_parts(busy, bench, hours))
    costs += _rebuilds(bench, moments[4:])
    preview, _ = bench.measured("preview", _tool("smalti"), "segments", "preview", "category_enthusiast", "--json")
    return [*costs, preview]


def _scan(bench: Bench) -> tuple[Cost, str]:
    command = (sys.executable, "-c", _SCAN, str(bench.home), ",".join(_COLUMNS))
    warm, _ = bench.measured("scan, to warm up", *command)
    cost, rows = bench.measured("scan", *command)
    start, _ = bench.measured("a process without work", sys.executable, "-c", "import duckdb")
    less = round(cost.cpu_seconds - start.cpu_seconds, 2)
    return Cost("scan", less, cost.seconds, cost.peak_memory_mb, parts={"warm up": warm.cpu_seconds}), rows


def _rebuilds(bench: Bench, moments: list[datetime]) -> list[Cost]:
    costs = []
    for what, moment, variables in zip(
        ("full rebuild", "full rebuild, 2 GB"), moments, ({}, {"SMALTI_MEMORY_LIMIT": "2GB"}), strict=True
    ):
        _, stages = bench.run(what, "hourly", "--full", "--as-of", moment.isoformat(), **variables)
        steps = [_stage(row) for row in stages if row["stage"] in _REBUILD]
        whole = Cost(
            what,
            round(sum(step.cpu_seconds for step in steps), 2),
            round(sum(step.seconds for step in steps), 1),
            max(step.peak_memory_mb for step in steps),
            sum(step.written_mb for step in steps),
            bench.nodes(stages[0]["run_id"]),
        )
        costs += [whole, *(replace(step, what=f"{what}: {step.what}") for step in steps)]
    return costs


def _heavy(stages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The stages of a night that took a second or more."""
    return [row for row in stages if (row["cpu_seconds"] or 0) >= 1]


def _stage(row: dict[str, Any]) -> Cost:
    name = " ".join(filter(None, (row["stage"], row["source"])))
    return Cost(
        name,
        round(row["cpu_seconds"] or 0, 2),
        round(row["seconds"] or 0, 1),
        row["peak_memory_mb"] or 0,
        round((row["bytes_written"] or 0) / 1e6),
    )


def _with_parts(cost: Cost, bench: Bench, stages: list[dict[str, Any]]) -> Cost:
    written = sum(row["bytes_written"] or 0 for row in stages) / 1e6
    parts = bench.nodes(stages[0]["run_id"])
    return Cost(cost.what, cost.cpu_seconds, cost.seconds, cost.peak_memory_mb, round(written), parts)


def main() -> None:
    """Measure, print the table, keep the figures, draw the chart."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path, help="work and keep everything here, in place of a temporary folder")
    parser.add_argument("--without-night", action="store_true", help="an hourly run in place of the first night")
    parser.add_argument("--no-record", action="store_true", help="print only; keep no figures")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="smalti-bench-", dir=given.folder) as made:
        folder = given.folder or Path(made)
        costs = measure(Bench(folder), given.events, is_whole=not given.without_night)
    versions = {name: version(name) for name in ("duckdb", "dbt-core", "apache-airflow-core")}
    told = {"machine": results.machine(), "versions": versions, "costs": [asdict(cost) for cost in costs]}
    result = {"events": given.events} | told
    scale_page.tell(result)
    if not given.no_record:
        results.keep("scale", result)
        scale_page.write(results.FOLDER)


if __name__ == "__main__":
    main()
