import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

GOOD = 3


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def zero(path: Path) -> None:
    path.write_bytes(b"")


def garbage_after(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"garbage")


def not_gzip(path: Path) -> None:
    path.write_bytes(b'{"event_id": "e1"}\n')


def latin(path: Path) -> None:
    path.write_bytes(gzip.compress('{"event_id": "é"}\n'.encode("latin-1")))


def bomb(path: Path) -> None:
    path.write_bytes(gzip.compress(b"\n" * (80 << 20)))


@pytest.mark.parametrize("damage", [cut, zero, garbage_after, not_gzip, latin, bomb])
def test_an_unreadable_event_file_is_set_aside_and_the_others_load(desk: Any, damage: Callable[[Path], None]) -> None:
    for hour in range(GOOD + 1):
        path = desk.jsonl(f"events_2026-08-01T{hour:02d}.jsonl.gz", [desk.event(hour)])
    damage(path)
    outcome = desk.load("web_events")
    assert (outcome.files_new, outcome.files_quarantined, outcome.rows_loaded) == (GOOD, 1, GOOD)
    line = next(line for line in desk.lines("web_events") if line.status == "quarantined")
    assert line.file == path.name
    assert (damage is bomb) == ("200 times" in str(line.reason))
    assert outcome.problems == (f"file quarantined · web_events, {path.name} · {line.reason}",)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (
            b"order_id,line_number,product_id,unit_price_amount,quantity\no1,1,p1,2,3\n",
            "header differs (order or repeats)",
        ),
        (b"order_id,line_number,product_id,quantity\no1,1,p1,2\n", "header differs (missing: unit_price_amount)"),
        (b"o1,1,p1,2,3\n", "header differs (missing: order_id"),
        ("order_id;\n".encode("utf-16"), "header differs (missing: order_id"),
        (
            b"order_id,line_number,product_id,quantity,unit_price_amount\no1,1,\xff,2,3\n",
            "not UTF-8: byte 64 of the content",
        ),
    ],
)
def test_a_csv_file_with_another_header_or_encoding_is_set_aside(desk: Any, content: bytes, reason: str) -> None:
    (desk.exports / "order_lines_2026-08-01.csv").write_bytes(content)
    desk.csv("order_lines_2026-08-02.csv", "shop_order_lines", [desk.line(1)])
    outcome = desk.load("shop_order_lines")
    assert (outcome.files_new, outcome.files_quarantined, outcome.rows_in) == (1, 1, 1)
    assert reason in outcome.problems[0]


def test_a_byte_order_mark_is_tolerated(desk: Any) -> None:
    path = desk.csv("order_lines_2026-08-01.csv", "shop_order_lines", [desk.line(1)])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert desk.load("shop_order_lines").rows_loaded == 1


def test_a_damaged_parquet_file_is_set_aside(desk: Any) -> None:
    query = (
        "select 'a' || range || '@example.com' as email, '' as age_band, 1 as household_size, '' as income_band, "
        "repeat(range::varchar, 9) as lifestyle, timestamp '2026-07-01' as observed_at from range(5000)"
    )
    for day, damage in (("01", zero), ("02", cut), ("03", None), ("04", None)):
        path = desk.parquet(f"demographics_2026-08-{day}.parquet", query.replace("'a'", f"'a{day}'"))
        if damage:
            damage(path)
    flipped = bytearray(path.read_bytes())
    flipped[200:1200] = bytes(1000)
    path.write_bytes(flipped)
    outcome = desk.load("demographics")
    assert (outcome.files_new, outcome.files_quarantined, outcome.rows_loaded) == (1, 3, 5000)


def test_a_parquet_file_with_other_columns_is_set_aside(desk: Any) -> None:
    desk.parquet("demographics_2026-08-01.parquet", "select 'a@b.org' as email, [1] as age_band")
    assert "columns differs" in desk.load("demographics").problems[0]


def test_a_quarantined_file_is_told_again_and_not_read_again(desk: Any) -> None:
    zero(desk.jsonl("events_2026-08-01T00.jsonl.gz", [desk.event(1)]))
    first, second = desk.load("web_events"), desk.load("web_events")
    assert first.problems == second.problems
    assert (second.files_new, second.files_quarantined, second.batch) == (0, 1, None)
    assert len(desk.lines("web_events")) == 1
