"""The feature rows: which columns are features, and which cut-offs train, calibrate, test and score.

Time decides the split, never chance: a model is judged on a fortnight later than all it has seen.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from warehouse.cutoffs import HORIZON
from warehouse.errors import SmaltiError

Matrix = NDArray[np.float64]
Labels = NDArray[np.bool_]

LABEL = "bought_next_14d"
NEEDED = {"customer_id": pl.String, "cutoff_at": pl.Datetime, "is_scored": pl.Boolean, LABEL: pl.Boolean}


class NoFeatures(SmaltiError):
    """The run has no feature rows to read."""


@dataclass(frozen=True)
class Split:
    """Feature rows by use, each sorted by cut-off and features; `names` are the feature columns."""

    names: tuple[str, ...]
    train: pl.DataFrame
    calibrate: pl.DataFrame
    test: pl.DataFrame
    score: pl.DataFrame


def naive(moment: datetime) -> datetime:
    """The same instant in UTC without offset, as every column holds it."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def read(path: Path) -> pl.DataFrame:
    """The feature rows, one per customer and cut-off.

    Raises:
        NoFeatures: there is no such file.
        ValueError: a column that every feature file has is missing or of another type.
    """
    if not path.exists():
        raise NoFeatures(f"no features at {path}; build_profiles, which exports them, comes first")
    frame = pl.read_parquet(path)
    for name, kind in NEEDED.items():
        found = frame.schema.get(name)
        if found is None or found.base_type() is not kind:
            raise ValueError(f"{path.name}: column {name!r} is {found or 'missing'}; it must be {kind.__name__}")
    return frame.with_columns(pl.col("cutoff_at").dt.replace_time_zone(None).dt.cast_time_unit("us"))


def split(frame: pl.DataFrame, as_of: datetime) -> Split:
    """Rows by use: as_of scores, the newest labelled cut-off tests, one before it calibrates, older ones train.

    Each labelled part ends before the next begins: a label that trains is known when calibration's fortnight begins.

    Raises:
        ValueError: a row to score has another cut-off than `as_of`, or a labelled row's fortnight
            ends after it, so that its label cannot be known yet.
    """
    as_of = naive(as_of)
    names = tuple(sorted(n for n, t in frame.schema.items() if t.is_numeric() and n not in NEEDED))
    rows = frame.sort("cutoff_at", *names, LABEL, "customer_id")  # a fit depends on order; it must not on what ids are
    score, known = rows.filter(pl.col("is_scored")), rows.filter(~pl.col("is_scored"))
    if score.filter(pl.col("cutoff_at") != as_of).height:
        raise ValueError(f"rows to score have another cut-off than as_of; it must be {as_of}")
    if known.filter((pl.col("cutoff_at") > as_of - HORIZON) | pl.col(LABEL).is_null()).height:
        raise ValueError(f"labelled rows must have a label, and a cut-off no later than {as_of - HORIZON}")
    test = _newest(known)
    calibrate = _newest(_before(known, test))
    return Split(names, train=_before(known, calibrate), calibrate=calibrate, test=test, score=score)


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
    x = frame.select(pl.col(names).cast(pl.Float64).fill_null(float("nan"))).to_numpy()
    return np.ascontiguousarray(np.where(np.isfinite(x), x + 0.0, np.nan))


def labels(frame: pl.DataFrame) -> Labels:
    """Whether each customer bought within the horizon, shape (rows,)."""
    return frame[LABEL].to_numpy().astype(np.bool_)


def digest(frame: pl.DataFrame, names: tuple[str, ...]) -> str:
    """SHA-256 over cut-offs, labels and features: equal for what models see alike, whatever people are called."""
    total = hashlib.sha256("\0".join(names).encode())
    total.update(frame["cutoff_at"].to_physical().to_numpy().tobytes())
    total.update(frame[LABEL].cast(pl.Int8).fill_null(-1).to_numpy().tobytes())
    total.update(matrix(frame, names).tobytes())
    return total.hexdigest()
