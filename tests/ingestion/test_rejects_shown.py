"""Rejected rows as they are shown: where they stand and why, without what is personal."""

import csv
from pathlib import Path
from typing import Any

import pytest

from ingestion import rejects
from warehouse.errors import SmaltiError


def shown(desk: Any, source: str | None = None, run: str | None = None) -> list[rejects.Reject]:
    return list(rejects.rejected(desk.settings, source, run))


def two_runs(desk: Any) -> None:
    """Orders with one reject in run-1; order lines with two in run-2, of which one would be a formula."""
    desk.csv(
        "orders_2026-08-01.csv", "shop_orders", [desk.order(1, status="lost", contact_id="canary-7")], "canary,1\n"
    )
    desk.load("shop_orders")
    rows = [desk.line(1), desk.line(2, quantity="x"), desk.line(3)]
    desk.csv("order_lines_2026-08-02.csv", "shop_order_lines", rows, "=HYPERLINK(1),1\n")
    desk.load("shop_order_lines", run_id="run-2")


def test_personal_values_are_masked_direct_and_indirect_ones(desk: Any) -> None:
    two_runs(desk)
    row, line = shown(desk, "shop_orders")
    assert (row.file, row.position, row.reason) == (
        "orders_2026-08-01.csv",
        1,
        "status: not one of completed, cancelled, returned",
    )
    assert '"status": "lost"' in row.row
    assert '"contact_id": "***"' in row.row
    assert line.row == "***"
    assert not any("canary" in one.row or "person1" in one.row or "o1" in one.row for one in (row, line))


def test_a_malformed_line_is_masked_whole_where_any_column_is_personal(desk: Any) -> None:
    desk.jsonl("events_2026-08-01T10.jsonl", ["{canary"])
    desk.load("web_events")
    assert desk.rejects("web_events")[0][3] == "{canary"
    assert [one.row for one in shown(desk)] == ["***"]
    desk.csv("products_2026-08-01.csv", "shop_products", [], "p1,soap\n")
    desk.load("shop_products")
    assert [one.row for one in shown(desk, "shop_products")] == ["p1,soap"]


def test_rejects_are_of_the_source_and_run_that_are_named(desk: Any) -> None:
    two_runs(desk)
    assert [(one.source, one.position) for one in shown(desk, run="run-2")] == [
        ("shop_order_lines", 2),
        ("shop_order_lines", 4),
    ]
    assert {one.run_id for one in shown(desk)} == {"run-1", "run-2"}
    assert shown(desk, "shop_orders", "run-1") == shown(desk, "shop_orders")
    with pytest.raises(SmaltiError, match="run 'run-9' loaded no file of any source"):
        shown(desk, run="run-9")


def test_the_export_is_the_owners_and_holds_no_formula(desk: Any, tmp_path: Path) -> None:
    two_runs(desk)
    found = [rejects.Reject("s", "=1.csv", 1, "r", "+2", "run")]
    rejects.export(found + shown(desk), tmp_path / "rejects.csv")
    assert (tmp_path / "rejects.csv").stat().st_mode & 0o777 == 0o600
    with (tmp_path / "rejects.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert (rows[0]["file"], rows[0]["row"]) == ("'=1.csv", "'+2")
    assert [row["reason"] for row in rows[1:]] == [one.reason for one in shown(desk)]


@pytest.mark.parametrize("name", ["rejects.txt", "nowhere/rejects.csv"])
def test_an_export_elsewhere_says_what_is_allowed(tmp_path: Path, name: str) -> None:
    with pytest.raises(SmaltiError, match=r"allowed: a name that ends in \.csv"):
        rejects.export([], tmp_path / name)
