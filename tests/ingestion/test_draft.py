"""A draft is Python that loads the very file it was drafted from, guesses from every value, and shows none."""

import json
from pathlib import Path
from typing import Any

import pytest

from ingestion import draft as drafts
from ingestion import load as loading
from ingestion.source import Source
from warehouse import manifest

REFUNDS = """Refund ID,Customer E-Mail,customerId,Amount,Refunded At,day,Is Partial,postcode,mixed,2nd
r1,ann@example.org,007,3.50,2026-08-01 10:00:00,2026-08-01,true,01234,1,a
r2,bob@example.org,008,4,2026-08-02T11:00:00Z,2026-08-02,false,99999,2,
r3,cyd@example.org,008,5.25,2026-08-03 12:00:00,2026-08-03,true,12345,x,b
"""


def drafted(desk: Any, path: Path, name: str | None = None) -> Source:
    """The source that the draft of this file defines."""
    space: dict[str, Any] = {}
    exec(drafts.draft(desk.settings, path, name, desk.loaded_at), space)  # noqa: S102  # what a person would save
    made = space["SOURCE"]
    assert isinstance(made, Source)
    return made


def loaded(desk: Any, source: Source, monkeypatch: pytest.MonkeyPatch) -> manifest.Line:
    """The manifest's line after the drafted source was loaded by the loader itself."""
    monkeypatch.setattr(loading, "load_source", lambda _: source)
    desk.load(source.contract.source)
    [line] = desk.lines(source.contract.source)
    return line


def test_a_draft_of_csv_guesses_names_types_keys_and_classes(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = desk.exports / "refunds_2026-08-31.csv"
    path.write_text(REFUNDS)
    source = drafted(desk, path)
    columns = {column.name: column for column in source.contract.columns}
    assert {name: column.type for name, column in columns.items() if column.type != "text"} == {
        "amount": "decimal",
        "refunded_at": "timestamp",
        "day": "date",
        "is_partial": "boolean",
    }
    assert columns["customer_e_mail"].kind == "email"
    assert columns["postcode"].kind == "address"
    assert columns["customer_id"].pii == "indirect"
    assert columns["c_2nd"].nullable
    assert columns["mixed"].pii == "none"
    assert source.contract.key == ("refund_id",)
    assert source.contract.event_time == "refunded_at"
    assert str(source.arrived_at(path.name)) == "2026-09-01 00:00:00"
    line = loaded(desk, source, monkeypatch)
    assert (line.rows_in, line.rows_loaded, line.rows_rejected) == (3, 3, 0)


def test_one_value_at_the_end_of_a_long_file_decides_the_type(desk: Any) -> None:
    path = desk.exports / "counts.csv"
    rows = "".join(f"k{number},{number + 1}\n" for number in range(30_000))
    path.write_text(f"key,count\n{rows}")
    assert drafted(desk, path).contract.column("count").type == "integer"
    path.write_text(f"key,count\n{rows}last,none\n")
    assert drafted(desk, path).contract.column("count").type == "text"


def test_a_draft_of_json_lines_knows_the_keys_of_every_line(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    events = [{"a": 1, "b": "x"}, {"a": 1, "b": "y", "late": True}]
    source = drafted(desk, desk.jsonl("clicks_2026-08-31T13.jsonl.gz", events))
    assert [column.name for column in source.contract.columns] == ["a", "b", "late"]
    assert source.claims("clicks_2026-09-01T00.jsonl")
    assert loaded(desk, source, monkeypatch).rows_loaded == 2


def test_a_pair_is_the_key_where_no_column_is(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = desk.exports / "stock_2026-08-31.csv"
    path.write_text("shop;item\na;1\na;2\nb;1\nb;2\n")
    source = drafted(desk, path)
    assert (source.contract.key, source.contract.delimiter) == (("shop", "item"), ";")
    path.write_text("shop;item\na;1\na;1\n")
    source = drafted(desk, path)
    assert (source.contract.key, source.contract.repeats) == (("_position",), "load")
    assert loaded(desk, source, monkeypatch).rows_loaded == 2


def test_a_draft_of_parquet_loads_it(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = desk.parquet("panel.parquet", "select i as panel_id, i * 1.5 as score from range(4) t(i)")
    assert loaded(desk, drafted(desk, path), monkeypatch).rows_loaded == 4


def test_no_value_is_in_a_draft(desk: Any) -> None:
    path = desk.exports / "refunds_2026-08-31.csv"
    path.write_text(REFUNDS.replace("r1", "canary-1"))
    text = drafts.draft(desk.settings, path, None, desk.loaded_at)
    assert not [value for value in ("canary", "ann@", "example.org", "01234", "3.50") if value in text]


def test_a_header_cannot_smuggle_code_into_a_draft(desk: Any) -> None:
    hostile = 'x");import os;os.mkdir("owned");("'
    path = desk.jsonl("clicks.jsonl", [json.dumps({hostile: 1, "é'\\\n": 2})])
    source = drafted(desk, path)
    assert [column.in_file for column in source.contract.columns] == [hostile, "é'\\\n"]
    assert not Path("owned").exists()


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.xlsx", "x", "format not known"),
        ("a.csv", "ann@example.org,3\n", "the first record looks like values"),
        ("a.csv", "12,3\n", "the first record looks like values"),
        ("a.csv", "id,amount\n", "no row to guess from"),
        ("a.jsonl", "{not json\n", "not JSON Lines"),
    ],
)
def test_what_cannot_be_drafted_is_told_without_a_value(desk: Any, name: str, content: str, told: str) -> None:
    path = desk.exports / name
    path.write_text(content)
    with pytest.raises(drafts.DraftError, match=told) as error:
        drafts.draft(desk.settings, path, None, desk.loaded_at)
    assert "ann@" not in str(error.value)
