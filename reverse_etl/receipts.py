"""What the ledger tells of deliveries: what stands where, how the last plan ended, whom a destination refused."""

from pathlib import Path
from typing import Any

from warehouse import ledger

_LAST = "select plan_id from plans where destination = ? order by rowid desc limit 1"
_OF_LAST = f"""
select customer_id, outcome, code, attempted_at from receipts
where plan_id = ({_LAST}) and outcome = ? order by customer_id limit ?
"""
_PLAN = "select plan_id, version, created_at, added, changed, removed, status from plans where plan_id = "
_HELD = "select count(*) from accepted where destination = ?"
_COUNTS = "select outcome, count(*) from receipts where plan_id = ({}) group by 1 order by 1"


def of_last(path: Path, destination: str, outcome: str, limit: int) -> list[dict[str, Any]]:
    """The people of the destination's last plan who had that outcome, with the code."""
    with ledger.connect(path) as book:
        return [dict(row) for row in book.execute(_OF_LAST, [destination, outcome, limit])]


def standing(path: Path, destination: str) -> dict[str, Any]:
    """How many people it holds, its last plan with its receipts, how many it refused, and how many batches are open.

    `messages` are those of triggers that it took, of all time.
    """
    with ledger.connect(path) as book:
        plan = book.execute(f"{_PLAN} ({_LAST})", [destination]).fetchone()
        receipts = {row[0]: row[1] for row in book.execute(_COUNTS.format(_LAST), [destination])}
        dead = {
            row[0]: row[1]
            for row in book.execute(
                "select coalesce(code, ''), count(*) from dead_letters where destination = ? group by 1 order by 1",
                [destination],
            )
        }
        (messages,) = book.execute(_HELD, [ledger.stream(destination)]).fetchone()
        (held,) = book.execute(_HELD, [destination]).fetchone()
        (pending,) = book.execute(
            "select count(*) from batches join plans using (plan_id) where destination = ? and state = 'open'",
            [destination],
        ).fetchone()
    return {
        "destination": destination,
        "people": held,
        "plan": dict(plan) if plan else None,
        "messages": messages,
        "receipts": receipts,
        "dead_letters": dead,
        "open_batches": pending,
    }


def revive(path: Path, destination: str, code: str | None) -> int:
    """Take people out of the dead letters, those of one code or all; the next plan has them again."""
    with ledger.connect(path) as book:
        done = book.execute(
            "delete from dead_letters where destination = ? and (? is null or code = ?)", [destination, code, code]
        )
        return done.rowcount
