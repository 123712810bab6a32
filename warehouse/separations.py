"""Identifiers that somebody said are of two people, though something joins them: decided once, held in every run."""

from dataclasses import astuple, dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from warehouse import ledger

_COLUMNS = ("left_type", "left_hash", "right_type", "right_hash")


@dataclass(frozen=True, order=True)
class Separation:
    """Two identifiers by type and pseudonym; the lower stands left."""

    left_type: str
    left_hash: str
    right_type: str
    right_hash: str

    @classmethod
    def of(cls, one: tuple[str, str], other: tuple[str, str]) -> "Separation":
        """The same whichever is named first."""
        return cls(*min(one, other), *max(one, other))


def decide(path: Path, separation: Separation, reason: str, at: datetime) -> bool:
    """Record it in the ledger; whether it was not decided before."""
    with ledger.connect(path) as book:
        done = book.execute(
            "insert or ignore into separations values (?, ?, ?, ?, ?, ?)",
            (*astuple(separation), reason, at.isoformat(timespec="seconds")),
        )
        return done.rowcount == 1


def withdraw(path: Path, separation: Separation) -> bool:
    """Take it back; whether there was one."""
    where = " and ".join(f"{column} = ?" for column in _COLUMNS)
    with ledger.connect(path) as book:
        return book.execute(f"delete from separations where {where}", astuple(separation)).rowcount == 1


def bind(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Copy them to the table `ledger.separations`, which identity reads."""
    with ledger.connect(path) as book:
        rows = book.execute(f"select {', '.join(_COLUMNS)} from separations").fetchall()
    create(connection)
    if rows:
        connection.executemany("insert into ledger.separations values (?, ?, ?, ?)", [tuple(row) for row in rows])


def rekey(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Replace their pseudonyms by `rekeyed` (old, new); one of which no new one is known stays, and joins nothing."""
    with ledger.connect(path) as book:
        for row in book.execute("select * from separations").fetchall():
            old = Separation(*(row[column] for column in _COLUMNS))
            hashes = [old.left_hash, old.right_hash]
            news = dict(
                connection.execute("select old, new from rekeyed where old in (select unnest(?))", [hashes]).fetchall()
            )
            left, right = (news.get(one, one) for one in hashes)
            if [left, right] != hashes:
                where = " and ".join(f"{column} = ?" for column in _COLUMNS)
                book.execute(f"delete from separations where {where}", astuple(old))
                new = Separation.of((old.left_type, left), (old.right_type, right))
                book.execute(
                    "insert or ignore into separations values (?, ?, ?, ?, ?, ?)",
                    (*astuple(new), row["reason"], row["decided_at"]),
                )


def create(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table, empty."""
    columns = ", ".join(f"{column} varchar" for column in _COLUMNS)
    connection.execute(f"create or replace table ledger.separations ({columns})")
