"""What runs leave goes at the second at which its days are over; what is in use and what is younger stays."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from warehouse import ledger, leftovers
from warehouse.settings import Settings

AS_OF, SECOND = datetime.fromisoformat("2026-09-01T00:00:00"), timedelta(seconds=1)
PLACES = sorted(leftovers.DAYS)


def written(path: Path, at: datetime) -> Path:
    """A file in a folder of its own where entries are folders, last written at that moment."""
    path.mkdir(parents=True)
    (path / "one.parquet").write_text("x")
    for one in (path / "one.parquet", path):
        os.utime(one, (at.replace(tzinfo=UTC).timestamp(),) * 2)
    return path


@pytest.mark.parametrize("place", PLACES)
def test_an_entry_goes_at_the_second_and_no_earlier(settings: Settings, place: tuple[str, str]) -> None:
    folder, days = settings.home / place[0], timedelta(days=leftovers.DAYS[place])
    for name in ("old", "young"):
        at = AS_OF - days + (SECOND if name == "young" else timedelta())
        written(folder.joinpath(*["x"] * place[1].count("/"), name), at)
    planned = leftovers.remove(settings, AS_OF, dry_run=True)
    assert sorted(path.name for path in folder.rglob("*")).count("old") == 1
    assert leftovers.remove(settings, AS_OF, dry_run=False) == planned
    assert [(one.place, one.entries) for one in planned] == [(place[0], 1)]
    assert {path.name for path in folder.rglob("*")} - {"x"} == {"young", "one.parquet"}
    assert leftovers.remove(settings, AS_OF, dry_run=False) == []


def test_the_newest_delivery_stays_however_old_it_is(settings: Settings) -> None:
    old = AS_OF - timedelta(days=500)
    newest = written(settings.home / "outbox" / "files" / "b", old)
    written(settings.home / "outbox" / "files" / "a", old)
    (settings.home / "outbox" / "files" / "latest").symlink_to(newest)
    leftovers.remove(settings, AS_OF, dry_run=False)
    assert sorted(path.name for path in newest.parent.iterdir()) == ["b", "latest"]


def test_receipts_go_with_their_plans_and_those_of_the_last_plan_stay(settings: Settings) -> None:
    settings.home.mkdir()
    end = AS_OF - timedelta(days=leftovers.RECEIPTS_DAYS)
    told = {("p1", "files"): end, ("p2", "files"): end + SECOND, ("p3", "files"): AS_OF, ("p4", "cms"): end}
    with ledger.connect(settings.ledger) as book:
        for (plan, destination), at in told.items():
            book.execute(
                "insert into plans (plan_id, run_id, destination, version, created_at, added, changed, removed, status)"
                " values (?, 'r', ?, 'v', ?, 1, 0, 0, 'ok')",
                (plan, destination, f"{at.isoformat()}+00:00"),
            )
            row = (plan, destination, "c", "accepted", None, f"{at.isoformat()}+00:00")
            book.execute("insert into receipts values (?, ?, ?, ?, ?, ?)", row)
    [planned] = leftovers.remove(settings, AS_OF, dry_run=True)
    assert (planned.place, planned.entries) == ("ledger.receipts", 1)
    assert leftovers.remove(settings, AS_OF, dry_run=False) == [planned]
    with ledger.connect(settings.ledger) as book:
        assert {row[0] for row in book.execute("select plan_id from receipts")} == {"p2", "p3", "p4"}
    assert leftovers.remove(settings, AS_OF, dry_run=False) == []
