"""What an export's writer shares with the others: the form of a CSV, and the count of rows by source."""

from pathlib import Path

import polars as pl

Rows = dict[str, int]


def write_csv(frame: pl.DataFrame, path: Path) -> None:
    """Write a CSV with a header: seconds in times, two decimals in amounts, empty for unknown."""
    frame.write_csv(path, datetime_format="%Y-%m-%d %H:%M:%S", date_format="%Y-%m-%d", float_precision=2)
