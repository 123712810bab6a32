"""The feature rows: which columns are features, and which cut-offs train, calibrate, test and score.

Time decides the split, never chance: a model is judged on a fortnight later than all it has seen.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from models_ml.targets import LABELS, PURCHASE, Target
from warehouse.cutoffs import HORIZON
from warehouse.errors import SmaltiError
from warehouse.sql import literal

Matrix = NDArray[np.float64]
Labels = NDArray[np.bool_]

# what the purchase models go by: the same facts as recency and counts of orders, by day
HISTORY = frozenset({"order_days_count", "order_span_days", "days_since_first_order"})
BATCH = 100_000
SOME = 200_000  # people are enough to tell how far something has moved
LABEL = "label"  # what a split calls the label of its target
NEEDED = {"customer_id": pl.String, "cutoff_at": pl.Datetime, "is_scored": pl.Boolean, PURCHASE.label: pl.Boolean}


class NoFeatures(SmaltiError):
    """The run has no feature rows to read."""


@dataclass(frozen=True)
class Split:
    """Feature rows by use, each sorted by cut-off and features; `names` are the feature columns.

    The label of the target stands in the column `LABEL`, whatever the target.
    """

    names: tuple[str, ...]
    train: pl.DataFrame
    calibrate: pl.DataFrame
    test: pl.DataFrame
    score: pl.DataFrame
    target: Target = PURCHASE


def naive(moment: datetime) -> datetime:
    """The same instant in UTC without offset, as every column holds it."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def read(path: Path) -> pl.DataFrame:
    """The feature rows, one per customer and cut-off; as `columns` of errors."""
    columns(path)
    return pl.read_parquet(path).with_columns(pl.col("cutoff_at").dt.replace_time_zone(None).dt.cast_time_unit("us"))


