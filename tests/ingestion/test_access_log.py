"""A line of an access log is a row; what is none is a reject with its place, and never stops the others."""

import gzip
import re
from typing import Any

import pytest
from pydantic import ValidationError

from tests.ingestion.things import Declare, declaring
from warehouse.contracts import ACCESS_LOG, Column

OF_PEOPLE = ("host", "ident", "user")
TYPES = {"time": "timestamp", "status": "integer", "bytes": "integer"}
COLUMNS = tuple(
    Column(name=name, type=TYPES.get(name, "text"), pii="indirect" if name in OF_PEOPLE else "none")  # type: ignore[arg-type]
    for name in ACCESS_LOG
)
LOG = r"""
127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326 "http://www.example.com/start.html" "Mozilla/4.08 [en] (Win98; I ;Nav)"
::1 - - [31/Dec/2026:23:59:59 +0530] "POST /a?b=\"c\" HTTP/1.1" 404 - "-" "say \"so\" \\"
shop.example.org id7 a user [29/Feb/2024:00:00:00 +0000] "GET / HTTP/2.0" 304 0
10.0.0.1 - - [01/Jan/2026:00:00:00 +0000] "-" 408 - "-" "-"
10.0.0.1 - - [01/Jan/2026:00:00:01 +0000] "\x16\x03\x01" 400 226 "-" "-"
10.0.0.1 - - [01/Jan/2026:00:00:02 +0000] "GET /old page" 200 5 "-" "-"
""".lstrip()  # noqa: E501  # a line is a line
EXPECTED = [
    (
        *("127.0.0.1", None, "frank", "2000-10-10 20:55:36", "GET", "/apache_pb.gif", "HTTP/1.0", 200, 2326),
        *("http://www.example.com/start.html", "Mozilla/4.08 [en] (Win98; I ;Nav)"),
    ),
    ("::1", None, None, "2026-12-31 18:29:59", "POST", r"/a?b=\"c\"", "HTTP/1.1", 404, None, None, r"say \"so\" \\"),
    ("shop.example.org", "id7", "a user", "2024-02-29 00:00:00", "GET", "/", "HTTP/2.0", 304, 0, None, None),
    ("10.0.0.1", None, None, "2026-01-01 00:00:00", None, None, None, 408, None, None, None),
    ("10.0.0.1", None, None, "2026-01-01 00:00:01", None, r"\x16\x03\x01", None, 400, 226, None, None),
    ("10.0.0.1", None, None, "2026-01-01 00:00:02", "GET", "/old page", None, 200, 5, None, None),
]
MALFORMED = [
    "no line at all",
    '10.0.0.1 - - [30/Feb/2026:00:00:00 +0000] "GET / HTTP/1.1" 200 1 "-" "-"',
    '10.0.0.1 - - [01/Jan/2026:00:00:00 +0000] "GET / HTTP/1.1" 200 1 "-" "-" extra',
    '10.0.0.1 - - [01/Jan/2026:00:00:00 +0000] "GET / HTTP/1.1 200 1',
    '10.0.0.1 - - [01/Jan/2026:00:00:00] "GET / HTTP/1.1" 200 1',
    "bell \x07 rings",
]


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch) -> Declare:
    return declaring(monkeypatch)


@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_each_field_is_a_column_and_times_are_utc(desk: Any, declare: Declare, ends: str) -> None:
    declare(format="access_log", columns=COLUMNS, event_time="time")
    (desk.exports / "things.log.gz").write_bytes(gzip.compress(LOG.replace("\n", ends).encode()))
    outcome = desk.load("things")
    assert outcome.problems == ()
    names = ", ".join(f'"{name}"' + "::varchar" * (name == "time") for name in ACCESS_LOG)
    assert desk.raw("things", names, "order by _position") == EXPECTED


def test_a_line_that_is_none_is_a_reject_and_the_others_load(desk: Any, declare: Declare) -> None:
    declare(format="access_log", columns=COLUMNS)
    good = LOG.splitlines()
    (desk.exports / "things.log").write_text("\n".join([*MALFORMED[:3], *good, "", *MALFORMED[3:]]))
    outcome = desk.load("things")
    assert (outcome.rows_in, outcome.rows_loaded, outcome.rows_rejected) == (12, 6, 6)
    rejects = desk.rejects("things")
    assert [row[1] for row in rejects] == [1, 2, 3, 10, 11, 12]
    assert {row[2] for row in rejects} == {"record: not a line of an access log"}
    assert [row[3] for row in rejects] == MALFORMED


def test_a_contract_takes_the_fields_it_has_use_for_under_its_own_names(desk: Any, declare: Declare) -> None:
    columns = (
        Column(name="occurred_at", header="time", type="timestamp"),
        Column(name="page", header="path", form="url"),
    )
    declare(format="access_log", columns=columns)
    line = '10.0.0.1 - - [01/Jan/2026:00:00:00 +0000] "GET /in?mail=canary@example.com HTTP/1.1" 200 1\n'
    (desk.exports / "things.log").write_text(line)
    desk.load("things")
    assert desk.raw("things", "occurred_at::varchar, page") == [("2026-01-01 00:00:00", "/in?mail=***")]


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (Column(name="referer"), "no field 'referer'; there are: host, ident, user, time"),
        (Column(name="host"), "host is of a person"),
        (Column(name="who", header="user"), "user is of a person"),
    ],
)
def test_a_contract_names_fields_of_a_log_and_says_which_are_of_people(
    declare: Declare, column: Column, reason: str
) -> None:
    with pytest.raises(ValidationError, match=re.escape(reason)):
        declare(format="access_log", columns=(column,))
