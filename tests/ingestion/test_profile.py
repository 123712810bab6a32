from typing import Any

import duckdb

from ingestion.profile import profile


def rows(desk: Any, run_id: str, since_batch: int = 0) -> list[Any]:
    path = profile(desk.settings, run_id, since_batch)
    assert path == desk.settings.gates / run_id / "raw_profile.parquet"
    return duckdb.execute("select * from read_parquet(?)", [str(path)]).fetchall()


def test_the_profile_measures_what_came_since_the_last_finished_run(desk: Any) -> None:
    desk.csv("order_lines_2026-08-01.csv", "shop_order_lines", [desk.line(1)])
    desk.load("shop_order_lines", run_id="run-1")
    desk.csv("order_lines_2026-08-02.csv", "shop_order_lines", [desk.line(2, quantity="9")])
    desk.load("shop_order_lines", run_id="run-2")
    desk.csv("orders_2026-08-02.csv", "shop_orders", [desk.order(2, contact_id="")])
    desk.load("shop_orders", run_id="run-3")
    every = {(row[0], row[1]): row for row in rows(desk, "run-3")}
    assert every["shop_order_lines", "quantity"][2:] == ("bigint", 2, 0, 2, 2.0, 9.0, 0)
    later = {(row[0], row[1]): row for row in rows(desk, "run-3", since_batch=1)}
    assert later["shop_order_lines", "quantity"][2:] == ("bigint", 1, 0, 1, 9.0, 9.0, 0)
    assert later["shop_orders", "contact_id"][3:] == (1, 1, 0, None, None, None)
    assert later["shop_orders", "ordered_at"][6:] == (1785578400.0, 1785578400.0, None)
    assert {row[0] for row in rows(desk, "run-3", since_batch=2)} == {"shop_orders"}


def test_types_are_those_of_the_parquet_not_of_the_contract(desk: Any) -> None:
    desk.csv("order_lines_2026-08-01.csv", "shop_order_lines", [desk.line(1)])
    desk.load("shop_order_lines")
    (path,) = (desk.settings.raw / "shop_order_lines").glob("2*/*.parquet")
    duckdb.execute(
        f"copy (select * replace (quantity::varchar as quantity) from '{path}') to '{path}.new' (format parquet)"
    )
    path.with_name(f"{path.name}.new").replace(path)
    assert {row[1]: row[2] for row in rows(desk, "run-1")}["quantity"] == "varchar"


def test_the_profile_holds_no_value_of_a_text_column(desk: Any) -> None:
    desk.jsonl("events_2026-08-01T10.jsonl", [desk.event(1, search_query="canary")])
    desk.load("web_events")
    assert not any("canary" in str(value) for row in rows(desk, "run-1") for value in row)
    assert all(row[6:] == (None, None, None) for row in rows(desk, "run-1") if row[2] == "varchar")


def test_a_run_that_loaded_nothing_has_an_empty_profile(desk: Any) -> None:
    desk.load("web_events")
    assert rows(desk, "run-1") == []
