import json
import shutil
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from ingestion import group
from ingestion import load as loading
from ingestion.load import LoadError, load
from ingestion.source import load_source
from tests.ingestion.things import declaring
from warehouse import contracts


def balance(outcome: Any) -> tuple[int, int, int, int]:
    return outcome.rows_in, outcome.rows_loaded, outcome.rows_rejected, outcome.rows_duplicate


def test_a_source_without_files_is_an_empty_relation_with_its_contract(desk: Any) -> None:
    outcome = desk.load("web_events")
    assert balance(outcome) == (0, 0, 0, 0)
    assert outcome.batch is None
    assert desk.raw("web_events") == []
    contract = load_source("web_events").contract
    assert contracts.read(desk.settings.raw / "web_events") == contract
    written = json.loads((desk.settings.raw / "web_events" / "contract.json").read_text())
    assert list(written["raw_columns"])[-5:] == ["_file", "_position", "_arrived_at", "_batch", "_extra"]


def test_all_three_formats_arrive_typed_with_place_arrival_and_batch(desk: Any) -> None:
    desk.csv("shop/order_lines_2026-08-01.csv", "shop_order_lines", [desk.line(1), desk.line(2, quantity=" 7 ")])
    desk.jsonl("web/events_2026-08-01T10.jsonl.gz", [desk.event(1, value_amount=1.5, url=""), desk.event(2)])
    desk.parquet(
        "enrichment/demographics_2026-08-01.parquet",
        "select timestamp '2026-07-01' as observed_at, 'A@B.org' as email, null as age_band, "
        "3::tinyint as household_size, 'mid' as income_band, 'city' as lifestyle",
    )
    assert [desk.load(name).batch for name in ("shop_order_lines", "web_events", "demographics")] == [1, 2, 3]
    columns = "order_id, quantity, unit_price_amount::varchar, _position, _arrived_at::varchar, _batch"
    assert desk.raw("shop_order_lines", columns, "order by all") == [
        ("o1", 2, "3.5000", 1, "2026-08-02 00:00:00", 1),
        ("o2", 7, "3.5000", 2, "2026-08-02 00:00:00", 1),
    ]
    events = desk.raw("web_events", "event_id, occurred_at::varchar, value_amount::varchar, url, _arrived_at::varchar")
    assert sorted(events) == [
        ("e1", "2026-08-01 10:01:00", "1.5000", None, "2026-08-01 11:00:00"),
        ("e2", "2026-08-01 10:02:00", None, None, "2026-08-01 11:00:00"),
    ]
    assert desk.raw("demographics", "household_size, length(email_hmac), observed_at::varchar") == [
        (3, 64, "2026-07-01 00:00:00")
    ]


def test_a_redelivered_file_changes_nothing_under_whatever_name(desk: Any) -> None:
    first = desk.csv("shop/orders_2026-08-01.csv", "shop_orders", [desk.order(1), desk.order(2)])
    desk.load("shop_orders")
    before = (desk.raw("shop_orders"), desk.lines("shop_orders"), desk.vault())
    shutil.copy(first, first.with_name("orders_2026-08-09.csv"))
    outcome = desk.load("shop_orders")
    assert (outcome.files_new, outcome.files_known, outcome.rows_in, outcome.batch) == (0, 2, 0, None)
    assert (desk.raw("shop_orders"), desk.lines("shop_orders"), desk.vault()) == before


def test_the_same_content_twice_in_one_load_is_loaded_once(desk: Any) -> None:
    for day in ("01", "02"):
        desk.csv(f"orders_2026-08-{day}.csv", "shop_orders", [desk.order(1)])
    outcome = desk.load("shop_orders")
    assert (outcome.files_new, outcome.files_known) == (1, 1)
    assert balance(outcome) == (1, 1, 0, 0)


def test_of_rows_with_the_same_key_the_first_stays_within_a_load(desk: Any) -> None:
    desk.csv("orders_2026-08-02.csv", "shop_orders", [desk.order(1, channel="ios"), desk.order(2, channel="web")])
    desk.csv("orders_2026-08-01.csv", "shop_orders", [desk.order(1, channel="store"), desk.order(1, channel="android")])
    assert balance(desk.load("shop_orders")) == (4, 2, 0, 2)
    assert desk.raw("shop_orders", "order_id, channel", "order by all") == [("o1", "store"), ("o2", "web")]
    assert [(line.rows_loaded, line.rows_duplicate) for line in desk.lines("shop_orders")] == [(1, 1), (1, 1)]


def test_an_order_that_comes_again_with_another_status_is_not_lost(desk: Any) -> None:
    desk.csv("orders_2026-08-01.csv", "shop_orders", [desk.order(1)])
    desk.load("shop_orders")
    desk.csv("orders_2026-08-09.csv", "shop_orders", [desk.order(1, status="returned"), desk.order(1)])
    assert balance(desk.load("shop_orders")) == (2, 1, 0, 1)
    assert desk.raw("shop_orders", "order_id, status", "order by all") == [("o1", "completed"), ("o1", "returned")]


def test_a_key_seen_in_an_earlier_load_is_a_duplicate_even_with_another_time(desk: Any) -> None:
    desk.jsonl("events_2026-08-01T10.jsonl", [desk.event(1), desk.event(2)])
    desk.load("web_events")
    desk.jsonl("events_2026-08-05T10.jsonl", [desk.event(1, occurred_at="2026-08-05T10:00:00Z"), desk.event(3)])
    assert balance(desk.load("web_events")) == (2, 1, 0, 1)
    assert sorted(desk.raw("web_events", "event_id")) == [("e1",), ("e2",), ("e3",)]


