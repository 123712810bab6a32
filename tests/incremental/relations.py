"""What the histories have beside visits and orders: devices, visits of long ago, letters, and tickets.

Drawn after everything else and from a source of their own, so that the rest of a history stays what it is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

Row = dict[str, Any]
_DAY, _SECOND = timedelta(days=1), timedelta(seconds=1)
_CLASSES = {"web": (None, "desktop", "desktop", "mobile"), "ios": ("mobile", "tablet"), "android": ("mobile", None)}
_LETTERS = (timedelta(0), 30 * _DAY, 90 * _DAY)
_SOLVED = (timedelta(0), 365 * _DAY)
_WAITS = (timedelta(minutes=1), timedelta(hours=3), timedelta(days=2, minutes=7))


@dataclass(frozen=True)
class Relations:
    """Adds rows with `add`, as `histories.Exports` does, at the edges of the windows of these moments."""

    random: Random
    add: Callable[..., None]
    moments: tuple[datetime, ...]

    def devices(self, events: list[Row]) -> None:
        """Each event's class of device, where its user agent says one."""
        for row in events:
            known = "bot" if row["user_agent_is_bot"] else self.random.choice(_CLASSES[row["platform"]])
            row["user_agent_device_class"] = known

    def old_visits(self, user: str) -> None:
        """Events about the beginning of the ninetieth day before a run, and before."""
        for number in range(self.random.choice((0, 0, 1, 3))):
            day = datetime.combine(self._moment(), datetime.min.time()) - 90 * _DAY
            at = day + self.random.choice((-_SECOND, timedelta(0), self.random.random() * 40 * _DAY))
            who = {"user_id": user, "user_agent_is_bot": False, "platform": "web", "url": "/old"}
            what = {"event_id": f"{user}-old-{number}", "event_type": "product_view", "category": "lamps"}
            self.add("web_events", at, occurred_at=at, **who, **what)

    def letters(self, user: str) -> None:
        """E-mails and what became of them."""
        for number in range(self.random.choice((0, 0, 1, 6, 12))):
            sent = self._near(_LETTERS)
            letter = f"{user}-letter-{number}"
            for kind in ("sent", *self.random.choice(((), ("opened", "opened"), ("clicked",), ("bounced",)))):
                at = sent if kind == "sent" else sent + self.random.choice((timedelta(0), _DAY))
                known = {"message_id": letter, "contact_id": user, "campaign_id": "c", "event_type": kind}
                self.add("email_engagement", at, event_id=f"{letter}-{self._number()}", occurred_at=at, **known)

    def tickets(self, user: str, email: str | None) -> None:
        """Tickets that are solved, come back, or wait; some written without the account."""
        for number in range(self.random.choice((0, 0, 0, 1, 3))):
            solved = self._near(_SOLVED)
            opened = solved - self.random.choice(_WAITS)
            who = {"contact_id": self.random.choice((user, None)) if email else user, "email_hmac": email}
            what = {"topic": "delivery", "channel": "chat", "opened_at": opened, "ticket_id": f"{user}-t{number}"}
            steps = [("open", opened), ("solved", solved), ("closed", solved + 3 * _DAY), ("open", solved + 4 * _DAY)]
            for status, at in steps[: self.random.choice((1, 2, 2, 3, 4))]:
                self.add("support_tickets", at, status=status, updated_at=at, **what, **who)

    def _near(self, windows: tuple[timedelta, ...]) -> datetime:
        """Often at the very edge of a window of a run."""
        if self.random.random() < 0.5:
            shift = self.random.choice((-_SECOND, timedelta(0), _SECOND))
            return self._moment() - self.random.choice(windows) + shift
        return self.moments[0] + (self.random.random() * 150 - 120) * _DAY

    def _moment(self) -> datetime:
        return self.random.choice((*self.moments, *self.moments[-1:] * 8))

    def _number(self) -> str:
        return f"{self.random.randrange(10**9)}"
