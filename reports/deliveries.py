"""What each destination was told and what it answered: people, records and calls in whole floors, never who."""

from reports.material import Material, Row
from reports.section import Part
from warehouse import ledger

_COLUMNS = (
    *("destination", "added", "changed", "removed", "accepted", "not accepted", "calls", "records sent", "waits"),
    "blocked by",
)
_PLANS = """
select plan_id, destination, added, changed, removed, status, blocked_by, calls, records_sent, waits, waited_seconds
from plans where run_id = ? order by destination, plan_id
"""
_OUTCOMES = """
select plan_id, outcome, code, count(*) as people from receipts
where plan_id in (select plan_id from plans where run_id = ?) group by 1, 2, 3 order by 2, 3
"""
_WORDS = (
    "People who are new to a destination, are to be told otherwise, or leave since it last accepted them, and what it"
    " answered. Files are handed over whole, without calls; waits are what faults and limits there cost."
)


def part(run: Material, deliveries: list[Row]) -> Part:
    """A line for each destination that had to be told something."""
    with ledger.connect(run.settings.ledger) as book:
        plans = [dict(row) for row in book.execute(_PLANS, (run.run_id,))]
        outcomes = [dict(row) for row in book.execute(_OUTCOMES, (run.run_id,))]
    rows = tuple(_line(run, plan, [one for one in outcomes if one["plan_id"] == plan["plan_id"]]) for plan in plans)
    none = "No destination had to be told anything." if deliveries else "Nothing was sent."
    return Part("delivered", "What did destinations take?", _WORDS if rows else none, _COLUMNS, rows, layout="full")


def _line(run: Material, plan: Row, outcomes: list[Row]) -> tuple[str, ...]:
    words, is_blocked = run.floor.words, plan["status"] == "blocked"
    accepted = sum(one["people"] for one in outcomes if one["outcome"] == "accepted")
    others = ", ".join(_refused(run, one) for one in outcomes if one["outcome"] != "accepted")
    is_told = plan["calls"] is not None
    return (
        plan["destination"],
        *(words(plan[change]) for change in ("added", "changed", "removed")),
        words(accepted) if outcomes else "-",
        others or ("-" if outcomes or is_blocked else "no answer"),
        *(words(plan[name]) if is_told else "-" for name in ("calls", "records_sent")),
        f"{plan['waits']}, {plan['waited_seconds']:.0f} s" if is_told else "-",
        (plan["blocked_by"] or "a guard") if is_blocked else "-",
    )


def _refused(run: Material, one: Row) -> str:
    code = f" ({one['code']})" if one["code"] else ""
    return f"{one['outcome']}{code}: {run.floor.words(one['people'])}"