def test_a_key_with_time_is_found_again_among_files_of_that_time(desk: Any) -> None:
    desk.csv("contacts_2026-08-01.csv", "crm_contacts", [desk.contact(1), desk.contact(2)])
    desk.load("crm_contacts")
    changed = desk.contact(1, updated_at="2026-08-02 00:00:00")
    desk.csv("contacts_2026-08-02.csv", "crm_contacts", [desk.contact(1, city="Leeds"), desk.contact(2), changed])
    assert balance(desk.load("crm_contacts")) == (3, 1, 0, 2)


def test_repeats_load_where_the_place_is_the_key(desk: Any) -> None:
    row = ["536365", "85123A", "", "6", "2010-12-01 08:26:00", "2.55", "17850.0", "United Kingdom"]
    desk.csv("2010-12-01.csv", "online_retail", [row, row])
    assert balance(desk.load("online_retail")) == (2, 2, 0, 0)
    assert desk.raw("online_retail", "_position, customer_no, description, _arrived_at::varchar", "order by 1") == [
        (1, "17850.0", None, "2010-12-01 08:26:00"),
        (2, "17850.0", None, "2010-12-01 08:26:00"),
    ]
    assert desk.lines("online_retail")[0].parquet[0].startswith("2010-12-01/")


def test_many_small_files_become_one_parquet_a_day(desk: Any) -> None:
    for hour in range(24):
        events = [desk.event(100 * hour + minute) for minute in range(3)]
        desk.jsonl(f"web/events_2026-08-01T{hour:02d}.jsonl.gz", events)
    assert balance(desk.load("web_events")) == (72, 72, 0, 0)
    named = {name for line in desk.lines("web_events") for name in line.parquet}
    assert sorted(name.split("/")[0] for name in named) == ["2026-08-01", "2026-08-02"]


def test_progress_tells_files_done_of_files_to_do(desk: Any) -> None:
    desk.jsonl("events_2026-08-01T10.jsonl", [desk.event(1)])
    seen: list[tuple[int, int]] = []
    load(desk.settings, "web_events", desk.exports, "r", desk.loaded_at, lambda *now: seen.append(now))
    assert seen == [(1, 1)]


def test_loaded_files_leave_the_drop_folder_and_other_folders_are_never_touched(desk: Any) -> None:
    path = desk.csv("crm/contacts_2026-08-01.csv", "crm_contacts", [desk.contact(1)])
    desk.load("crm_contacts")
    assert path.exists()
    drop = desk.settings.drop / "today"
    drop.mkdir(parents=True)
    shutil.copy(path, drop)
    desk.csv("contacts_2026-08-02.csv", "crm_contacts", [desk.contact(2)]).rename(drop / "contacts_2026-08-02.csv")
    (drop / "contacts_2026-08-03.csv").write_text("")
    outcome = desk.load("crm_contacts", desk.settings.drop)
    assert (outcome.files_new, outcome.files_known, outcome.files_quarantined) == (1, 1, 1)
    done = desk.settings.drop / "done" / "crm_contacts"
    assert sorted(file.name for file in done.iterdir()) == ["contacts_2026-08-01.csv", "contacts_2026-08-02.csv"]
    assert (done.stat().st_mode & 0o777, done.parent.stat().st_mode & 0o777) == (0o700, 0o700)
    aside = desk.settings.drop / "quarantine" / "crm_contacts"
    assert [file.name for file in aside.iterdir()] == ["contacts_2026-08-03.csv"]
    assert desk.load("crm_contacts", desk.settings.drop).files_known == 0


def test_a_name_of_255_bytes_that_comes_again_with_other_content_finds_a_place(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    declaring(monkeypatch)()
    desk.settings.drop.mkdir(parents=True)
    for number in (1, 2):
        (desk.settings.drop / f"things{'x' * 249}").write_text(f"thing_id,words\n{number},a\n")
        assert desk.load("things", desk.settings.drop).rows_loaded == 1
    assert len(list((desk.settings.drop / "done" / "things").iterdir())) == 2


def test_a_folder_that_is_not_there_is_an_error_unless_it_is_the_drop_folder(desk: Any) -> None:
    assert desk.load("shop_orders", desk.settings.drop).files_new == 0
    with pytest.raises(NotADirectoryError, match="no folder"):
        desk.load("shop_orders", desk.exports / "typo")


def test_a_folder_reached_by_a_link_loads(desk: Any) -> None:
    desk.csv("od[d]/orders_2026-08-01.csv", "shop_orders", [desk.order(1)])
    link = desk.exports.with_name("link")
    link.symlink_to(desk.exports, target_is_directory=True)
    assert desk.load("shop_orders", link).rows_loaded == 1


def test_a_failure_of_duckdb_shows_its_class_and_never_its_message(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.csv("orders_2026-08-01.csv", "shop_orders", [desk.order(1)])

    def fail(*_: object) -> None:
        raise duckdb.OutOfMemoryException("canary")

    monkeypatch.setattr(group, "find_duplicates", fail)
    with pytest.raises(LoadError) as error:
        desk.load("shop_orders")
    assert str(error.value).startswith("OutOfMemoryException in DuckDB · shop_orders")
    assert error.value.__context__ is None
    assert desk.raw("shop_orders") == []


def test_groups_grow_with_what_was_read_so_that_a_long_load_has_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "_GROUP_BYTES", 10)
    files = [SimpleNamespace(content_bytes=5) for _ in range(60)]
    sizes = [5 * len(some) for some in loading._groups(iter(files), 30)]
    assert sum(sizes) == 300
    assert sizes[:4] == [10, 10, 10, 10]
    assert max(sizes) == 30
    assert len(sizes) < len(list(loading._groups(iter(files), 10)))
