"""The page says of a blocked send that nothing was sent, and why; it counts nobody as told."""

from reports import sending
from reports.material import Material
from warehouse import ledger
from warehouse.floor import Floor
from warehouse.settings import Settings

WHY = "plan 0123456789abcdef: web_events is stale: 7:00:00 old; allowed are 6 h"
PLAN = (
    "insert into plans (plan_id, run_id, destination, version, created_at, added, changed, removed, status, blocked_by)"
    " values ('0123456789abcdef', 'r', 'files', 'v', '2026-09-01', 500, 0, 0, 'blocked', 'stale web_events')"
)


def test_a_blocked_send_says_why_and_that_nobody_was_told(settings: Settings):
    with ledger.stage(settings.ledger, "r", "deliver", "files") as row:
        row.status, row.message, row.rows_in, row.rows_loaded = "blocked", WHY, 500, 0
    with ledger.connect(settings.ledger) as book:
        book.execute(PLAN)
    stages = tuple(ledger.stages(settings.ledger, "r"))
    section = sending.section(Material(settings, "r", stages, None, None, Floor(100)))
    assert section.answer == f"files was sent nothing: {WHY}."
    [part] = section.parts
    assert [(line[0], line[-1]) for line in part.rows] == [("files", "stale web_events")]
