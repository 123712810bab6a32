"""A check says what the load then does, keeps nothing, and names the contract's line to change."""

import gzip
import random
from pathlib import Path
from typing import Any

import pytest

from ingestion import check as checking
from ingestion.check import Finding
from warehouse.settings import CHECKOUT

HEADER = "order_id,line_number,product_id,quantity,unit_price_amount"


def check(desk: Any, path: Path, source: str | None = None) -> Finding:
    return checking.check(desk.settings, path, source, desk.loaded_at)


def lines_of(desk: Any, text: str, name: str = "order_lines_2026-08-02.csv") -> Path:
    path = desk.exports / name
    path.write_text(text)
    return path


def everything(desk: Any) -> dict[str, bytes]:
    home = desk.settings.home
    return {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*") if path.is_file()}


@pytest.mark.parametrize("seed", range(6))
def test_a_check_tells_exactly_what_the_load_then_does(desk: Any, seed: int) -> None:
    """Files with good, rejected, malformed and repeated rows, some of them loaded before."""
    dice = random.Random(seed)  # a test's choice
    desk.csv("order_lines_2026-08-01.csv", "shop_order_lines", [desk.line(number) for number in range(5)])
    desk.load("shop_order_lines")
    kinds = [{}, {}, {"quantity": "x"}, {"order_id": ""}, {"unit_price_amount": "£3", "quantity": "0"}]
    rows = [desk.line(dice.randrange(12), **dice.choice(kinds)) for _ in range(40)]
    extra = "o9,1,p1\n" * (seed % 3)
    path = desk.csv("order_lines_2026-08-02.csv", "shop_order_lines", rows, extra)
    found = check(desk, path)
    outcome = desk.load("shop_order_lines")
    told = (found.rows_in, found.rows_loaded, found.rows_rejected, found.rows_duplicate)
    assert told == (outcome.rows_in, outcome.rows_loaded, outcome.rows_rejected, outcome.rows_duplicate)
    assert found.rows_rejected > 0
    assert found.rows_duplicate > 0
    really = desk.rejects("shop_order_lines")
    for reject in found.rejects:
        places = [position for _, position, reason, _ in really if reason == reject.reason]
        assert (reject.rows, list(reject.positions)) == (len(places), places[:10])
    assert sum(reject.rows for reject in found.rejects) == len(really)


def test_a_check_keeps_nothing(desk: Any) -> None:
    desk.csv("contacts_2026-08-01.csv", "crm_contacts", [desk.contact(1)])
    desk.load("crm_contacts")
    before = everything(desk)
    path = desk.csv("contacts_2026-08-02.csv", "crm_contacts", [desk.contact(2), desk.contact(3, contact_id="")])
    assert check(desk, path).rows_rejected == 1
    assert everything(desk) == before
    assert list((desk.settings.home / "check").iterdir()) == []


def test_a_file_that_is_whole_loads_whole(desk: Any) -> None:
    path = desk.csv("order_lines_2026-08-02.csv", "shop_order_lines", [desk.line(1)])
    found = check(desk, path)
    assert found.loads_whole
    assert (found.source, found.format, found.encoding, found.advice) == ("shop_order_lines", "csv", "UTF-8", ())


def test_content_that_came_before_is_known_under_any_name(desk: Any) -> None:
    path = desk.csv("order_lines_2026-08-01.csv", "shop_order_lines", [desk.line(1)])
    desk.load("shop_order_lines")
    found = check(desk, path.rename(desk.exports / "order_lines_2026-08-02.csv"))
    assert found.problems[0].startswith("content known, nothing would be loaded · loaded as order_lines_2026-08-01.csv")
    assert (found.rows_in, found.loads_whole) == (0, False)


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("order_id,line_number,product_id,quantity", "missing column 'unit_price_amount' · position 5"),
        ("order_id,line_number,quantity,product_id,unit_price_amount", "columns swapped or repeated: order_id"),
        (HEADER.replace("quantity", "pieces"), 'header="pieces" if it was renamed'),
    ],
)
def test_another_header_is_told_with_the_line_of_the_contract(desk: Any, header: str, told: str) -> None:
    found = check(desk, lines_of(desk, f"{header}\n"))
    [advice] = [line for line in found.advice if told in line]
    place, number = advice.split(" · ")[2 if "position" in advice else 1].split(":")[:2]
    line = (CHECKOUT / place).read_text().splitlines()[int(number) - 1]
    named = told.split("'")[1] if told.startswith("missing") else "quantity" if "pieces" in told else "columns"
    assert named in line
    assert found.problems[0].startswith("file would be quarantined · order_lines_2026-08-02.csv · header differs")
    assert not found.loads_whole


def test_a_first_record_that_is_a_row_is_not_shown(desk: Any) -> None:
    found = check(desk, lines_of(desk, "canary@example.com,1,p1,2,3.50\n"))
    assert "canary" not in str(found)
    assert found.advice == ()


def test_a_column_whose_type_has_changed_is_told_at_half_of_the_rows_and_not_below(desk: Any) -> None:
    bad, good = (
        [desk.line(number, quantity="two") for number in range(2)],
        [desk.line(number) for number in range(5, 8)],
    )
    half = check(desk, desk.csv("order_lines_2026-08-02.csv", "shop_order_lines", bad + good[:2]))
    assert half.advice[0].startswith("retyped column 'quantity': 2 of 4 rows are no integer · ingestion/sources/")
    assert half.rejects[0].contract[0].startswith("ingestion/sources/shop_order_lines.py:")
    assert check(desk, desk.csv("order_lines_2026-08-03.csv", "shop_order_lines", bad + good)).advice == ()


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (f"{HEADER}\n".encode("utf-8-sig"), "UTF-8 with byte order mark"),
        (f"{HEADER}\n".encode("utf-16"), "UTF-16-LE with byte order mark"),
        (f"{HEADER}\no1,1,caf\xe9,2,3\n".encode("latin-1"), "not UTF-8"),
    ],
)
def test_the_encoding_is_told(desk: Any, content: bytes, encoding: str) -> None:
    path = desk.exports / "order_lines_2026-08-02.csv"
    path.write_bytes(content)
    found = check(desk, path)
    assert found.encoding == encoding
    assert found.loads_whole == (encoding != "not UTF-8")


def test_a_compressed_file_that_is_cut_is_unreadable(desk: Any) -> None:
    path = desk.exports / "order_lines_2026-08-02.csv.gz"
    path.write_bytes(gzip.compress(f"{HEADER}\no1,1,p1,2,3\n".encode())[:-9])
    assert check(desk, path).encoding == "unreadable"


def test_a_file_that_no_source_claims_needs_one_named_and_is_then_held_against_it(desk: Any) -> None:
    path = desk.csv("lines.csv", "shop_order_lines", [desk.line(1), desk.line(2)])
    with pytest.raises(checking.UnknownFileError, match=r"no source claims lines\.csv; allowed: --source NAME"):
        check(desk, path)
    found = check(desk, path, "shop_order_lines")
    assert (found.rows_loaded, found.is_claimed, found.loads_whole) == (2, False, False)
    assert found.problems[0].startswith("file name not claimed · lines.csv · allowed: order_lines_")


def test_a_missing_file_is_named(desk: Any) -> None:
    with pytest.raises(checking.UnknownFileError, match="no file"):
        check(desk, desk.exports / "order_lines_2026-08-09.csv")
