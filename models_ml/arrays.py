"""Features as one float32 array, filled from Arrow record batches: models of millions of people read nothing twice.

A data frame of a million rows and fifty features on its way to an array costs several times the work and the memory.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

Array = NDArray[np.float32]
TILE = 2_048  # rows turned at once: fifty features of them stay within a processor's own cache; DuckDB's own measure
BATCH = 10 * TILE  # rows that a reader hands over at once


def from_parquet(path: Path, names: Sequence[str], rows: int = BATCH) -> Iterator[pa.RecordBatch]:
    """The columns of a Parquet file, so many rows at a time."""
    with pq.ParquetFile(path) as file:
        yield from file.iter_batches(batch_size=rows, columns=list(names), use_threads=False)


def from_query(connection: duckdb.DuckDBPyConnection, sql: str, rows: int = BATCH) -> Iterator[pa.RecordBatch]:
    """What a query gives, so many rows at a time; the query states its own order."""
    yield from connection.execute(sql).to_arrow_reader(rows)


def to_array(batches: Iterable[pa.RecordBatch], names: Sequence[str], rows: int) -> Array:
    """All batches as one array, shape (rows, names); nulls and infinities are NaN.

    Args:
        batches: numeric or boolean columns, by the names asked for; others are not looked at.
        names: the columns, in the order of the array.
        rows: how many rows the batches have together; the array is made once.

    Raises:
        ValueError: the batches have another number of rows.
    """
    found, at = np.empty((rows, len(names)), dtype=np.float32), 0
    for batch in batches:
        if at + batch.num_rows > rows:
            raise ValueError(f"more than the {rows} rows announced")
        fill(found[at : at + batch.num_rows], batch, names)
        at += batch.num_rows
    if at != rows:
        raise ValueError(f"{at} rows came; {rows} were announced")
    return found


def fill(into: Array, batch: pa.RecordBatch, names: Sequence[str]) -> None:
    """Write one batch into its place, shape (rows, names): Arrow lies by columns, the array by rows."""
    columns = [_column(batch.column(name)) for name in names]
    turned = np.empty((len(names), TILE), dtype=np.float32)
    for at in range(0, len(into), TILE):
        tile = into[at : at + TILE]
        for row, column in zip(turned, columns, strict=True):
            row[: len(tile)] = column[at : at + TILE]
        tile[:] = turned[:, : len(tile)].T
        np.copyto(tile, np.nan, where=np.isinf(tile))


def _column(found: pa.Array) -> NDArray[np.generic]:
    """Numbers as they are, nulls as NaN."""
    numbers = found.cast(pa.int8()) if pa.types.is_boolean(found.type) else found
    return np.asarray(numbers.to_numpy(zero_copy_only=False))


def blocks(frame: pl.DataFrame, names: Sequence[str], rows: int = BATCH) -> Iterator[Array]:
    """The features of a frame, so many rows at a time, shape (rows, names); nulls and infinities are NaN."""
    for part in frame.select(names).iter_slices(rows):
        block = np.array(part.select(pl.all().cast(pl.Float32).fill_null(float("nan"))).to_numpy(), dtype=np.float32)
        block[~np.isfinite(block)] = np.nan
        yield block
