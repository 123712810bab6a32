"""The gate on how much came: is each new delivery as large, and as filled, as the source's earlier ones let expect?

A file that is empty, or cut where a line ends, keeps every promise of its contract. It is judged by the source's own
history: deliveries of the same weekday and hour, else of the same hour, else all, wherever there are `ENOUGH`; with
fewer nothing is expected, and the rule says so. A bar is the lowest of half the usual (the median), of `SPREADS`
spreads below it, and of as much as chance does below the smallest that passed: what varies by itself is not stopped.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil, sqrt
from statistics import median
from typing import Any

import pandas as pd
import polars as pl
from scipy.special import bdtrik

from expectations import gate
from expectations.gate import Check, Result, Rule
from warehouse import contracts, ledger, manifest
from warehouse.contracts import Contract
from warehouse.manifest import Line
from warehouse.settings import Settings

SUITE = "volume"
ENOUGH = 8  # earlier deliveries of a kind
RECENT = 60  # of them that are looked at
REACH = 2_000  # files, in which they are looked for: twelve weeks of hourly ones
SHARE = 0.5  # of the usual
SPREADS = 4.0  # a spread: the median absolute deviation, scaled to that of a normal law, or what chance does by itself
NORMAL = 1.4826
RARELY = 1e-5  # how often chance alone may stop a delivery, by one column
FEW = 30  # rows: where fewer are usual, that there are none may be chance


@dataclass(frozen=True)
class Delivery:
    """One delivered file, whatever loads and replays it took: rows that kept the contract, repeated ones included."""

    batch: int
    arrived_at: datetime
    rows: int
    bytes: int
    suffix: str


@dataclass(frozen=True)
class Bar:
    """What is expected: at least `least`, where `usual` is what `compared` earlier ones came to."""

    least: float
    usual: float
    compared: int


NOTHING = Bar(0.0, 0.0, 0)
_SLOTS: tuple[Callable[[Delivery], object], ...] = (
    lambda one: (one.arrived_at.weekday(), one.arrived_at.hour),
    lambda one: one.arrived_at.hour,
    lambda _: None,
)


def check_volume(settings: Settings, run_id: str, since_batch: int) -> Result:
    """Hold each delivery after `since_batch` against the earlier ones of its source.

    Returns:
        What was found; `skipped` where no file came.

    Raises:
        GateFailed: a delivery is smaller or emptier than expected, or the gate itself broke.
    """
    return gate.run(settings, run_id, SUITE, lambda: checks(settings, run_id, since_batch))


def checks(settings: Settings, run_id: str, since_batch: int) -> list[Check] | None:
    """One check for all sources: a one-row frame and its rules; None where no source had a delivery."""
    cells: dict[str, list[float]] = {}
    rules: list[Rule] = []
    now = _filled(settings, [run_id])
    before = _filled(settings, _passed(settings, run_id))
    for folder in sorted(path.parent for path in settings.raw.glob("*/contract.json")):
        contract, every = contracts.read(folder), deliveries(manifest.read(folder))
        new = [one for one in every if one.batch > since_batch]
        earlier = [one for one in every if one.batch <= since_batch][-REACH:]
        for name, value, least, says in _judged(contract, new, earlier, now, before):
            cells[name] = [value]
            rules.append(Rule("ExpectColumnValuesToBeBetween", {"column": name, "min_value": least}, says))
    return [Check(SUITE, pd.DataFrame(cells), tuple(rules))] if rules else None


def deliveries(lines: Sequence[Line]) -> list[Delivery]:
    """The files that these lines of a manifest are about, in the order of their arrival."""
    files: dict[str, list[Line]] = {}
    for line in lines:
        if line.status == "loaded" and line.arrived_at:
            files.setdefault(line.sha256, []).append(line)
    found = [
        Delivery(
            batch=min(line.batch for line in some),
            arrived_at=datetime.fromisoformat(str(some[0].arrived_at)),
            rows=sum(line.rows_in - line.rows_rejected for line in some),
            bytes=some[0].bytes,
            suffix=some[0].file.rpartition(".")[2],
        )
        for some in files.values()
    ]
    return sorted(found, key=lambda one: (one.arrived_at, one.batch))


def bar(values: Sequence[float], chance: float) -> Bar:
    """What the next value should at least be, by those of earlier deliveries; `chance` is the least spread."""
    if len(values) < ENOUGH:
        return Bar(0.0, 0.0, len(values))
    usual, smallest = median(values), min(values)
    spread = max(NORMAL * median(abs(value - usual) for value in values), chance)
    least = min(SHARE * usual, usual - SPREADS * spread, smallest - SPREADS * chance)
    return Bar(max(least, 0.0), usual, len(values))


def rows_bar(one: Delivery, earlier: Sequence[Delivery]) -> Bar:
    """How many rows the delivery should have; at least one where many are usual and none was ever empty."""
    values = [float(other.rows) for other in _alike(one, earlier)]
    found = bar(values, sqrt(median(values)) if values else 0.0)
    is_never_empty = found.usual >= FEW and min(values) > 0
    return Bar(max(found.least, 1.0), found.usual, found.compared) if is_never_empty else found


def bytes_bar(one: Delivery, earlier: Sequence[Delivery]) -> Bar:
    """How many bytes the file should have; only files packed alike are compared, and few rows vary as rows do."""
    alike = _alike(one, [other for other in earlier if other.suffix == one.suffix])
    values = [float(other.bytes) for other in alike]
    rows = median([other.rows for other in alike]) if alike else 0
    return bar(values, median(values) / sqrt(max(rows, 1)) if values else 0.0)


def _alike(one: Delivery, earlier: Sequence[Delivery]) -> list[Delivery]:
    found: list[Delivery] = []
    for slot in _SLOTS:
        found = [other for other in earlier if slot(other) == slot(one)][-RECENT:]
        if len(found) >= ENOUGH:
            break
    return found


def _judged(
    contract: Contract,
    new: Sequence[Delivery],
    earlier: Sequence[Delivery],
    now: pl.DataFrame,
    before: pl.DataFrame,
) -> Iterator[tuple[str, float, float, str]]:
    """Name, value, least value and words of each rule on one source."""
    source = contract.source
    for what, judge in (("rows", rows_bar), ("bytes", bytes_bar)):
        judged = [(getattr(one, what), judge(one, earlier), one) for one in new]
        if judged:
            value, wanted, one = min(judged, key=lambda found: found[0] - found[1].least)
            where = f"batch {one.batch}, arrived {one.arrived_at:%Y-%m-%d %H:%M}"
            said = f"{source}: a delivery has the {what} expected ({where}: {value:,} {what}; {_said(wanted)})"
            yield f"{source}.{what}", value, wanted.least, said
    rows_each = _rows_a_person(contract, before)
    for column in contract.columns:
        shares = before.filter(source=source, column=column.in_raw)["filled"].to_list()
        for row in (
            now.filter(source=source, column=column.in_raw).iter_rows(named=True) if column.pii != "none" else ()
        ):
            wanted = bar(shares, _chance(shares, row["rows"] / rows_each))
            where = f"{source}.{column.in_raw}"
            said = (
                f"{where}: is filled as expected ({row['filled']:.0%} of {row['rows']:,} rows; {_said(wanted, '.0%')})"
            )
            yield f"{where}.filled", row["filled"], wanted.least, said


def _said(wanted: Bar, form: str = ",.0f") -> str:
    if wanted.compared < ENOUGH:
        return f"nothing is expected before {ENOUGH} deliveries, there were {wanted.compared}"
    return f"expected at least {wanted.least:{form}}, usual {wanted.usual:{form}} by {wanted.compared} earlier ones"


def _chance(shares: Sequence[float], people: float) -> float:
    """What chance does to a share, whose rows of one person are alike: a visit by app has no cookie in any event."""
    usual, count = median(shares) if shares else 0.0, max(int(people), 1)
    if not usual:
        return 0.0
    lowest = max(ceil(float(bdtrik(RARELY, count, usual))), 0) / count  # of few people the normal law says too much
    return max(sqrt(usual * (1 - usual) / count), (usual - lowest) / SPREADS)


def _rows_a_person(contract: Contract, before: pl.DataFrame) -> float:
    """How many rows are usual of one person, by the column about people with the most values; 1 where none says."""
    about = [column.in_raw for column in contract.columns if column.pii != "none" and column.name not in contract.key]
    told = before.filter(pl.col("source") == contract.source, pl.col("column").is_in(about))
    runs = told.group_by("run_id").agg(pl.col("rows").max(), people=pl.col("distinct_approx").max())
    each = runs.filter(pl.col("people") > 0).select(pl.col("rows") / pl.col("people")).to_series().to_list()
    return max(median(each), 1.0) if each else 1.0


def _passed(settings: Settings, run_id: str) -> list[str]:
    """The runs before this one whose raw data passed its gates."""
    stages = ledger.stages(settings.ledger, stage="check_raw")
    return [row["run_id"] for row in stages if row["status"] == "ok" and row["run_id"] != run_id][-RECENT:]


def _filled(settings: Settings, run_ids: Sequence[str]) -> pl.DataFrame:
    """The profile's columns and the filled share, a row for each of these runs that had any row of the source."""
    paths = {run_id: settings.gates / run_id / "raw_profile.parquet" for run_id in run_ids}
    frames = [
        pl.read_parquet(path).with_columns(run_id=pl.lit(run_id)).select(list(_PROFILE))
        for run_id, path in paths.items()
        if path.exists()
    ]
    found = pl.concat([pl.DataFrame(schema=_PROFILE), *frames])
    return found.filter(pl.col("rows") > 0).with_columns(filled=1 - pl.col("nulls") / pl.col("rows"))


_PROFILE: dict[str, Any] = {
    "run_id": pl.String,
    "source": pl.String,
    "column": pl.String,
    "rows": pl.Int64,
    "nulls": pl.Int64,
    "distinct_approx": pl.Int64,
}