def newest_closed(path: Path, target: Target) -> pl.DataFrame:
    """The rows of the latest cut-off whose label is known, of people of whom the target is asked; some where many."""
    known = pl.scan_parquet(path).filter(~pl.col("is_scored"))
    if target.label not in known.collect_schema():
        return pl.DataFrame()
    latest = known.select(pl.col("cutoff_at").max()).collect().item()
    frame = known.filter(pl.col("cutoff_at") == pl.lit(latest)).collect()
    return asked(frame.gather_every(1 + frame.height // SOME), target).with_columns(pl.col(target.label).alias(LABEL))


def split(
    frame: pl.DataFrame, as_of: datetime, target: Target = PURCHASE, key: tuple[str, ...] = ("customer_id",)
) -> Split:
    """Rows by use: as_of scores, the newest labelled cut-off tests, one before it calibrates, older ones train.

    Each labelled part ends before the next begins: a label that trains is known when calibration's fortnight begins.
    Only people of whom the target is asked are in it; all labelled parts are empty where its label is not known. `key`
    is what tells the rows of a cut-off apart.

    Raises:
        ValueError: a row to score has another cut-off than `as_of`, or a labelled row's fortnight
            ends after it, so that its label cannot be known yet; or a person (a key) stands twice at a cut-off.
    """
    as_of = naive(as_of)
    if frame.select(*key, "cutoff_at").is_duplicated().any():
        raise ValueError("a person stands twice at one cut-off; rows must be of people, not of their identifiers")
    names = numeric(frame)
    label = pl.col(target.label) if target.label in frame.columns else pl.lit(None, dtype=pl.Boolean)
    # a fit depends on order; it must not on what ids are
    rows = frame.with_columns(label.alias(LABEL)).sort("cutoff_at", *names, LABEL, *key)
    score, known = rows.filter(pl.col("is_scored")), rows.filter(~pl.col("is_scored"))
    if score.filter(pl.col("cutoff_at") != as_of).height:
        raise ValueError(f"rows to score have another cut-off than as_of; it must be {as_of}")
    known = _closed(known, as_of) if target.label in frame.columns else known.clear()
    score, known = (asked(part, target) for part in (score, known))
    test = _newest(known)
    calibrate = _newest(_before(known, test))
    return Split(names, _before(known, calibrate), calibrate, test, score, target)


def numeric(frame: pl.DataFrame) -> tuple[str, ...]:
    """The feature columns of these rows, by name."""
    apart = {*NEEDED, *LABELS, *HISTORY}
    return tuple(sorted(name for name, kind in frame.schema.items() if kind.is_numeric() and name not in apart))


def columns(path: Path) -> frozenset[str]:
    """The columns of the feature rows, which keep their contract.

    Raises:
        NoFeatures: there is no such file.
        ValueError: a column that every feature file has is missing or of another type.
    """
    if not path.exists():
        raise NoFeatures(f"no features at {path}; build_profiles, which exports them, comes first")
    schema = pl.read_parquet_schema(path)
    for name, kind in NEEDED.items():
        found = schema.get(name)
        if found is None or found.base_type() is not kind:
            raise ValueError(f"{path.name}: column {name!r} is {found or 'missing'}; it must be {kind.__name__}")
    return frozenset(schema)


def scored(path: Path, as_of: datetime, rows: int = BATCH) -> Iterator[pl.DataFrame]:
    """The rows to score, so many at a time, in the order of the file.

    Raises:
        ValueError: a row to score has another cut-off than `as_of`.
    """
    query = f"select * from read_parquet({literal(path)}) where is_scored"
    with duckdb.connect(config={"threads": 1}) as connection:  # more threads would hand rows over in another order
        for batch in connection.execute(query).to_arrow_reader(rows):
            frame = pl.DataFrame(pl.from_arrow(batch))
            if frame.filter(pl.col("cutoff_at").dt.replace_time_zone(None) != naive(as_of)).height:
                raise ValueError(f"rows to score have another cut-off than as_of; it must be {naive(as_of)}")
            yield frame


def _closed(known: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """Hold labels to their horizon: none may speak of days that are not over."""
    if known.filter((pl.col("cutoff_at") > as_of - HORIZON) | pl.col(LABEL).is_null()).height:
        raise ValueError(f"labelled rows must have a label, and a cut-off no later than {as_of - HORIZON}")
    return known


def asked(frame: pl.DataFrame, target: Target) -> pl.DataFrame:
    """The rows of people of whom the target is asked; none where the features that say so are not there."""
    absent = set(target.asked.meta.root_names()) - set(frame.columns)
    return frame.clear() if absent else frame.filter(target.asked)


def _newest(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(pl.col("cutoff_at") == pl.col("cutoff_at").max())


def _before(frame: pl.DataFrame, part: pl.DataFrame) -> pl.DataFrame:
    """Rows whose label is known when the part begins; none where the part is empty."""
    begins = part["cutoff_at"].first() if part.height else None
    return frame.filter(pl.col("cutoff_at") <= begins - HORIZON) if isinstance(begins, datetime) else frame.clear()


def matrix(frame: pl.DataFrame, names: tuple[str, ...]) -> Matrix:
    """The features as numbers, shape (rows, features); nulls and infinities are NaN."""
    if not names:
        return np.empty((frame.height, 0))
    x = frame.select(pl.col(names).cast(pl.Float64)).to_numpy(order="c", writable=True)
    x[~np.isfinite(x)] = np.nan
    x += 0.0  # there is one zero
    return x


def labels(frame: pl.DataFrame) -> Labels:
    """Whether the target came true of each customer within the horizon, shape (rows,)."""
    return frame[LABEL].to_numpy().astype(np.bool_)


def people(frame: pl.DataFrame) -> NDArray[np.int64]:
    """Of whom each row is, by number in order of their first rows, shape (rows,)."""
    first = pl.col("row").min().over("customer_id").rank("dense").cast(pl.Int64) - 1
    return frame.with_row_index("row").select(first).to_series().to_numpy()


def digest(frame: pl.DataFrame, names: tuple[str, ...]) -> str:
    """SHA-256 over cut-offs, labels and features: equal for what models see alike, whatever people are called."""
    total = hashlib.sha256("\0".join(names).encode())
    total.update(frame["cutoff_at"].to_physical().to_numpy().tobytes())
    total.update(frame[LABEL].cast(pl.Int8).fill_null(-1).to_numpy().tobytes())
    total.update(matrix(frame, names).tobytes())
    return total.hexdigest()
