"""What the REES46 export says, in plain Python: events, orders and sessions of each user, as known at a moment.

Written from the description of the data and of the segments: no SQL, and nothing of the pipeline is imported.
The rules of the segments are those of the other oracle; people are simple here, for a user id is a person.
"""

import csv
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from tests.pipeline.oracle import Answer, answer_of
from tests.pipeline.oracle_files import Event, Facts, Id, Order

KINDS = {"view": "product_view", "cart": "add_to_cart", "purchase": "purchase"}
GAP = timedelta(seconds=1800)


@dataclass(frozen=True)
class Session:
    """What a user did without a gap of more than 30 minutes."""

    started_at: datetime
    ended_at: datetime
    events: int
    views: int
    has_purchase: bool


@dataclass(frozen=True)
class Export:
    """The whole rows of the files, each once, and how many there were."""

    rows: list[dict[str, str]]
    cut_off: int
    repeated: int

    @classmethod
    def read(cls, folder: Path) -> "Export":
        """Every file of the folder."""
        kept: dict[tuple[str, ...], dict[str, str]] = {}
        cut_off = repeated = 0
        for path in sorted(folder.glob("*.csv")):
            header, *records = csv.reader(path.open(newline=""))
            for record in records:
                cut_off += len(record) != len(header)
                repeated += tuple(record) in kept
                if len(record) == len(header):
                    kept.setdefault(tuple(record), dict(zip(header, record, strict=True)))
        return cls(list(kept.values()), cut_off, repeated)

    def known_at(self, as_of: datetime) -> Iterator[tuple[datetime, dict[str, str]]]:
        """Rows up to a moment, with their own."""
        for row in self.rows:
            at = datetime.fromisoformat(row["event_time"].removesuffix(" UTC"))
            if at <= as_of:
                yield at, row

    def answer(self, as_of: datetime) -> Answer:
        """People and members of every rule segment."""
        known = list(self.known_at(as_of))
        events = [_event(at, row) for at, row in known]
        prices = {row["product_id"]: Decimal(row["price"]) for _, row in sorted(known, key=lambda pair: pair[0])}
        return answer_of(Facts(as_of, contacts=[], consents=[], orders=_orders(known), events=events, prices=prices))

    def sessions(self, as_of: datetime) -> dict[str, list[Session]]:
        """User → sessions, oldest first."""
        by_user: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
        for at, row in self.known_at(as_of):
            by_user[row["user_id"]].append((at, row["event_type"]))
        return {user: [_session(part) for part in _parts(sorted(events))] for user, events in by_user.items()}


def _event(at: datetime, row: dict[str, str]) -> Event:
    return Event(
        kind=KINDS[row["event_type"]],
        at=at,
        user=_user(row),
        device=None,
        browser=None,
        product=row["product_id"],
        category=row["category_id"],
        is_bot=False,
    )


def _user(row: dict[str, str]) -> Id:
    return ("user", row["user_id"])


def _orders(known: list[tuple[datetime, dict[str, str]]]) -> list[Order]:
    """What one user bought in one of the shop's sessions is one order, of its first moment."""
    bought: dict[tuple[str, str], list[tuple[datetime, dict[str, str]]]] = defaultdict(list)
    for at, row in known:
        if row["event_type"] == "purchase":
            bought[row["user_id"], row["user_session"]].append((at, row))
    return [
        Order(
            at=min(at for at, _ in lines),
            status="completed",
            user=("user", user),
            email=None,
            amount=sum((Decimal(row["price"]) for _, row in lines), Decimal(0)),
        )
        for (user, _), lines in bought.items()
    ]


def _parts(events: list[tuple[datetime, str]]) -> Iterator[list[tuple[datetime, str]]]:
    part: list[tuple[datetime, str]] = []
    for event in events:
        if part and event[0] - part[-1][0] > GAP:
            yield part
            part = []
        part.append(event)
    yield part


def _session(events: list[tuple[datetime, str]]) -> Session:
    kinds = [kind for _, kind in events]
    return Session(events[0][0], events[-1][0], len(events), kinds.count("view"), "purchase" in kinds)
