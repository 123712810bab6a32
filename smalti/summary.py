"""What a run came to, read from the ledger and the published version."""

import json
import resource
from pathlib import Path
from typing import Any

import duckdb

from warehouse import ledger
from warehouse.settings import Settings
from warehouse.version import refuse_earlier

_SEGMENTS = """
with changes as (
    select
        segment_id,
        count(*) filter (where started_at = control.as_of and not is_continued) as entered,
        count(*) filter (where left_at = control.as_of and left_reason = 'left') as "left"
    from segments.membership_history
    cross join ops.control
    group by segment_id
)
-- of a segment that the floor holds no number is told
select
    segment_id, owner, tier, purpose, is_sendable, why_not, rolls_up_to, problem,
    case when is_sendable then members end as members,
    case when is_sendable then active_members end as active_members,
    case when is_sendable then coalesce(entered, 0) end as entered,
    case when is_sendable then coalesce("left", 0) end as "left"
from segments.catalog
cross join ops.control
left join changes using (segment_id)
order by segment_id"""

_CUSTOMERS = """
select
    count(*) as customers,
    count(*) filter (where contact_id_crm is not null) as known,
    count(*) filter (where is_active and not is_bot) as active,
    count(*) filter (where orders_count > 0) as buyers,
    count(*) filter (where is_bot) as bots
from profiles.customers"""

_HELD = """
select activations.destination, catalog.segment_id
from profiles.activations
join segments.catalog on activations.segment = catalog.segment_id
where not catalog.is_sendable
order by all"""


_PROBLEMS = ("problem", "refused")
_MESSAGES = """
select count(*) from receipts join plans using (plan_id)
where run_id = ? and plans.destination = ? and outcome = 'accepted'
"""


def nothing_done(found: dict[str, Any]) -> bool:
    """Whether files were given and none of them could be loaded."""
    states = {source["status"] for source in found["sources"]}
    return "refused" in states and not states & {"ok", "problem"}


def rows(connection: duckdb.DuckDBPyConnection, query: str, bound: object = None) -> list[dict[str, Any]]:
    """The result as a list of dicts, one a row."""
    cursor = connection.execute(query, bound)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def is_simulated(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether any source that the version rests on is simulated; whatever shows figures then says so."""
    found = connection.execute("select count(*) from ops.sources where is_simulated and rows_loaded > 0").fetchone()
    return bool(found and found[0])


def segments(settings: Settings) -> list[dict[str, Any]]:
    """The segments of the published version with sizes and changes; a size below the floor is None."""
    with duckdb.connect(settings.current, read_only=True) as connection:
        refuse_earlier(connection, settings.current.resolve().stem)
        label = {"simulated": is_simulated(connection)}
        return [row | label for row in rows(connection, _SEGMENTS)]


def of_run(settings: Settings, run_id: str, seconds: float) -> dict[str, Any]:
    """Everything a run came to, ready for JSON."""
    stages = ledger.stages(settings.ledger, run_id)
    loaded = [row for row in stages if row["stage"] == "load_raw"]
    with duckdb.connect(settings.current, read_only=True) as connection:
        control = rows(connection, "select as_of, scores_run_id from ops.control")[0]
        simulated = is_simulated(connection)
        customers = rows(connection, _CUSTOMERS)[0]
        withheld = rows(connection, "select * from activation.withheld where reason <> 'floor' order by all")
        held = rows(connection, _HELD)
    return {
        "run_id": run_id,
        "as_of": control["as_of"].isoformat(),
        "published": str(settings.current.resolve()),
        "report": str(settings.reports / run_id / "index.html"),
        "simulated": simulated,
        "sources": [_balance(row) for row in loaded],
        "problems": [line for row in loaded if row["status"] in _PROBLEMS for line in str(row["message"]).splitlines()],
        "customers": customers,
        "segments": segments(settings),
        "models": _report(settings.scores / str(control["scores_run_id"]) / "report.json"),
        "deliveries": [
            _delivery(
                settings,
                row,
                [line for line in withheld if line["destination"] == row["source"]],
                [line for line in held if line["destination"] == row["source"]],
            )
            for row in stages
            if row["stage"] == "deliver"
        ],
        "seconds": round(seconds, 1),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024),
    }


def _balance(row: dict[str, Any]) -> dict[str, Any]:
    return {"source": row["source"], "status": row["status"]} | {
        name: row[name] or 0 for name in row if str(name).startswith("rows_")
    }


def _report(path: Path) -> Any:
    return json.loads(path.read_text())["models"] if path.exists() else {}


def _delivery(
    settings: Settings, row: dict[str, Any], withheld: list[dict[str, Any]], held: list[dict[str, Any]]
) -> dict[str, Any]:
    with ledger.connect(settings.ledger) as book:
        plan = book.execute(
            "select plan_id, added, changed, removed, status from plans where run_id = ? and destination = ?",
            (row["run_id"], row["source"]),
        ).fetchone()
        [messages] = book.execute(_MESSAGES, (row["run_id"], ledger.stream(row["source"]))).fetchone()
        people = book.execute("select count(*) from accepted where destination = ?", (row["source"],)).fetchone()[0]
    blocked = row["message"] if row["status"] == "blocked" else None
    return {
        "destination": row["source"],
        "people": people,
        "messages": messages,
        "sent": dict(plan) if plan and not blocked else None,
        "path": row["message"].split("; ")[0] if plan and not blocked else None,
        "blocked": blocked,
        "held_back_by_consent": _by_segment(withheld, "consent"),
        "held_out": _by_segment(withheld, "holdout"),
        "held_back_by_floor": [line["segment_id"] for line in held],
    }


def _by_segment(withheld: list[dict[str, Any]], reason: str) -> dict[str, int]:
    return {line["segment_id"]: line["customers"] for line in withheld if line["reason"] == reason}
