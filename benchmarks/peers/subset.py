"""What every engine computes from the same Parquet, and how answers are held against each other.

From web events (`benchmarks.events`, 60 days, in order of time, one in a hundred twice):

1. one event per `event_id`;
2. who is who: the person is the user of the device (`anonymous_id`) where one was ever known, else the device;
3. sessions: a gap of more than 30 minutes starts a new one;
4. interest by person and category: views and carts by the weights and half-lives of `seeds/interest_weights.csv`,
   each halved by its half-life up to `AS_OF`;
5. RFM: of those who bought when last, how often and for how much, each as `ceil(5 * cume_dist)`;
6. the segment `category_enthusiast`: five or more distinct products of one category viewed within ten minutes, both
   ends included, in the past 30 days.

That an event counts once shows in the sessions' counts. Scores are compared within 1e-8, for additions in another
order end in other digits, and `interests` rounds to nine; everything else has to be the same to the last microsecond.
"""

import csv
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from benchmarks import events
from warehouse import dbt
from warehouse.sql import literal

DAYS = 60
AS_OF = datetime(2026, 8, 31)  # noqa: DTZ001  # naive UTC, as all moments here
_TOLERANCE = 1e-8


@dataclass(frozen=True)
class Answer:
    """A table that every engine answers with: its key, what else is exact, and what is so within the tolerance."""

    key: dict[str, str]
    exact: dict[str, str]
    near: tuple[str, ...] = ()

    @property
    def select(self) -> str:
        """Its columns in their types, whatever an engine wrote."""
        typed = {**self.key, **self.exact, **dict.fromkeys(self.near, "double")}
        return ", ".join(f"cast({name} as {kind}) as {name}" for name, kind in typed.items())


ANSWERS = {
    "people": Answer({"device": "varchar"}, {"person": "varchar"}),
    "sessions": Answer(
        {"person": "varchar", "started_at": "timestamp"}, {"ended_at": "timestamp", "events_count": "bigint"}
    ),
    "interests": Answer({"person": "varchar", "category": "varchar"}, {}, ("score",)),
    "rfm": Answer(
        {"person": "varchar"},
        {
            "orders_count": "bigint",
            "last_ordered_at": "timestamp",
            "spend_cents": "bigint",
            "recency": "integer",
            "frequency": "integer",
            "monetary": "integer",
        },
    ),
    "segment": Answer({"person": "varchar"}, {}),
}


@dataclass(frozen=True)
class Signal:
    """What an event of this type says of an interest."""

    weight: float
    half_life_days: float


def signals() -> dict[str, Signal]:
    """The product's own weights and half-lives, of the events among them."""
    with (dbt.PROJECT / "seeds" / "interest_weights.csv").open(newline="") as file:
        rows = {row["signal"]: row for row in csv.DictReader(file)}
    return {
        name: Signal(float(rows[name]["weight"]), float(rows[name]["half_life_days"]))
        for name in ("product_view", "add_to_cart")
    }


def write(path: Path, rows: int) -> None:
    """Write the events as one Parquet file."""
    with duckdb.connect() as db:
        db.execute("set threads = 2")
        query = events.delivered(rows, days=DAYS)
        db.execute(f"copy ({query}) to {literal(path)} (format parquet, compression zstd)")


def path(folder: Path, name: str) -> Path:
    """Where an engine leaves an answer."""
    return folder / f"{name}.parquet"


def summary(folder: Path) -> dict[str, str]:
    """By answer the number of rows and a checksum of all that is exact, whatever the order."""
    return {name: _summary(answer, path(folder, name)) for name, answer in ANSWERS.items()}


def _summary(answer: Answer, file: Path) -> str:
    columns = ", ".join({**answer.key, **answer.exact})
    query = f"select count(*), sum(hash({columns})) from (select {answer.select} from {literal(file)})"
    [(rows, sums)] = duckdb.sql(query).fetchall()
    return f"{rows:,} · {int(sums or 0) % 10**8:08d}"


def differences(ours: Path, theirs: Path) -> list[str]:
    """Each answer that is not the same in both folders, and in how many rows."""
    found = {name: _differing(answer, path(ours, name), path(theirs, name)) for name, answer in ANSWERS.items()}
    return [f"{name}: {rows:,} rows differ" for name, rows in found.items() if rows]


def _differing(answer: Answer, ours: Path, theirs: Path) -> int:
    first, *_ = answer.key
    same = [f"a.{name} is not distinct from b.{name}" for name in answer.exact]
    same += [f"abs(a.{name} - b.{name}) <= {_TOLERANCE}" for name in answer.near]
    keys = " and ".join(f"a.{name} = b.{name}" for name in answer.key)
    both = " and ".join(same) or "true"
    tables = [f"(select {answer.select} from {literal(file)})" for file in (ours, theirs)]
    [(rows,)] = duckdb.sql(f"""
        select count(*) filter (where a.{first} is null or b.{first} is null or ({both}) is not true)
        from {tables[0]} as a full join {tables[1]} as b on {keys}
    """).fetchall()
    twice = sum(_repeated(answer, file) for file in (ours, theirs))
    return int(rows) + twice


def _repeated(answer: Answer, file: Path) -> int:
    keys = ", ".join(answer.key)
    query = f"select count(*) - count(distinct ({keys})) from (select {answer.select} from {literal(file)})"
    return int(duckdb.sql(query).fetchall()[0][0])
