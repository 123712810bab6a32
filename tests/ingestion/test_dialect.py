"""CSV as vendors write it: any delimiter, quote, escape and encoding, with and without a header."""

import random
import re
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pydantic import ValidationError

from ingestion.count import Counter
from tests.ingestion.things import Declare, declaring
from warehouse.contracts import Column
from warehouse.settings import CHECKOUT

TAOBAO = CHECKOUT.parent / "shared" / "data" / "taobao_2h"
DIALECTS: list[dict[str, Any]] = [
    {},
    {"delimiter": "\t"},
    {"delimiter": ";", "encoding": "cp1252"},
    {"delimiter": "|", "quote": "'"},
    {"escape": "\\"},
    {"escape": "\\", "delimiter": ";", "quote": "'", "encoding": "utf-16-le"},
    {"encoding": "utf-16"},
    {"encoding": "iso-8859-1", "has_header": False},
    {"encoding": "mac-roman"},
    {"has_header": False, "delimiter": "\x01"},
]
ROWS = [
    ("1", "plain"),
    ("2", 'say "so"; a,b|c\td'),
    ("3", "Zo\u00eb"),
    ("4", "two\nlines"),
    ("5", "back\\slash"),
    ("6", ""),
]


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch) -> Declare:
    return declaring(monkeypatch)


def written(rows: list[tuple[str, str]], fields: dict[str, Any]) -> str:
    """The rows as such an export has them, each value in quotes where the contract has a quote."""
    quote, escape = fields.get("quote", '"'), fields.get("escape")

    def value(text: str) -> str:
        if not quote:
            return text
        if escape:
            return quote + text.replace(escape, escape * 2).replace(quote, escape + quote) + quote
        return quote + text.replace(quote, quote * 2) + quote

    head = [("thing_id", "words")] if fields.get("has_header", True) else []
    return "".join(fields.get("delimiter", ",").join(map(value, row)) + "\n" for row in [*head, *rows])


@pytest.mark.parametrize("fields", DIALECTS, ids=str)
@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_rows_load_exactly_as_they_were_written(desk: Any, declare: Declare, fields: Any, ends: str) -> None:
    declare(**fields)
    text = written(ROWS, fields).replace("\n", ends)
    (desk.exports / "things.csv").write_bytes(text.encode(fields.get("encoding", "utf-8")))
    outcome = desk.load("things")
    assert outcome.problems == ()
    expected = [(int(number), words.replace("\n", ends) or None) for number, words in ROWS]
    assert desk.raw("things", "thing_id, words", "order by 1") == expected


@pytest.mark.parametrize("fields", DIALECTS, ids=str)
def test_duckdb_reads_every_dialect_itself(
    desk: Any, declare: Declare, monkeypatch: pytest.MonkeyPatch, fields: Any
) -> None:
    """Reading record by record would give the same rows, many times slower."""
    declare(**fields)
    (desk.exports / "things.csv").write_bytes(written(ROWS, fields).encode(fields.get("encoding", "utf-8")))
    monkeypatch.setattr("ingestion.read._fill_singly", lambda *_: "read singly")
    assert desk.load("things").problems == ()


def test_without_a_quote_every_quote_is_a_character(desk: Any, declare: Declare) -> None:
    declare(quote=None, delimiter="\t")
    (desk.exports / "things.tsv").write_text('thing_id\twords\n1\t"a\n2\tb"c\n')
    assert desk.load("things").problems == ()
    assert desk.raw("things", "thing_id, words", "order by 1") == [(1, '"a'), (2, 'b"c')]


def test_a_malformed_record_of_a_dialect_costs_itself_only(desk: Any, declare: Declare) -> None:
    fields = {"escape": "\\", "quote": "'", "delimiter": ";", "has_header": False}
    declare(**fields)
    (desk.exports / "things.csv").write_text(written(ROWS, fields) + "7;a;b\n'8';'ok'\n")
    outcome = desk.load("things")
    assert (outcome.rows_in, outcome.rows_loaded, outcome.rows_rejected) == (8, 7, 1)
    assert desk.raw("things", "thing_id, words", "where words is not null order by 1") == [
        *((int(number), words) for number, words in ROWS[:5]),
        (8, "ok"),
    ]
    assert [row[1:3] for row in desk.rejects("things")] == [(7, "record: 3 values; allowed: 2")]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"encoding": "klingon"}, "no encoding 'klingon'"),
        ({"encoding": "base64"}, "no encoding 'base64'"),
        ({"encoding": "unicode_escape"}, "no encoding 'unicode_escape'"),
        ({"delimiter": "||"}, "one ASCII character"),
        ({"delimiter": "\u00a6"}, "one ASCII character"),
        ({"quote": ""}, "one ASCII character"),
        ({"delimiter": "\n"}, "no line break"),
        ({"delimiter": '"'}, "differ"),
        ({"escape": '"'}, "differ"),
        ({"quote": None, "escape": "\\"}, "an escape needs a quote"),
    ],
)
def test_a_dialect_that_cannot_be_read_is_refused(declare: Declare, fields: Any, reason: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(reason)):
        declare(**fields)


def test_text_of_another_encoding_is_refused_with_the_place_of_its_first_byte(desk: Any, declare: Declare) -> None:
    declare(encoding="cp1252")
    (desk.exports / "things.csv").write_bytes(b"thing_id,words\n1,\x80\n2,\x81\n")
    assert "not CP1252: byte 21 of the content" in desk.load("things").problems[0]


def test_records_with_escapes_are_counted_alike_however_the_bytes_are_cut() -> None:
    dice = random.Random(3)
    for _ in range(400):
        content = bytes(dice.choices(b'a"\n\\', (4, 2, 2, 2), k=dice.randrange(1, 60)))
        whole, cut = Counter('"', "\\"), Counter('"', "\\")
        whole.feed(re.sub(rb'\\[\\"]', b"__", content).replace(b"\\", b"_"))
        for part in re.findall(rb"[\s\S]{1,%d}" % dice.randrange(1, 9), content):
            cut.feed(part)
        assert cut.records == whole.records, content


@pytest.mark.skipif(not TAOBAO.exists(), reason="the sample of Taobao is not here")
def test_a_real_file_without_a_header_loads_whole(desk: Any, declare: Declare) -> None:
    names = ("user_id", "item_id", "category_id", "behaviour", "occurred_second")
    declare(has_header=False, columns=tuple(Column(name=name, nullable=False) for name in names))
    [path] = [path for path in TAOBAO.iterdir() if ".csv" in path.name]
    shutil.copy(path, desk.exports / f"things{''.join(Path(path.name).suffixes[-2:])}")
    outcome = desk.load("things")
    counted = duckdb.execute("select count(*) from read_csv(?, header = false)", [str(path)]).fetchall()
    assert outcome.problems == ()
    assert [(outcome.rows_loaded,)] == counted
