"""Past moments, one run each, oldest first: history as it would have been published day by day or hour by hour."""

from datetime import datetime, timedelta
from enum import StrEnum

from warehouse.errors import SmaltiError


class Every(StrEnum):
    """The steps of a backfill."""

    day = "day"
    hour = "hour"


_STEPS = {Every.day: timedelta(days=1), Every.hour: timedelta(hours=1)}


def moments(last: datetime | None, since: datetime, until: datetime, every: Every) -> list[datetime]:
    """The moments from `since` to `until` after the `last` one that is published.

    A backfill that was cut short is so taken up again by the same command.

    Raises:
        SmaltiError: `until` lies before `since`, or everything up to it is published.
    """
    if until < since:
        raise SmaltiError(f"--until {until} lies before --since {since}; allowed is {since} or later")
    every_one = [since + number * _STEPS[every] for number in range((until - since) // _STEPS[every] + 1)]
    due = [moment for moment in every_one if last is None or moment > last]
    if not due:
        raise SmaltiError(f"{last} is published, history is only appended: allowed is --until after that")
    return due
