"""Visitors of the REES46 shop who stand exactly on the boundaries of the rules, in the format of its export.

In two hours of real traffic hardly anybody is on one. The seconds are those of the export; the moments from which a
cart's hour is counted back are those of which the tests ask.
"""

import csv
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

HEADER = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session"
_START = datetime(2019, 10, 1, 0, 10)
_SECOND, _HOUR = timedelta(seconds=1), timedelta(hours=1)
Event = tuple[datetime, str, str, str]


def write(path: Path, moments: Sequence[datetime]) -> None:
    """Write the export, up to the last of the moments: a user for each case, and one row twice."""
    rows = [
        [f"{at:%Y-%m-%d %H:%M:%S} UTC", kind, product, category, "", "", "9.90", str(900_000_000 + user), f"s-{user}"]
        for user, events in enumerate(_cases(moments))
        for at, kind, product, category in events
        if at <= moments[-1]
    ]
    with path.open("w", newline="") as stream:
        stream.write(HEADER + "\r\n")
        csv.writer(stream).writerows([*rows, rows[0]])


def _cases(moments: Sequence[datetime]) -> Iterator[list[Event]]:
    for last in (599, 600, 601):
        yield _enthusiast([f"{number}" for number in range(5)], last)
        yield _enthusiast(["0", "1", "2", "3", "3"], last)
        yield [(_START + after * _SECOND, "view", "7", "c") for after in (0, 1, 1 + last // 2, last)]
        yield [(_START + after * _SECOND, "view", "7", "c") for after in (0, 1, last)]
    yield [(_START + place * _SECOND, "view", f"{place}", f"c{place % 2}") for place in range(5)]
    yield [(_START, "view", "7", "c")] * 4  # alike in every value: one event
    for gap in (1799, 1800, 1801):
        yield [(_START, "view", "7", "c"), (_START + gap * _SECOND, "view", "8", "c")]
        yield [(_START + place * gap * _SECOND, "view", f"{place}", "c") for place in range(4)]
    for moment in moments:
        for step in (-1, 0, 1):
            at = moment - _HOUR + step * _SECOND
            yield [(at, "cart", "7", "c")]
            yield [(at, "cart", "7", "c"), (at, "purchase", "7", "c")]
            yield [(at, "cart", "7", "c"), (at - _SECOND, "purchase", "7", "c")]
            yield [(at, "cart", "7", "c"), (moment + step * _SECOND, "purchase", "7", "c")]
            yield [(moment + step * _SECOND, "view", "7", "c")]


def _enthusiast(products: list[str], last: int) -> list[Event]:
    after = [0, 100, 200, 300, last]
    return [(_START + at * _SECOND, "view", product, "c") for at, product in zip(after, products, strict=True)]
