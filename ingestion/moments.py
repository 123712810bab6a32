"""Timestamps in UTC, in SQL: of UTC, of a stated offset, or of the local clock of a declared zone.

Twice a year a local clock jumps. What it never showed (02:30 where 02:00 became 03:00) is taken by the offset before
the jump, so 02:30 is half an hour after the jump; what it showed twice is the second time, that of standard time. No
row is lost by it, and which it was nobody can know. So does ICU, which DuckDB carries with its own list of zones.
"""

from warehouse.sql import literal

SHAPE = r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z| UTC|[+-](0\d|1[0-4])(:?[0-5]\d)?)?)?"
_TIME_FROM = 12  # the first character after date and T: from here on a sign belongs to an offset
_NO_SECONDS = 16  # characters of a timestamp to the minute


def utc_sql(text: str, zone: str | None) -> str:
    """SQL for the moment as a naive UTC timestamp; `text` is an SQL expression of that shape, null gives null."""
    plain = local_sql(f"try_cast({text} as timestamp)", zone)
    if zone:
        plain = f"if(suffix({text}, 'Z') or suffix({text}, 'UTC'), try_cast({text} as timestamp), {plain})"
    whole = rf"regexp_replace({text}, '^(.{{{_NO_SECONDS}}})([+-])', '\1:00\2')"
    signed = " or ".join(f"contains(substr({text}, {_TIME_FROM}), '{sign}')" for sign in "+-")
    return f"if({signed}, timezone('UTC', try_cast({whole} as timestamptz)), {plain})"


def local_sql(moment: str, zone: str | None) -> str:
    """SQL for the UTC of a naive timestamp on the clock of this zone; without a zone it is UTC already."""
    return f"timezone('UTC', timezone({literal(zone)}, {moment}))" if zone else moment
