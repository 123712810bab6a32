"""Moments, currencies and mailboxes: one form each, and what is no such thing is said."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest

from ingestion import currencies, mailboxes, sources
from ingestion.moments import utc_sql
from tests.ingestion.test_privacy import bytes_below, pseudonym
from warehouse.contracts import Column

SOURCE = """
import re
from ingestion.source import Source
from warehouse.contracts import Column, Contract

SOURCE = Source(
    pattern=re.compile(r"receipts_(?P<arrived>\\d{4}-\\d\\d-\\d\\d).csv"),
    contract=Contract(
        source="till_receipts",
        description="One row per receipt.",
        format="csv",
        columns=(
            Column(name="receipt_id", nullable=False),
            Column(name="email", pii="direct", kind="email"),
            Column(name="sold_at", type="timestamp", nullable=False, zone="Europe/London"),
            Column(name="paid_in", nullable=False, form="currency"),
            Column(name="quoted_in", form="currency"),
        ),
        key=("receipt_id",),
        event_time="sold_at",
        purpose="revenue",
        retention_days=1,
    ),
)
"""


@pytest.fixture
def till(desk: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A desk that knows one more source, of a till in London."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "till_receipts.py").write_text(SOURCE)
    monkeypatch.setattr(sources, "__path__", [*sources.__path__, str(tmp_path / "modules")])
    return desk


def receipts(till: Any, column: str, values: list[str]) -> None:
    """Load a receipt for each of these values of one column."""
    usual = {"email": "", "sold_at": "2026-08-01 10:00:00", "paid_in": "GBP", "quoted_in": ""}
    rows = [[number, *(usual | {column: value}).values()] for number, value in enumerate(values, 1)]
    till.csv("receipts_2026-12-31.csv", "till_receipts", rows)
    till.load("till_receipts")


def utc(text: str, zone: str | None = None) -> datetime | None:
    found = duckdb.connect()
    found.execute("set TimeZone = 'UTC'")
    value: datetime | None = found.execute(
        f"select {utc_sql('text', zone)} from (select ? as text)", [text]
    ).fetchall()[0][0]
    return value


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-08-01T10:00:00+05:30", "2026-08-01T04:30:00"),
        ("2026-08-01T10:00:00-0330", "2026-08-01T13:30:00"),
        ("2026-08-01 10:00:00.25+02", "2026-08-01T08:00:00.250000"),
        ("2026-08-01T10:00+01:00", "2026-08-01T09:00:00"),
        ("2026-08-01T00:30:00+14:00", "2026-07-31T10:30:00"),
        ("2026-08-01T10:00:00+00:00", "2026-08-01T10:00:00"),
        ("2026-08-01T10:00:00Z", "2026-08-01T10:00:00"),
        ("2026-08-01 10:00:00 UTC", "2026-08-01T10:00:00"),
    ],
)
@pytest.mark.parametrize("zone", [None, "Europe/London", "Asia/Kolkata"])
def test_an_offset_that_is_stated_counts_whatever_the_zone(text: str, moment: str, zone: str | None) -> None:
    assert utc(text, zone) == datetime.fromisoformat(moment)


def test_without_offset_and_zone_a_timestamp_is_utc() -> None:
    assert utc("2026-08-01 10:00:00") == utc("2026-08-01T10:00") == datetime(2026, 8, 1, 10)
    assert utc("2026-08-01") == datetime(2026, 8, 1)


# the hour that is not there, and the one that is there twice, of London, New York, and Lord Howe with its half hour
JUMPS = {
    "Europe/London": ("2026-03-29 01:00:00", "2026-10-25 01:00:00", 60),
    "America/New_York": ("2026-03-08 02:00:00", "2026-11-01 01:00:00", 60),
    "Australia/Lord_Howe": ("2026-10-04 02:00:00", "2026-04-05 01:30:00", 30),
}


def python_utc(local: datetime, zone: str, fold: int) -> datetime:
    return local.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC).replace(tzinfo=None)


@pytest.mark.parametrize("zone", JUMPS)
def test_a_time_that_the_clock_never_showed_is_taken_by_the_offset_before_the_jump(zone: str) -> None:
    gap, _, minutes = JUMPS[zone]
    start, jump = datetime.fromisoformat(gap), timedelta(minutes=minutes)
    second = timedelta(seconds=1)
    for local in (start - second, start, start + jump / 2, start + jump - second, start + jump):
        assert utc(str(local), zone) == python_utc(local, zone, fold=0)
    # so it is what the clock showed so much later
    assert utc(str(start + jump / 2), zone) == utc(str(start + jump * 1.5), zone)


@pytest.mark.parametrize("zone", JUMPS)
def test_a_time_that_the_clock_showed_twice_is_the_second(zone: str) -> None:
    _, overlap, minutes = JUMPS[zone]
    start, jump = datetime.fromisoformat(overlap), timedelta(minutes=minutes)
    second = timedelta(seconds=1)
    for local in (start - second, start, start + jump / 2, start + jump - second, start + jump):
        assert utc(str(local), zone) == python_utc(local, zone, fold=1)
    assert python_utc(start, zone, fold=0) == python_utc(start, zone, fold=1) - jump
    # the last second before what is there twice is a jump and a second earlier
    assert utc(str(start), zone) - utc(str(start - second), zone) == jump + second  # type: ignore[operator]


def test_every_hour_of_a_year_in_london_is_that_of_pythons_own_zones() -> None:
    texts = [str(datetime(2026, 1, 1) + timedelta(hours=n)) for n in range(365 * 24)]
    wrong = []
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        query = f"select text, {utc_sql('text', 'Europe/London')} from (select unnest(?) as text)"
        for text, found in connection.execute(query, [texts]).fetchall():
            local = datetime.fromisoformat(text)
            fold = 0 if text == "2026-03-29 01:00:00" else 1
            if found != python_utc(local, "Europe/London", fold):
                wrong.append(text)
    assert wrong == []


def test_a_source_of_a_zone_is_stored_in_utc(till: Any) -> None:
    told = ["2026-01-15 10:00:00", "2026-07-15 10:00:00", "2026-07-15T10:00:00Z", "2026-07-15T10:00:00-05:00"]
    receipts(till, "sold_at", [*told, "2026-07-15T10:00:00 CET"])
    found = till.raw("till_receipts", "sold_at", "order by receipt_id")
    assert [moment.isoformat() for (moment,) in found] == [
        "2026-01-15T10:00:00",
        "2026-07-15T09:00:00",
        "2026-07-15T10:00:00",
        "2026-07-15T15:00:00",
    ]
    assert [reason for _, _, reason, _ in till.rejects("till_receipts")] == ["sold_at: not a timestamp in ISO 8601"]


@pytest.mark.parametrize(("type_", "zone"), [("timestamp", "Mars/Olympus"), ("timestamp", "x'; drop"), ("date", "UTC")])
def test_a_zone_is_an_iana_name_of_a_timestamp(type_: Any, zone: str) -> None:
    with pytest.raises(ValueError, match=r"no time zone .* allowed: an IANA name, of a timestamp"):
        Column(name="sold_at", type=type_, zone=zone)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        *[(text, "GBP") for text in ("GBP", "gbp", "£", "British Pound", "british pounds", "Pound sterling")],
        *[(text, "EUR") for text in ("EUR", "€", "euro", "Euros")],
        *[("US$", "USD"), ("US dollars", "USD"), ("CA$", "CAD"), ("₹", "INR"), ("Swiss Franc", "CHF"), ("rmb", "CNY")],
        *[("BGN", "BGN"), ("HRK", "HRK"), ("DEM", "DEM")],  # tender since 1999, in old orders still
        *[(text, None) for text in ("$", "¥", "dollar", "kr", "XXX", "XAU", "ABC", "GBX", "826", "pound")],
    ],
)
def test_a_currency_has_one_code_by_code_name_or_a_symbol_that_is_its_own(text: str, code: str | None) -> None:
    assert currencies.answers([text]) == {"code": [code]}


def test_a_currency_stands_in_raw_by_its_code_and_an_unknown_one_only_where_it_may_be_missing(till: Any) -> None:
    receipts(till, "quoted_in", ["€", "usd", "$", ""])
    found = till.raw("till_receipts", "paid_in, quoted_in", "order by receipt_id")
    assert found == [("GBP", "EUR"), ("GBP", "USD"), ("GBP", None), ("GBP", None)]
    assert till.rejects("till_receipts") == []


def test_an_unknown_currency_that_must_be_there_rejects_the_row(till: Any) -> None:
    receipts(till, "paid_in", ["£", "dollars", ""])
    assert till.raw("till_receipts", "paid_in") == [("GBP",)]
    assert [reason for _, _, reason, _ in till.rejects("till_receipts")] == [
        "paid_in: no currency of ISO 4217",
        "paid_in: missing",
    ]


def test_what_is_allowed_of_a_currency_is_its_code(desk: Any) -> None:
    desk.csv(
        "orders_2026-08-01.csv", "shop_orders", [desk.order(n, currency=text) for n, text in enumerate(("£", "€"))]
    )
    desk.load("shop_orders")
    assert desk.raw("shop_orders", "currency") == [("GBP",)]
    assert [reason for _, _, reason, _ in desk.rejects("shop_orders")] == ["currency: not one of GBP"]


@pytest.mark.parametrize(
    ("address", "mailbox"),
    [
        ("Jane.Doe+news@gmail.com", "janedoe@gmail.com"),
        ("j.a.n.e.d.o.e@googlemail.com", "janedoe@gmail.com"),
        ("jane.doe+a+b@outlook.com", "jane.doe@outlook.com"),
        ("jane-doe+x@proton.me", "jane-doe@proton.me"),
        ("janedoe-shop@yahoo.com", "janedoe@yahoo.com"),
        ("jane+doe@yahoo.com", "jane+doe@yahoo.com"),
        ("jane-doe@gmail.com", "jane-doe@gmail.com"),
        ("jane.doe+news@example.com", "jane.doe+news@example.com"),
        ("jane.doe+news@mail.gmail.com", "jane.doe+news@mail.gmail.com"),
        ("+tag@gmail.com", "+tag@gmail.com"),
    ],
)
def test_an_address_has_a_second_pseudonym_of_its_mailbox(desk: Any, address: str, mailbox: str) -> None:
    desk.csv("orders_2026-08-01.csv", "shop_orders", [desk.order(1, email=address)])
    desk.load("shop_orders")
    [(own, canonical)] = desk.raw("shop_orders", "email_hmac, email_canonical_hmac")
    assert own == pseudonym(desk, "email", address.lower())
    assert canonical == pseudonym(desk, "email", mailbox)


def test_what_is_no_address_has_no_mailbox_and_the_vault_keeps_addresses_only(desk: Any) -> None:
    rows = [desk.order(1, email="none"), desk.order(2, email=""), desk.order(3, email="canary.a+b@gmail.com")]
    desk.csv("orders_2026-08-01.csv", "shop_orders", rows)
    desk.load("shop_orders")
    found = desk.raw("shop_orders", "email_canonical_hmac is null", "order by order_id")
    assert found == [(True,), (True,), (False,)]
    assert [value for _, _, value, _ in desk.vault()] == ["canary.a+b@gmail.com"]
    assert b"canary" not in bytes_below(desk.settings.raw)


def test_nothing_is_said_of_a_domain_that_nobody_knows() -> None:
    assert mailboxes.answers(["example.com"]) == {"separator": [None], "main": [None], "ignores_dots": [None]}
