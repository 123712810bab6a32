"""Public exports as they came, loaded whole: every row is accounted for, against a count made without the loader."""

import csv
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from ingestion.profile import profile
from warehouse import manifest

DATA = Path(__file__).resolve().parents[3] / "shared/data"
Rows = list[list[str]]


def unpack(desk: Any, archive: str) -> Path:
    packed = DATA / archive
    if not packed.exists():
        pytest.skip(f"needs {archive} of the real data in ../shared/data")
    path: Path = desk.exports / packed.name.removesuffix(".zst")
    with pa.input_stream(str(packed), compression="zstd") as stream:
        path.write_bytes(stream.read())
    return path


def records(path: Path, delimiter: str) -> Rows:
    """The file's records without its header, by Python's csv or by blanks."""
    with path.open(newline="") as stream:
        rows = csv.reader(stream, delimiter=delimiter) if delimiter != " " else (line.split() for line in stream)
        return list(rows)[1:]


def load(desk: Any, source: str) -> tuple[int, int, int, int, int]:
    """The balance of the first load; a second one of the same files must find nothing new."""
    first, second = desk.load(source), desk.load(source)
    assert (second.files_new, second.files_known, second.rows_in) == (0, 1, 0)
    parts = first.rows_loaded, first.rows_rejected, first.rows_duplicate, first.rows_suppressed
    assert first.rows_in == sum(parts)
    return (first.rows_in, *parts)


def test_cdnow_arrives_whole_and_the_repeated_row_is_a_legitimate_repeat(desk: Any) -> None:
    rows = records(unpack(desk, "cdnow/CDNOW_master.txt.zst"), " ")
    assert load(desk, "cdnow") == (69_659, 69_659, 0, 0, 0)
    assert len(rows) == 69_659
    assert len(rows) - len({tuple(row) for row in rows}) == 255
    wanted = Counter(
        (who, datetime.combine(date.fromisoformat(day), datetime.min.time()), int(number), Decimal(value))
        for who, day, number, value in rows
    )
    assert Counter(desk.raw("cdnow", "customer_id, bought_at, cds_count, total_amount")) == wanted
    assert desk.raw("cdnow", "sum(total_amount), min(_arrived_at)::varchar, max(bought_at)::varchar") == [
        (sum(Decimal(row[3]) for row in rows), "1997-01-01 00:00:00", "1998-06-30 00:00:00")
    ]
    assert sum(Decimal(row[3]) for row in rows) == Decimal("2500315.63")


def test_eshop2008_arrives_whole_with_moments_in_the_order_of_clicks(desk: Any) -> None:
    rows = records(unpack(desk, "eshop2008/e-shop clothing 2008.csv.zst"), ";")
    assert load(desk, "eshop2008") == (165_474, 165_474, 0, 0, 0)
    assert (len(rows), len({row[5] for row in rows}), len({row[7] for row in rows})) == (165_474, 24_026, 217)
    wanted = {
        (row[5], int(row[3])): datetime(*map(int, row[:3])) + timedelta(seconds=int(row[3]))  # type: ignore[arg-type]
        for row in rows
    }
    found = desk.raw("eshop2008", "session_id, click, viewed_at")
    assert {(session, click): at for session, click, at in found} == wanted
    assert desk.raw("eshop2008", "sum(price_amount)") == [(sum(Decimal(row[11]) for row in rows),)]


def test_rees46_arrives_but_for_the_line_that_was_cut_off_and_rows_that_stand_twice(desk: Any) -> None:
    rows = records(unpack(desk, "rees46_2h50/2019-Oct.csv.zst"), ",")
    whole = [tuple(row) for row in rows if len(row) == 9]
    assert load(desk, "rees46") == (17_435, 17_429, 1, 5, 0)
    assert (len(rows), len(whole), len(set(whole))) == (17_435, 17_434, 17_429)
    [(file, position, reason, _)] = desk.rejects("rees46")
    assert (file, position, reason) == ("2019-Oct.csv", 17_435, "record: 8 values; allowed: 9")
    wanted = {
        (datetime.fromisoformat(time.removesuffix(" UTC")), *(text or None for text in texts), Decimal(price), *who)
        for time, *texts, price, one, session in whole
        for who in [(one, session)]
    }
    columns = "event_time, event_type, product_id, category_id, category_code, brand, price_amount, user_id"
    assert set(desk.raw("rees46", f"{columns}, user_session")) == wanted


def test_what_is_odd_in_rees46_is_kept_and_counted(desk: Any) -> None:
    rows = [row for row in records(unpack(desk, "rees46_2h50/2019-Oct.csv.zst"), ",") if len(row) == 9]
    once = {tuple(row) for row in rows}
    assert sum(Decimal(row[6]) <= 0 for row in rows) == 19
    desk.load("rees46")
    found = pl.read_parquet(profile(desk.settings, "run-1", 0)).filter(source="rees46")
    counts = {row["column"]: row for row in found.iter_rows(named=True)}
    assert counts["price_amount"]["not_positive"] == sum(Decimal(row[6]) <= 0 for row in once) == 19
    assert counts["category_code"]["nulls"] == sum(not row[4] for row in once)
    assert counts["category_id"]["nulls"] == 0
    assert counts["category_id"]["not_positive"] is None


