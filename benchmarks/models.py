"""What models of many people cost: `make bench-models`, or `make bench-models PEOPLE=500000`.

Every step runs in a process of its own, which says what it took: CPU-seconds (user and system) of the step alone, the
median of three runs where they are short, and the most memory that the process held. People are made up, by seed:
counts, days and amounts in cents as a shop has them, some without a value; a fifth belong to each of five groups.

- `array`: a million rows of fifty features, from a DuckDB table in memory and from a Parquet file, into one float32
  array; beside it the same by way of a pandas frame.
- `k-means`: twelve groups on thirty features, fitted on a sample of 100,000 with several starts; everybody assigned.
- `scoring`: the purchase model on fifty features, from Parquet to Parquet: probabilities, tiers, three reasons each.
- `affinity`: pairs of customer and category, two of each person, on thirty features: probabilities and tiers.
- `look-alikes`: everybody by a model of those who resemble a seed of a twentieth, thirty features, three reasons each.
- `groups`: all that a training does: the number of groups by the rule, names, picture, migration from a former model.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import duckdb
import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from benchmarks import results
from models_ml import artifacts, calibration

_GROUPS = 5
_AT = datetime(2026, 9, 1)  # noqa: DTZ001  # UTC, as every column holds it
# columns in turn: a count, days, an amount in cents; `g` is the person's group, a tenth have no value
_COUNT = "cast(floor(-ln(1 - random()) * {mean} * (1 + (g + {i}) % 5)) as bigint)"
_DAYS = "case when random() < .1 then null else random() * 100 * (1 + (g + {i}) % 3) end"
_AMOUNT = "round(-ln(1 - random()) * 40 * (1 + (g * {i}) % 4), 2)"


@dataclass(frozen=True)
class Step:
    """What one step took; `goal` in CPU-seconds, for as many people as were asked for by default."""

    what: str
    people: int
    features: int
    cpu_seconds: float
    peak_gb: float
    goal: float | None = None


def _query(people: int, features: int) -> str:
    kinds = (_COUNT, _COUNT, _DAYS, _AMOUNT)
    columns = ", ".join(f"{kinds[i % 4].format(i=i, mean=1 + i % 7)} as f{i:02d}" for i in range(features))
    return f"select {columns} from (select (random() * {_GROUPS})::int % {_GROUPS} as g from range({people}))"


def _people(folder: Path, people: int, features: int) -> Path:
    path = folder / f"people-{people}-{features}.duckdb"
    if not path.exists():
        with duckdb.connect(path, config={"threads": 1}) as connection:
            connection.execute("select setseed(.5)")
            connection.execute(f"create table people as {_query(people, features)}")
            file = path.with_suffix(".parquet")
            connection.execute(f"copy people to '{file}' (format parquet, compression zstd)")
    return path


def _timed(act: Callable[[], object], times: int = 3) -> float:
    """The median of some runs."""
    taken = []
    for _ in range(times):
        begun = process_time()
        act()
        taken.append(process_time() - begun)
    return median(taken)


def from_table(path: Path, names: list[str], rows: int) -> float:
    """A DuckDB table into an array."""
    from models_ml import arrays

    with _held(path) as connection:
        arrays.to_array(arrays.from_query(connection, "from people limit 9"), names, 9)  # what is imported at first use
        return _timed(lambda: arrays.to_array(arrays.from_query(connection, "from people"), names, rows))


def from_table_by_frame(path: Path, names: list[str], rows: int) -> float:  # noqa: ARG001  # all of them
    """The same by way of a pandas frame: what a figure of this machine is to be compared with."""
    with _held(path) as connection:
        connection.execute("from people limit 9").df().to_numpy()
        return _timed(lambda: connection.execute("from people").df().to_numpy())


def _held(path: Path) -> duckdb.DuckDBPyConnection:
    """The table, in DuckDB's memory."""
    connection = duckdb.connect(path, read_only=True, config={"threads": 1})
    connection.execute("select sum(columns(*)) from people").fetchall()
    return connection


