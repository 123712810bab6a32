"""What runs leave beside raw and decisions, kept for so many days since it was last written: files, and receipts."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from warehouse import ledger, run
from warehouse.settings import Settings

# place under the home and the depth of what is removed there as one, → days
DAYS = {
    ("features", "*"): 30,
    ("past", "*"): 100,
    ("scores", "*"): 30,
    ("links", "*"): 400,  # as long as versions are built again from them
    ("gates", "*"): 90,
    ("outbox", "*/*"): 90,
    ("plans", "*/*"): 400,  # with the proofs of consent
    ("reports", "*"): 400,
    ("logs", "*"): 90,
    ("airflow/logs", "*/*"): 30,
}
RECEIPTS_DAYS = DAYS["plans", "*/*"]
# of the last plan of each destination they tell what became of it, however old it is
_OLD_RECEIPTS = """
from receipts
where substr(attempted_at, 1, 19) <= :until
    and plan_id not in (
        select plan_id from plans as mine
        where created_at = (select max(created_at) from plans where destination = mine.destination)
    )
"""


@dataclass(frozen=True)
class Removal:
    """What of a place is, or would be, removed."""

    place: str
    days: int
    entries: int
    bytes: int


def remove(settings: Settings, as_of: datetime, *, dry_run: bool) -> list[Removal]:
    """Remove what was last written so long before `as_of` (UTC, naive); what is in use stays however old it is."""
    found = []
    for (place, depth), days in DAYS.items():
        old = list(_old(settings.home / place, depth, as_of - timedelta(days=days), _used(settings)))
        removal = Removal(place, days, len(old), sum(_bytes(path) for path in old))
        for path in [] if dry_run else old:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        found += [removal] if old else []
    return found + _receipts(settings.ledger, as_of - timedelta(days=RECEIPTS_DAYS), dry_run=dry_run)


def _receipts(path: Path, until: datetime, *, dry_run: bool) -> list[Removal]:
    """Who was told what and when, by plans that are as old."""
    bound = {"until": until.isoformat(timespec="seconds")}
    with ledger.connect(path) as book:
        [(rows,)] = book.execute(f"select count(*) {_OLD_RECEIPTS}", bound).fetchall()
        if rows and not dry_run:
            book.execute(f"delete {_OLD_RECEIPTS}", bound)
    return [Removal("ledger.receipts", RECEIPTS_DAYS, rows, 0)] if rows else []


def _used(settings: Settings) -> set[Path]:
    scored, linked = run.scored_by(settings), run.linked_by(settings)
    return {settings.scores / str(scored), settings.links / str(linked)}


def _old(folder: Path, depth: str, until: datetime, used: set[Path]) -> Iterator[Path]:
    every = sorted(folder.glob(depth))
    named = {path.resolve() for path in every if path.is_symlink()}
    for path in every:
        if not path.is_symlink() and path.resolve() not in named and path not in used and _written(path) <= until:
            yield path


def _written(path: Path) -> datetime:
    """When anything in it was last changed."""
    latest = max(one.lstat().st_mtime for one in (path, *path.rglob("*")))
    return datetime.fromtimestamp(latest, UTC).replace(tzinfo=None)


def _bytes(path: Path) -> int:
    return sum(one.lstat().st_size for one in (path, *path.rglob("*")) if one.is_file())
