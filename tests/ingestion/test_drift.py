"""Exports change: a new column is kept and reported, a missing or swapped one stops its file and no other."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion import check as checking
from ingestion import source as sources

LINES = "shop_order_lines"
HEADER = "order_id,line_number,product_id,quantity,unit_price_amount"


def place(desk: Any, text: str, name: str = "order_lines_2026-08-01.csv") -> Path:
    path = desk.exports / name
    path.write_text(text)
    return Path(path)


def extra(desk: Any, source: str) -> list[Any]:
    return [
        json.loads(value) if value else None for (value,) in desk.raw(source, "_extra", "order by _file, _position")
    ]


@pytest.mark.parametrize("broken", ["", "o9,1\n"], ids=["as a whole", "record by record"])
def test_a_new_csv_column_is_kept_wherever_it_stands(desk: Any, broken: str) -> None:
    place(desk, "coupon," + HEADER + ",gift note\n" + broken + "C1,o1,1,p1,2,3.50,\n,o2,1,p1,2,3.50,\n")
    place(desk, HEADER + "\no3,1,p1,2,3.50\n", "order_lines_2026-08-02.csv")
    outcome = desk.load(LINES)
    assert (outcome.rows_loaded, outcome.rows_rejected) == (3, bool(broken))
    assert sorted(map(str, extra(desk, LINES))) == ["None", "None", "{'coupon': 'C1'}"]
    assert desk.raw(LINES, "order_id, quantity", "order by all") == [("o1", 2), ("o2", 2), ("o3", 2)]
    told = [one for one in outcome.problems if one.startswith("new column")]
    [line] = [one.split(" · ") for one in told]
    assert line[:2] == ["new column 'coupon' in 1 rows, kept in _extra", LINES]
    assert line[2].startswith(f"ingestion/sources/{LINES}.py:")


def test_a_new_key_of_an_event_is_kept_with_its_value_whatever_it_is(desk: Any) -> None:
    news: list[dict[str, object]] = [{"ab_test": {"arm": "b"}}, {}, {"score": 1.5, "url": "/x"}]
    desk.jsonl("events_2026-08-01T10.jsonl", [desk.event(n, **one) for n, one in enumerate(news)])
    outcome = desk.load("web_events")
    assert extra(desk, "web_events") == [{"ab_test": {"arm": "b"}}, None, {"score": 1.5}]
    assert [one.split(" in ")[0] for one in outcome.problems] == ["new column 'ab_test'", "new column 'score'"]


def test_a_new_parquet_column_is_kept(desk: Any) -> None:
    values = "'o1' as order_id, 1 as line_number, 'p1' as product_id, 2 as quantity, 3.5 as unit_price_amount"
    source = sources.load_source(LINES)
    contract = source.contract.model_copy(update={"format": "parquet"})
    path = desk.parquet("order_lines_2026-08-01.parquet", f"select [1, 2] as sizes, {values}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ingestion.load.load_source", lambda _: sources.Source(contract, source.pattern))
        patch.setattr(sources.Source, "claims", lambda *_: True)
        patch.setattr(sources.Source, "arrived_at", lambda *_: desk.loaded_at)
        assert path.exists()
        assert desk.load(LINES).rows_loaded == 1
    assert extra(desk, LINES) == [{"sizes": "[1, 2]"}]


def test_an_e_mail_in_a_new_column_does_not_reach_raw(desk: Any) -> None:
    desk.jsonl("events_2026-08-01T10.jsonl", [desk.event(1, login="canary@example.com", plan="gold")])
    desk.load("web_events")
    assert extra(desk, "web_events") == [{"login": "***", "plan": "gold"}]


def test_where_people_stand_in_the_clear_new_columns_are_kept_in_the_vault_only(desk: Any) -> None:
    path = desk.csv("contacts_2026-08-01.csv", "crm_contacts", [desk.contact(1), desk.contact(2)])
    header, *rows = path.read_text().splitlines()
    path.write_text("\n".join([f"{header},nickname", f"{rows[0]},Canary", f"{rows[1]},"]) + "\n")
    outcome = desk.load("crm_contacts")
    assert extra(desk, "crm_contacts") == [{"nickname": "***"}, None]
    assert "Canary" not in str(outcome)
    [line] = desk.lines("crm_contacts")
    with duckdb.connect(str(desk.settings.vault), read_only=True) as vault:
        kept = vault.execute("select source, file, position, value from extras").fetchall()
    assert kept == [("crm_contacts", line.sha256, 1, '{"nickname":"Canary"}')]
    assert desk.load("crm_contacts").files_known == 1


def test_columns_that_a_contract_leaves_are_left(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    source = sources.load_source(LINES)
    contract = source.contract.model_copy(update={"others": "leave"})
    monkeypatch.setattr("ingestion.load.load_source", lambda _: sources.Source(contract, source.pattern))
    place(desk, f"{HEADER},coupon\no1,1,p1,2,3.50,C1\n")
    outcome = desk.load(LINES)
    assert (outcome.rows_loaded, outcome.problems, extra(desk, LINES)) == (1, (), [None])


def test_a_check_tells_of_a_new_column_and_the_contract_s_line(desk: Any) -> None:
    found = checking.check(desk.settings, place(desk, f"{HEADER},coupon\no1,1,p1,2,3.50,C1\n"), None, desk.loaded_at)
    [told] = found.advice
    assert told.startswith(f"new column 'coupon' in 1 rows, kept in _extra · {LINES} · ingestion/sources/{LINES}.py:")
    assert found.loads_whole


@pytest.mark.parametrize(
    "header",
    [
        HEADER.replace("quantity,", ""),
        HEADER.replace("product_id,quantity", "quantity,product_id"),
        HEADER.replace("quantity", "quantity,quantity"),
        HEADER.replace("quantity", "pieces"),
    ],
    ids=["missing", "swapped", "twice", "renamed"],
)
def test_a_missing_or_swapped_column_stops_its_file_and_no_other(desk: Any, header: str) -> None:
    place(desk, f"{header},coupon\no1,1,p1,2,3.50,C1\n")
    place(desk, f"{HEADER}\no2,1,p1,2,3.50\n", "order_lines_2026-08-02.csv")
    outcome = desk.load(LINES)
    assert (outcome.files_quarantined, outcome.rows_loaded) == (1, 1)


@pytest.mark.parametrize(("wrong", "right", "stops"), [(20, 19, True), (19, 0, False), (20, 20, False)])
def test_a_retyped_column_stops_its_file_and_no_other(desk: Any, wrong: int, right: int, *, stops: bool) -> None:
    rows = [f"o{n},1,p1,{'two' if n < wrong else 2},3.50" for n in range(wrong + right)]
    place(desk, "\n".join([HEADER, *rows]) + "\n")
    place(desk, f"{HEADER}\nz1,1,p1,2,3.50\n", "order_lines_2026-08-02.csv")
    outcome = desk.load(LINES)
    kept = 1 if stops else 1 + right
    assert (outcome.files_quarantined, outcome.rows_loaded, outcome.rows_rejected) == (
        stops,
        kept,
        0 if stops else wrong,
    )
    if stops:
        [told] = outcome.problems
        assert "column 'quantity' has another type: 20 of 39 rows hold no integer" in told
        assert f"another `type` in ingestion/sources/{LINES}.py:" in told
