"""What a person let pass that a guard had stopped: for that one thing, with a reason, kept in the ledger for good."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from warehouse import ledger
from warehouse.errors import SmaltiError

Kind = Literal["plan", "gate", "segment"]


def record(path: Path, kind: Kind, subject: str, details: Iterable[str], reason: str, at: datetime) -> None:
    """Keep that these details of a plan, gate or segment were let pass at that moment (UTC); the first reason stays.

    Raises:
        SmaltiError: the reason is empty.
    """
    if not reason.strip():
        raise SmaltiError(f"no reason to let {kind} {subject} pass; allowed is one that another person understands")
    rows = [(kind, subject, detail, reason.strip(), at.isoformat(timespec="seconds")) for detail in details]
    with ledger.connect(path) as book:
        book.executemany("insert or ignore into overrides values (?, ?, ?, ?, ?)", rows)


def passed(path: Path, kind: Kind, subject: str | None = None) -> set[str]:
    """The details that were let pass: of this plan, gate or segment, or of all."""
    found = latest(path, None)
    return {row["detail"] for row in found if row["kind"] == kind and subject in (None, row["subject"])}


def latest(path: Path, count: int | None) -> list[dict[str, Any]]:
    """The latest overrides, newest first."""
    if not path.exists():
        return []
    with ledger.connect(path) as book:
        found = book.execute("select * from overrides order by decided_at desc, rowid desc limit ?", (count or -1,))
        return [dict(row) for row in found]
