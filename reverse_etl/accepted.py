"""What the ledger says a destination holds: read whole, as one frame, so that the comparison is one join."""

import io
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from warehouse import ledger

_SCHEMA = {"customer_id": pl.String, "segment_ids": pl.String, "attributes": pl.String}
# so many people at once as one text, of which SQLite's longest holds ten times as many: read row by row, millions of
# people cost three times as much. Neither a key nor JSON text holds a tab or the end of a line.
_PART = 1_000_000
_TEXT = """
select max(customer_id), group_concat(customer_id || char(9) || segment_ids || char(9) || attributes, char(10))
from (
    select customer_id, segment_ids, coalesce(attributes, '') as attributes from accepted
    where destination = ? and customer_id > ? order by customer_id limit ?
)
"""


def accepted(path: Path, destination: str) -> pl.DataFrame:
    """Customer id, segment ids and attributes (JSON text) of each person last accepted, from the ledger at `path`."""
    if not path.exists():  # a plan must not create the ledger
        return pl.DataFrame(schema=_SCHEMA)
    with ledger.connect(path) as connection:
        return pl.concat([pl.DataFrame(schema=_SCHEMA), *_parts(connection, destination)])


def _parts(connection: sqlite3.Connection, destination: str) -> Iterator[pl.DataFrame]:
    last = ""
    while True:
        last, told = connection.execute(_TEXT, [destination, last, _PART]).fetchone()
        if told is None:
            return
        yield pl.read_csv(
            io.BytesIO(told.encode()),
            separator="\t",
            has_header=False,
            quote_char=None,
            new_columns=list(_SCHEMA),
            schema_overrides=list(_SCHEMA.values()),
        )


def dead_letters(path: Path, destination: str) -> pl.DataFrame:
    """Customer id, segment ids and attributes of each person whom the destination refused with just these."""
    schema: dict[str, Any] = {"customer_id": pl.String, "segment_ids": pl.List(pl.String), "attributes": pl.String}
    if not path.exists():
        return pl.DataFrame(schema=schema)
    with ledger.connect(path) as connection:
        query = "select customer_id, segment_ids, attributes from dead_letters where destination = ?"
        rows = [(row[0], json.loads(row[1]), row[2]) for row in connection.execute(query, [destination])]
    return pl.DataFrame(rows, schema=schema, orient="row")


def last_finished(path: Path, destination: str) -> str | None:
    """The plan last delivered, in full or in part; None where there was none."""
    if not path.exists():
        return None
    with ledger.connect(path) as connection:
        row = connection.execute(
            "select plan_id from plans where destination = ? and status in ('delivered', 'partial') "
            "order by rowid desc limit 1",
            [destination],
        ).fetchone()
    return row["plan_id"] if row else None
