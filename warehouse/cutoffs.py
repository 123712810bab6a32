"""The past moments that models learn from: Mondays, so that one night's are the next night's too."""

from datetime import datetime, timedelta

HORIZON = timedelta(days=14)  # what a label looks ahead; `training_examples` says the same in SQL
NEEDED = timedelta(days=28)  # of data before a cut-off, the longest window of what happened on the site
_WEEK = timedelta(days=7)
_BACK = (0, 2, 4, 5, 6, 7)  # weeks before the newest: it tests, the next calibrates, the others train
_MONDAY = datetime.fromisoformat("2001-01-01")


def closed(as_of: datetime, first: datetime) -> list[datetime]:
    """Midnights (UTC) whose labels are known at `as_of`, oldest first; `first` is the first event of all.

    The label of none that calibrates or trains reaches beyond the one that it prepares.
    """
    newest = as_of - (as_of - HORIZON - _MONDAY) % _WEEK - HORIZON
    every = (newest - weeks * _WEEK for weeks in reversed(_BACK))
    return [moment for moment in every if moment >= first + NEEDED]


def oldest(as_of: datetime) -> datetime:
    """Before it no cut-off is of use to this moment or a later one."""
    return closed(as_of, _MONDAY)[0]
