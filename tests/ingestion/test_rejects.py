from typing import Any

import pytest


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"quantity": "1.5"}, "quantity: not an integer"),
        ({"quantity": "1_000"}, "quantity: not an integer"),
        ({"quantity": "99999999999999999999"}, "quantity: not an integer"),
        ({"quantity": "0"}, "quantity: less than 1"),
        ({"unit_price_amount": "£3"}, "unit_price_amount: not a decimal number"),
        ({"unit_price_amount": "nan"}, "unit_price_amount: not a decimal number"),
        ({"order_id": "  "}, "order_id: missing"),
        ({"order_id": "", "quantity": "x"}, "order_id: missing; quantity: not an integer"),
    ],
)
def test_a_row_that_breaks_the_contract_is_rejected_with_its_reason(desk: Any, fields: Any, reason: str) -> None:
    desk.csv("order_lines_2026-08-01.csv", "shop_order_lines", [desk.line(1), desk.line(2, **fields), desk.line(3)])
    outcome = desk.load("shop_order_lines")
    assert (outcome.rows_in, outcome.rows_loaded, outcome.rows_rejected) == (3, 2, 1)
    [(file, position, given, _)] = desk.rejects("shop_order_lines")
    assert (file, position, given) == ("order_lines_2026-08-01.csv", 2, reason)
    assert outcome.problems[0].startswith(f"1 rows rejected: {reason} · shop_order_lines")


@pytest.mark.parametrize(
    "time", ["epoch", "infinity", "2026-02-30T00:00:00Z", "2026-08-01T10:00:00+15:00", "1785578400", "2026-08-01+01:00"]
)
def test_only_timestamps_that_exist_are_times(desk: Any, time: str) -> None:
    desk.jsonl("events_2026-08-01T10.jsonl", [desk.event(1, occurred_at=time)])
    desk.load("web_events")
    assert desk.rejects("web_events")[0][2] == "occurred_at: not a timestamp in ISO 8601"


def test_a_value_outside_the_allowed_ones_names_those(desk: Any) -> None:
    desk.csv("orders_2026-08-01.csv", "shop_orders", [desk.order(1, status="lost")])
    desk.load("shop_orders")
    assert desk.rejects("shop_orders")[0][2] == "status: not one of completed, cancelled, returned"


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("o9,1,p1\n", "record: 3 values; allowed: 5"),
        ("o9,1,p1,2,3.5,6\n", "record: 6 values; allowed: 5"),
        ('o9,"1"x,p1,2,3.5\n', "record: quotes do not match"),
        ('o9,1,"p1,2,3.5', "record: quotes do not match"),
    ],
)
def test_a_malformed_csv_record_costs_itself_only(desk: Any, damage: str, reason: str) -> None:
    rows = [desk.line(number) for number in range(3)]
    desk.csv("order_lines_2026-08-01.csv", "shop_order_lines", rows)
    desk.csv("order_lines_2026-08-02.csv", "shop_order_lines", [desk.line(number) for number in range(5, 8)], damage)
    desk.csv("order_lines_2026-08-03.csv", "shop_order_lines", [desk.line(9)])
    outcome = desk.load("shop_order_lines")
    assert (outcome.files_new, outcome.files_quarantined) == (3, 0)
    assert (outcome.rows_in, outcome.rows_loaded, outcome.rows_rejected) == (8, 7, 1)
    assert [row[:3] for row in desk.rejects("shop_order_lines")] == [("order_lines_2026-08-02.csv", 4, reason)]


def test_records_are_counted_by_quotes_not_by_lines(desk: Any) -> None:
    rows = [["p1", 'two\nlines\n\n"quoted"', "a,b", "", "1", "2026-08-01 00:00:00"]]
    desk.csv(
        "products_2026-08-01.csv",
        "shop_products",
        rows,
        '\n\np2,a 5" disc,c,,2,2026-08-01 00:00:00\np3,x,c,,2,2026-08-01 00:00:00\n',
    )
    outcome = desk.load("shop_products")
    assert (outcome.rows_in, outcome.rows_loaded) == (3, 3)
    found = desk.raw("shop_products", "_position, name", "order by 1")
    assert found == [(1, rows[0][1]), (2, 'a 5" disc'), (3, "x")]


def test_malformed_json_lines_are_rejects_with_their_place(desk: Any) -> None:
    bad = ["{not json", "[1]", "null", '"x"', '{"event_id": "\\ud800"}', "   "]
    events = [desk.event(1), *bad, desk.event(2, unknown={"deep": [1]})]
    desk.jsonl("events_2026-08-01T10.jsonl.gz", events)
    outcome = desk.load("web_events")
    assert (outcome.rows_in, outcome.rows_loaded, outcome.rows_rejected) == (8, 2, 6)
    assert [row[1:3] for row in desk.rejects("web_events")] == [(n, "record: not a JSON object") for n in range(2, 8)]
    assert desk.raw("web_events", "_position", "order by 1") == [(1,), (8,)]


def test_empty_lines_between_json_lines_are_no_records(desk: Any) -> None:
    desk.jsonl("events_2026-08-01T10.jsonl", [desk.event(1), "", "\n", desk.event(2), "bell \x07 rings"])
    outcome = desk.load("web_events")
    assert (outcome.rows_in, outcome.rows_loaded, outcome.rows_rejected) == (3, 2, 1)


def test_a_key_without_a_usable_value_is_rejected_not_merged(desk: Any) -> None:
    desk.parquet(
        "demographics_2026-08-01.parquet",
        "select 'nobody' as email, '' as age_band, 1 as household_size, '' as income_band, '' as lifestyle, "
        "'2026-07-01' as observed_at from range(2)",
    )
    assert desk.load("demographics").rows_rejected == 2
    assert desk.rejects("demographics")[0][2] == "email: no usable email, and it is part of the key"


def test_a_rejected_row_shows_no_direct_identifier(desk: Any) -> None:
    shifted = desk.order(2, contact_id="canary@example.com", status="canary@example.com")
    desk.csv("orders_2026-08-01.csv", "shop_orders", [desk.order(1, status="x"), shifted], "canary@example.com,1\n")
    desk.load("shop_orders")
    shown = [row[3] for row in desk.rejects("shop_orders")]
    assert '"email":"***"' in shown[0]
    assert '"status":"x"' in shown[0]
    assert shown[2] == "***"
    assert not any("canary" in text or "person" in text for text in shown)
