"""Identifiers that nothing is sent about, whoever holds them: no old export brings them back."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl

from warehouse import ledger

_SCHEMA = {"identifier_type": pl.String, "identifier_hash": pl.String}


def read(path: Path) -> pl.DataFrame:
    """Type and hash of each."""
    if not path.exists():
        return pl.DataFrame(schema=_SCHEMA)
    with ledger.connect(path) as book:
        rows = [tuple(row) for row in book.execute("select identifier_type, identifier_hash from suppressions")]
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def add(path: Path, identifiers: Sequence[tuple[str, str]], reason: str, at: datetime) -> int:
    """Suppress these (type, hash); how many were not before."""
    with ledger.connect(path) as book:
        rows = [(kind, one, reason, at.isoformat(timespec="seconds")) for kind, one in identifiers]
        return book.executemany("insert or ignore into suppressions values (?, ?, ?, ?)", rows).rowcount


def remove(path: Path, identifiers: Sequence[tuple[str, str]]) -> int:
    """Take these back; how many there were."""
    with ledger.connect(path) as book:
        query = "delete from suppressions where identifier_type = ? and identifier_hash = ?"
        return book.executemany(query, identifiers).rowcount


def rekey(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Replace their pseudonyms by `rekeyed` (old, new); one of which no new one is known stays, and matches nobody."""
    with ledger.connect(path) as book:
        for kind, old in book.execute("select identifier_type, identifier_hash from suppressions").fetchall():
            for (new,) in connection.execute("select new from rekeyed where old = ?", [old]).fetchall():
                where = "identifier_type = ? and identifier_hash = ?"
                book.execute(f"update or ignore suppressions set identifier_hash = ? where {where}", (new, kind, old))