def test_taobao_arrives_but_for_the_line_that_was_cut_off(desk: Any) -> None:
    lines = unpack(desk, "taobao_2h/UserBehavior.csv.zst").read_text().splitlines()
    assert load(desk, "taobao") == (96_169, 96_168, 1, 0, 0)
    assert (len(lines), len(set(lines[:-1]))) == (96_169, 96_168)
    [(file, position, reason, _)] = desk.rejects("taobao")
    assert (file, position, reason) == ("UserBehavior.csv", 96_169, "occurred_at: cannot be made of the other columns")
    assert lines[-1].endswith(",pv,15")  # a number all the same: a moment of 1970, were it taken for one
    found = desk.raw("taobao", "user_id, item_id, category_id, behaviour, unix_seconds, occurred_at")
    begin = datetime(1970, 1, 1)
    wanted = {(*row, begin + timedelta(seconds=int(row[4]))) for row in (line.split(",") for line in lines[:-1])}
    assert set(found) == wanted
    span = desk.raw(
        "taobao", "min(occurred_at)::varchar, max(occurred_at)::varchar, max(_arrived_at) = max(occurred_at)"
    )
    assert span == [("2017-11-26 01:00:00", "2017-11-26 02:55:09", True)]


def aligned(desk: Any, *lines: str) -> Path:
    path: Path = desk.exports / "CDNOW_master.txt"
    path.write_bytes("\r\n".join((" customer_id  date number_of_cds  dollar_value", *lines, "")).encode())
    return path


def test_an_aligned_file_loads_line_by_line_and_each_bad_line_is_one_reject(desk: Any) -> None:
    lines = (
        " 00001 19970101  1   11.77",
        "",
        " 00002 19970230  1  9.00",
        " 00003  19970112 5",
        ' "a" 19970112 5 77.00',
    )
    aligned(desk, *lines, " 1 2 3 4 5")
    outcome = desk.load("cdnow")
    assert (outcome.rows_in, outcome.rows_loaded, outcome.rows_rejected) == (5, 2, 3)
    assert desk.raw("cdnow", "customer_id, bought_at::varchar, cds_count", "order by all") == [
        ('"a"', "1997-01-12 00:00:00", 5),
        ("00001", "1997-01-01 00:00:00", 1),
    ]
    assert [reason for _, _, reason, _ in desk.rejects("cdnow")] == [
        "bought_at: cannot be made of the other columns",
        "record: 3 values; allowed: 4",
        "record: 5 values; allowed: 4",
    ]


def test_an_aligned_file_with_another_header_is_quarantined(desk: Any) -> None:
    path = aligned(desk, " 00001 19970101  1   11.77")
    path.write_text(path.read_text().replace("date", "day"))
    assert desk.load("cdnow").files_quarantined == 1


@pytest.fixture
def rees46(desk: Any) -> Callable[..., Path]:
    def write(name: str, *rows: str) -> Path:
        header = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session"
        path: Path = desk.exports / name
        path.write_text("\n".join((header, *rows, "")))
        return path

    return write


def test_a_whole_row_is_found_again_with_its_nulls_and_in_another_file(desk: Any, rees46: Callable[..., Path]) -> None:
    row = "2019-10-01 00:00:00 UTC,view,1,7,,,0.00,u,s"
    rees46("2019-Oct.csv", row, row, row.replace("00:00:00", "00:00:01"))
    first = desk.load("rees46")
    assert (first.rows_loaded, first.rows_duplicate) == (2, 1)
    rees46("2019-Nov.csv", row, row.replace(",u,", ",v,"), row.replace(",s", ","))
    second = desk.load("rees46")
    assert (second.rows_loaded, second.rows_duplicate) == (2, 1)
    lines = manifest.read(desk.settings.raw / "rees46")
    assert [line.rows_in for line in lines] == [3, 3]
    assert desk.raw("rees46", "min(event_time), count(*)") == [(datetime(2019, 10, 1), 4)]


def test_utc_is_the_only_zone_that_a_time_may_name(desk: Any, rees46: Callable[..., Path]) -> None:
    rees46("2019-Oct.csv", *(f"2019-10-01 00:00:00{zone},view,1,7,,,0.00,u,s" for zone in (" UTC", "Z", " CET", "UTC")))
    outcome = desk.load("rees46")
    assert (outcome.rows_loaded, outcome.rows_duplicate, outcome.rows_rejected) == (1, 1, 2)
    assert {reason for _, _, reason, _ in desk.rejects("rees46")} == {"event_time: not a timestamp in ISO 8601"}
