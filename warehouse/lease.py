"""Whose turn it is: one scheduled run at a time, over all its stages; it stands in the ledger, where anyone can ask."""

import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

from warehouse import ledger
from warehouse.errors import Busy, SmaltiError

_HOLD = timedelta(minutes=30)
_WAIT = timedelta(minutes=2)  # longer than the pause between two tries of a run that waits


def take(path: Path, run_id: str, now: datetime, *, yields: bool) -> None:
    """Take the turn for this run; a lapsed one counts for nothing.

    A run that yields keeps behind those that wait too; one that does not is noted as waiting, or runs that come
    often would always be there before it.

    Raises:
        Busy: another run holds the turn, or waits for it and this one yields.
    """
    with ledger.connect(path) as book:
        book.execute("delete from turns where until <= ?", (now.isoformat(),))
        states = ("holds", "waits") if yields else ("holds",)
        other = next(filter(None, (_other(book, run_id, state, now) for state in states)), None)
        if other is None:
            _note(book, run_id, "holds", now + _HOLD)
        elif not yields:
            _note(book, run_id, "waits", now + _WAIT)
    if other:
        raise Busy(f"busy: {other}")


def renew(path: Path, run_id: str, now: datetime) -> None:
    """Prolong this run's turn.

    Raises:
        SmaltiError: it lapsed, and another run has taken it.
    """
    with ledger.connect(path) as book:
        if other := _other(book, run_id, "holds", now):
            raise SmaltiError(f"run {run_id} lost its turn: {other}; it is made good by the next run")
        _note(book, run_id, "holds", now + _HOLD)


def release(path: Path, run_id: str | None = None) -> None:
    """Give this run's turn back; everybody's, for whoever knows that no scheduled run lives."""
    with ledger.connect(path) as book:
        book.execute("delete from turns where run_id = coalesce(?, run_id)", (run_id,))


def refuse_while_held(path: Path, now: datetime) -> None:
    """Let a run that takes no turn, because it holds the slot to its end, begin only between scheduled ones.

    Raises:
        Busy: a scheduled run holds the turn.
    """
    with ledger.connect(path) as book:
        if other := _other(book, "", "holds", now):
            raise Busy(f"busy: {other} (smalti status shows it)")


def _other(book: sqlite3.Connection, run_id: str, state: str, now: datetime) -> str | None:
    found = book.execute(
        "select run_id, until from turns where run_id <> ? and state = ? and until > ?",
        (run_id, state, now.isoformat()),
    ).fetchone()
    if found is None:
        return None
    told = "holds the warehouse until" if state == "holds" else "waits its turn until"
    return f"run {found['run_id']} {told} {found['until'][:16]} UTC at the latest"


def _note(book: sqlite3.Connection, run_id: str, state: str, until: datetime) -> None:
    book.execute("insert or replace into turns values (?, ?, ?)", (run_id, state, until.isoformat()))
