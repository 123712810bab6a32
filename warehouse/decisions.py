"""What was decided on models: one row for each run and model, in the ledger."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from warehouse import ledger

_PROMOTED = ("first", "promoted", "rolled back")


@dataclass(frozen=True)
class Decision:
    """What became of a training; `champion` is the version that counted before, `challenger` the one fitted.

    `outcome` is `first` or `promoted` (the challenger counts), `kept` or `refused` (it does not), `unchanged`
    (it is the champion), `lacking` (nothing could be fitted), or `rolled back` (by a person, to `challenger`).
    """

    run_id: str
    model: str
    as_of: str
    outcome: str
    reason: str
    champion: str | None = None
    challenger: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def is_promoted(self) -> bool:
        """Whether the challenger counts from then on."""
        return self.outcome in _PROMOTED


def keep(path: Path, decision: Decision) -> Decision:
    """Write it down, unless its run has decided on the model before: then what was decided, which stands."""
    row = {**vars(decision), "detail": json.dumps(decision.detail, sort_keys=True)}
    names = ", ".join(row)
    with ledger.connect(path) as book:
        book.execute(f"insert or ignore into decisions ({names}) values ({', '.join(':' + name for name in row)})", row)
        kept = book.execute(
            f"select {names} from decisions where run_id = ? and model = ?", (decision.run_id, decision.model)
        ).fetchone()
    return _decision(kept)


def read(path: Path, model: str | None = None) -> list[Decision]:
    """All decisions, or those on one model, oldest first."""
    names = ", ".join(Decision.__dataclass_fields__)
    with ledger.session(path) as book:
        rows = book.execute(f"select {names} from decisions order by rowid").fetchall()
    return [_decision(row) for row in rows if model in (None, row["model"])]


def _decision(row: Any) -> Decision:
    return Decision(**{**dict(row), "detail": json.loads(row["detail"])})
