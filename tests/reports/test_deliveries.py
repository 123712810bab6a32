"""What destinations took is told in whole floors: people, records, and calls, which may be of one person each."""

import re

import pytest

from reports import sending
from reports.material import Material
from reports.section import Part
from reverse_etl.guard import Grown
from warehouse import ledger
from warehouse.floor import Floor
from warehouse.settings import Settings

PLAN = """
insert into plans (plan_id, run_id, destination, version, created_at, added, changed, removed, status, blocked_by,
    calls, records_sent, waits, waited_seconds)
values (?, 'r', ?, 'v', '2026-09-01', ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def part(settings: Settings, *plans: tuple[object, ...], receipts: dict[tuple[str, str | None], int]) -> Part:
    """The table of a run with these plans, the first of which has these answers."""
    with ledger.stage(settings.ledger, "r", "deliver", "webhook"):
        pass
    with ledger.connect(settings.ledger) as book:
        for plan in plans:
            book.execute(PLAN, plan)
        for (outcome, code), people in receipts.items():
            rows = [(f"{outcome}{code}{n}", outcome, code) for n in range(people)]
            book.executemany(f"insert into receipts values ('{plans[0][0]}', 'webhook', ?, ?, ?, '')", rows)
    stages = tuple(ledger.stages(settings.ledger, "r"))
    [found] = sending.section(Material(settings, "r", stages, None, None, Floor(100))).parts
    return found


def test_each_destination_is_told_with_what_it_answered_and_what_it_took(settings: Settings) -> None:
    answers = {("accepted", None): 612, ("rejected", "no_key"): 99, ("rejected", "not_known"): 230}
    found = part(
        settings,
        ("p1", "webhook", 777, 100, 64, "partial", None, 303, 1_211, 4, 12.4),
        ("p2", "files", 500, 0, 0, "delivered", None, None, None, None, None),
        ("p3", "braze", 900, 0, 0, "blocked", "removals, stale web_events", None, None, None, None),
        receipts=answers,
    )
    rows = {str(row[0]): dict(zip(found.columns, row, strict=True)) for row in found.rows}
    assert rows["webhook"] == {
        "destination": "webhook",
        "added": "700",
        "changed": "100",
        "removed": "< 100",
        "accepted": "600",
        "not accepted": "rejected (no_key): < 100, rejected (not_known): 200",
        "calls": "300",
        "records sent": "1,200",
        "waits": "4, 12 s",
        "blocked by": "-",
    }
    assert [rows["files"][name] for name in ("calls", "waits", "blocked by")] == ["-"] * 3
    assert (rows["braze"]["blocked by"], rows["braze"]["not accepted"]) == ("removals, stale web_events", "-")


def test_no_number_is_finer_than_the_floor_and_one_less_changes_nothing(
    settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    plan = ("webhook", 777, 150, 164, "partial", None)
    other = settings.model_copy(update={"home": tmp_path_factory.mktemp("other")})
    first = part(settings, ("p1", *plan, 303, 1_211, 0, 0.0), receipts={("rejected", "x"): 120})
    second = part(other, ("p1", *plan, 302, 1_210, 0, 0.0), receipts={("rejected", "x"): 119})
    assert first.rows == second.rows
    numbers = [int(one.replace(",", "")) for one in re.findall(r"\b\d[\d,]*\d\b", " ".join(map(str, first.rows[0])))]
    assert numbers
    assert all(one % 100 == 0 for one in numbers)


def test_a_guard_tells_people_so_that_the_report_can_round_them() -> None:
    assert Floor(100).message(str(Grown("readers", 120, 471))) == (
        "readers would grow from 100 people to 400 people; allowed is 3 times as many"
    )
