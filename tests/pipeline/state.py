"""What stands after a run, to compare with what stands after another."""

from dataclasses import dataclass
from typing import Self

from tests.pipeline.home import Home, Rows


@dataclass(frozen=True)
class State:
    """Published rows by table, what was accepted, and what was delivered."""

    version: str
    tables: dict[str, Rows]
    accepted: dict[tuple[str, str], list[str]]
    receipts: Rows
    delivered: dict[str, bytes]

    @classmethod
    def of(cls, home: Home) -> Self:
        """The state of this home now."""
        assert home.version, "nothing is published"
        receipts = home.ledger("select * from receipts order by plan_id, customer_id")
        return cls(home.version, home.tables(), home.accepted(), receipts, home.delivered())
