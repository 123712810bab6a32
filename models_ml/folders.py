"""A folder appears whole or not at all: files are written aside, flushed, and renamed into place."""

import io
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from warehouse import atomic


def write(target: Path, files: Mapping[str, bytes]) -> None:
    """Make `target` hold exactly these files, replacing what stood there.

    A kill between the two renames leaves no folder, never half of one; the repeated step writes it.
    """
    aside, old = (target.with_name(f".{target.name}.{suffix}") for suffix in ("new", "old"))
    for leftover in (aside, old):
        shutil.rmtree(leftover, ignore_errors=True)
    aside.mkdir(parents=True)
    for name, content in files.items():
        (aside / name).write_bytes(content)
        atomic.sync(aside / name)
    if target.exists():
        target.rename(old)
    aside.rename(target)
    atomic.sync(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def parquet(frames: Iterable[pl.DataFrame], schema: Mapping[str, Any]) -> bytes:
    """Frames of this schema as one Parquet file, a row group each: no more than one of them is held at a time."""
    empty = pl.DataFrame(schema=schema).to_arrow()
    written = io.BytesIO()
    with pq.ParquetWriter(written, empty.schema, compression="zstd") as writer:
        for frame in frames:
            writer.write_table(frame.to_arrow().cast(empty.schema))
    return written.getvalue()