def from_file(path: Path, names: list[str], rows: int) -> float:
    """A Parquet file into an array."""
    from models_ml import arrays

    return _timed(lambda: arrays.to_array(arrays.from_parquet(path.with_suffix(".parquet"), names), names, rows))


def kmeans(path: Path, names: list[str], rows: int) -> float:
    """Groups of a sample, everybody assigned; features are in memory, and stay as they are."""
    from models_ml import arrays, clusters, grouping, space

    x = arrays.to_array(arrays.from_parquet(path.with_suffix(".parquet"), names), names, rows)

    def act() -> None:
        sample = x[clusters.chosen(rows, clusters.PARAMETERS.fit_sample, 1)]
        fitted = space.fit(pl.DataFrame(sample, schema=names), tuple(names))
        placed = np.asarray(space.place(sample.copy(), fitted), dtype=np.float32)
        groups = grouping.kmeans(placed, 12, clusters.PARAMETERS.starts, 1)
        for at in range(0, rows, arrays.BATCH):
            grouping.nearest(space.place(x[at : at + arrays.BATCH].copy(), fitted), groups)

    with threadpool_limits(1):
        return _timed(act)


def groups(path: Path, names: list[str], rows: int) -> float:
    """All of a training, with a former model to go on from."""
    from models_ml import clusters

    frame = pl.read_parquet(path.with_suffix(".parquet"), columns=names)
    frame = frame.with_columns(customer_id=pl.int_range(rows).cast(pl.String))
    former = clusters.fit(frame.head(50_000), tuple(names))
    return _timed(lambda: clusters.fit(frame, tuple(names), former, "former"), times=1)


def _rows_to_score(path: Path, file: Path, further: str) -> Path:
    """The made-up people as a run's folder of features holds them, with further columns."""
    kept = "$at::timestamp as cutoff_at, true as is_scored, null::boolean as bought_next_14d"
    query = f"select {further}, {kept}, * from read_parquet('{path.with_suffix('.parquet')}')"
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(f"copy ({query}) to '{file}' (format parquet, compression zstd)", {"at": _AT})
    return file


