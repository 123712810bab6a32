"""Retention as one step: raw and vault by each source's days, then what runs left by theirs."""

import secrets
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from ingestion import retention
from smalti import observe
from warehouse import lease, ledger, leftovers, slot
from warehouse.settings import Settings

STAGE = "apply_retention"


@dataclass(frozen=True)
class Outcome:
    """What is past its days at a moment, by source and by place; removed where `is_done`."""

    as_of: datetime
    raw: retention.Outcome
    left: list[leftovers.Removal]

    def told(self) -> dict[str, Any]:
        """As plain values."""
        found = asdict(self.raw)
        return {
            "as_of": self.as_of,
            "is_done": self.raw.is_done,
            "sources": found["removals"],
            "vault_values": self.raw.vault_values,
            "places": [asdict(one) for one in self.left],
        }


def plan(settings: Settings, as_of: datetime) -> Outcome:
    """What would be removed; nothing is."""
    with slot.take(settings):
        return _apply(settings, as_of, dry_run=True)


def run(settings: Settings, as_of: datetime, now: datetime) -> Outcome:
    """Remove it between runs, as a stage of its own in the ledger.

    Raises:
        Busy: a run holds the warehouse.
        SmaltiError: a rotation of the key is not complete.
    """
    run_id = f"retention-{now:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"
    with slot.take(settings):
        lease.refuse_while_held(settings.ledger, now)
        with observe.stage(settings, run_id, STAGE) as row:
            return apply(settings, as_of, row)


def apply(settings: Settings, as_of: datetime, row: ledger.Stage) -> Outcome:
    """Remove what is past its days; the caller holds the slot."""
    found = _apply(settings, as_of, dry_run=False)
    rows = sum(one.rows for one in found.raw.removals)
    files = sum(one.files for one in found.raw.removals) + sum(one.entries for one in found.left)
    row.message = f"{rows} rows, {files} files, {found.raw.vault_values} values of the vault removed"
    return found


def _apply(settings: Settings, as_of: datetime, *, dry_run: bool) -> Outcome:
    raw = retention.remove(settings, as_of, dry_run=dry_run)
    return Outcome(as_of, raw, leftovers.remove(settings, as_of, dry_run=dry_run))