def _learnt(file: Path, names: list[str], rows: int) -> artifacts.Files:
    """A propensity fitted on some of them, with labels that some features and luck decide."""
    from models_ml import features, propensity

    known = pl.read_parquet(file, n_rows=150_000)
    worth = sum((pl.col(name).fill_null(0) / (1 + at) for at, name in enumerate(names[:20])), pl.lit(0.0))
    chance = 1 / (1 + (-(worth - worth.mean()) / worth.std()).exp())
    luck = pl.Series(np.random.default_rng(1).random(known.height))
    known = known.with_columns((chance > luck).alias(features.LABEL))
    earlier = (
        pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.col("cutoff_at").dt.offset_by("-7d")).otherwise("cutoff_at")
    )
    third = min(rows // 3, 50_000)
    train, calibrate, test = (known.slice(part * third, third).with_columns(cutoff_at=earlier) for part in range(3))
    split = features.Split(tuple(names), train, calibrate, test, known.clear())
    return propensity.fit(split, 1)


def scoring(path: Path, names: list[str], rows: int) -> float:
    """Everybody scored by a propensity model, some at a time, and written."""
    from models_ml import features, propensity

    file = _rows_to_score(path, path.with_name("features.parquet"), "row_number() over ()::varchar as customer_id")
    model = propensity.load(_learnt(file, names, rows))

    def act() -> None:
        found = [propensity.applied(model, people, 1) for people in features.scored(file, _AT)]
        propensity.scores(pl.concat(found), "purchase", "0" * 12, _AT).write_parquet(path.with_name("scores.parquet"))

    return _timed(act)


def affinity(path: Path, names: list[str], rows: int) -> float:
    """Every pair of customer and category scored, some at a time, and written; two pairs of each person."""
    from models_ml import affinity as pairs
    from models_ml import folders

    numbers = (
        "((row_number() over () - 1) // 2)::varchar as customer_id, (row_number() over () % 2)::varchar as category"
    )
    folder = path.with_suffix("")
    folder.mkdir(exist_ok=True)
    file = _rows_to_score(path, pairs.path(folder), f"{numbers}, false as has_bought")
    files = _learnt(file, names, rows)

    def act() -> None:
        folders.parquet(pairs.predict(files, folder, "0" * 12, _AT, 1), pairs.SCHEMA)

    return _timed(act)


def lookalikes(path: Path, names: list[str], rows: int) -> float:  # noqa: ARG001  # all of them
    """Everybody scored by how much they resemble a seed, some at a time, and written; the fit is not in it."""
    from models_ml import features, propensity, resemblance

    file = _rows_to_score(path, path.with_name("alike.parquet"), "row_number() over ()::varchar as customer_id")
    known = pl.read_parquet(file, n_rows=100_000)
    first = pl.col(names[0])
    known = known.with_columns((first > first.quantile(0.95)).alias(features.LABEL))
    used = tuple(names[1:])
    fit = resemblance.learn(known, used, resemblance.sample(features.labels(known)))
    told = calibration.sigmoid(resemblance.margins(fit, known))
    tiers = resemblance.bounds(told, resemblance.size(features.labels(known)))

    def act() -> None:
        found = [resemblance.applied(fit, tiers, people) for people in features.scored(file, _AT)]
        scores = propensity.scores(pl.concat(found), "lookalike", "0" * 12, _AT)
        scores.write_parquet(path.with_name("alike_scores.parquet"))

    with threadpool_limits(1):
        return _timed(act)


# by name: what is done, people as a multiple of those asked for, features, goal in CPU-seconds
STEPS: dict[str, tuple[Callable[[Path, list[str], int], float], float, int, float | None]] = {
    "array from a table": (from_table, 0.5, 50, 0.5),
    "the same by a frame": (from_table_by_frame, 0.5, 50, None),
    "array from a file": (from_file, 0.5, 50, None),
    "k-means": (kmeans, 1, 30, 2.0),
    "groups": (groups, 1, 30, None),
    "scoring": (scoring, 1, 50, 20.0),
    "affinity": (affinity, 2, 30, None),
    "look-alikes": (lookalikes, 1, 30, None),
}


def measured(step: str, folder: Path, people: int) -> Step:
    """One step in this process.

    Raises:
        KeyError: there is no such step.
    """
    act, times, features, goal = STEPS[step]
    rows = int(people * times)
    path = _people(folder, rows, features)
    used = act(path, [f"f{i:02d}" for i in range(features)], rows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return Step(step, rows, features, round(used, 2), round(peak, 2), goal)


def _apart(step: str, folder: Path, people: int) -> dict[str, Any]:
    _people(folder, int(people * STEPS[step][1]), STEPS[step][2])  # made here: its memory is not the step's
    command = (sys.executable, "-m", "benchmarks.models", "--step", step, "--folder", str(folder))
    ended = subprocess.run([*command, "--people", str(people)], check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def main() -> None:
    """Measure every step, print and keep what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=2_000_000)
    parser.add_argument("--step", choices=STEPS)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    if given.step:
        print(json.dumps(asdict(measured(given.step, given.folder, given.people))))
        return
    with tempfile.TemporaryDirectory() as folder:
        found = [_apart(step, given.folder or Path(folder), given.people) for step in STEPS]
    print(f"{'':22}{'people':>12}{'features':>10}{'CPU-s':>8}{'goal':>8}{'GB':>8}")
    for one in found:
        goal = one["goal"] or "-"
        print(
            f"{one['what']:22}{one['people']:>12,}{one['features']:>10}{one['cpu_seconds']:>8}{goal:>8}{one['peak_gb']:>8}"
        )
    results.keep("models", {"machine": results.machine(), "steps": found})


if __name__ == "__main__":
    main()
