"""A file with the name of an earlier one and other content takes its place: what goes, what stays, what comes back."""

import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ingestion import check as checking
from ingestion import load as loading
from ingestion import rejects
from ingestion import replay as replaying
from ingestion.profile import profile
from smalti import sources as listing
from tests.ingestion.ledgers import balance, in_folder, rejected_in
from warehouse import freshness, run

ORDERS, EVENTS = "shop_orders", "web_events"


class Drop:
    """The drop folder: what is written here is moved away by the load that takes it."""

    def __init__(self, desk: Any) -> None:
        self.desk, self.folder = desk, desk.settings.drop
        self.folder.mkdir(parents=True, exist_ok=True)

    def orders(self, day: int, *rows: list[str], extra: str = "") -> Path:
        name = f"orders_2026-08-0{day}.csv"
        return self._dropped(self.desk.csv(name, ORDERS, rows, extra))

    def events(self, hour: int, *events: object) -> Path:
        return self._dropped(self.desk.jsonl(f"events_2026-08-01T{hour:02d}.jsonl", events))

    def _dropped(self, path: Path) -> Path:
        os.utime(path, (0, 0))
        return path.rename(self.folder / path.name)

    def load(self, source: str) -> Any:
        return self.desk.load(source, self.folder)


@pytest.fixture
def drop(desk: Any) -> Drop:
    return Drop(desk)


def orders(desk: Any) -> list[Any]:
    return [(key, channel) for key, channel in desk.raw(ORDERS, "order_id, channel", "order by all")]


def events(desk: Any) -> list[Any]:
    return [(key, page) for key, page in desk.raw(EVENTS, "event_id, url", "order by all")]


def test_rows_of_the_corrected_file_count_and_no_row_of_the_old_one_the_slow_way(drop: Drop, desk: Any) -> None:
    drop.orders(1, desk.order(1), desk.order(2, channel="ios"))
    drop.load(ORDERS)
    drop.orders(1, desk.order(2, channel="store"), desk.order(3))
    outcome = drop.load(ORDERS)
    assert (outcome.files_new, outcome.files_superseded, outcome.rows_loaded, outcome.rows_duplicate) == (1, 1, 2, 0)
    assert orders(desk) == [("o2", "store"), ("o3", "web")]
    old, new = desk.lines(ORDERS)
    assert (old.status, old.superseded_by, new.status) == ("superseded", new.batch, "loaded")
    assert balance(desk, ORDERS) == {"in": 2, "loaded": 2, "rejected": 0, "duplicate": 0}


def test_rows_of_the_corrected_file_count_and_no_row_of_the_old_one_the_fast_way(drop: Drop, desk: Any) -> None:
    drop.events(10, desk.event(1), desk.event(2, url="/old"))
    drop.load(EVENTS)
    drop.events(10, desk.event(2, url="/new"), desk.event(3))
    outcome = drop.load(EVENTS)
    assert (outcome.files_superseded, outcome.rows_loaded, outcome.rows_duplicate) == (1, 2, 0)
    assert events(desk) == [("e2", "/new"), ("e3", None)]


def test_the_corrected_file_again_changes_nothing(drop: Drop, desk: Any) -> None:
    for row in (desk.order(1), desk.order(2), desk.order(2)):
        drop.orders(1, row)
        outcome = drop.load(ORDERS)
    assert (outcome.files_known, outcome.files_new, outcome.files_superseded, outcome.rows_in) == (1, 0, 0, 0)
    assert orders(desk) == [("o2", "web")]
    assert in_folder(drop.folder) == {"done"}


def test_a_correction_of_a_correction_supersedes_it(drop: Drop, desk: Any) -> None:
    for channel in ("web", "ios", "store"):
        drop.orders(1, desk.order(1, channel=channel))
        drop.load(ORDERS)
    assert orders(desk) == [("o1", "store")]
    assert [(line.status, line.superseded_by) for line in desk.lines(ORDERS)] == [
        ("superseded", 2),
        ("superseded", 3),
        ("loaded", None),
    ]


def test_old_content_after_its_correction_is_known_and_does_not_come_back(drop: Drop, desk: Any) -> None:
    for channel in ("web", "ios", "web"):
        drop.orders(1, desk.order(1, channel=channel))
        outcome = drop.load(ORDERS)
    assert (outcome.files_known, outcome.files_superseded) == (1, 0)
    assert orders(desk) == [("o1", "ios")]


def test_an_unreadable_correction_leaves_what_it_would_have_replaced(drop: Drop, desk: Any) -> None:
    drop.orders(1, desk.order(1))
    drop.load(ORDERS)
    drop.orders(1, desk.order(2)).write_text("another,header\n1,2\n")
    os.utime(drop.folder / "orders_2026-08-01.csv", (0, 0))
    outcome = drop.load(ORDERS)
    assert (outcome.files_quarantined, outcome.files_superseded) == (1, 0)
    assert orders(desk) == [("o1", "web")]
    drop.orders(1, desk.order(2))
    assert drop.load(ORDERS).files_superseded == 1
    assert orders(desk) == [("o2", "web")]


def test_a_correction_without_a_good_row_withdraws_all(drop: Drop, desk: Any) -> None:
    drop.orders(1, desk.order(1))
    drop.load(ORDERS)
    drop.orders(1)
    outcome = drop.load(ORDERS)
    assert (outcome.files_superseded, outcome.rows_in) == (1, 0)
    assert orders(desk) == []
    assert str(run.open_run(desk.settings, "run-1", None)) == "2026-08-02 00:00:00"


def test_the_row_that_another_file_repeated_comes_back_the_slow_way(drop: Drop, desk: Any) -> None:
    drop.orders(1, desk.order(1), desk.order(2))
    drop.load(ORDERS)
    drop.orders(2, desk.order(1, channel="ios"), desk.order(1, channel="store"), desk.order(3))
    assert drop.load(ORDERS).rows_duplicate == 2
    drop.orders(1, desk.order(2))
    outcome = drop.load(ORDERS)
    assert (outcome.files_new, outcome.files_superseded, outcome.problems) == (1, 1, ())
    assert orders(desk) == [("o1", "ios"), ("o2", "web"), ("o3", "web")]
    assert balance(desk, ORDERS) == {"in": 4, "loaded": 3, "rejected": 0, "duplicate": 1}


def test_the_row_that_another_file_repeated_comes_back_the_fast_way(drop: Drop, desk: Any) -> None:
    drop.events(10, desk.event(1), desk.event(2))
    drop.load(EVENTS)
    drop.events(11, desk.event(1, url="/kept"), desk.event(1, url="/again"), desk.event(3))
    assert drop.load(EVENTS).rows_duplicate == 2
    drop.events(10, desk.event(2))
    outcome = drop.load(EVENTS)
    assert (outcome.files_new, outcome.files_superseded, outcome.problems) == (1, 1, ())
    assert events(desk) == [("e1", "/kept"), ("e2", None), ("e3", None)]
    assert balance(desk, EVENTS) == {"in": 4, "loaded": 3, "rejected": 0, "duplicate": 1}


def test_a_row_comes_back_from_the_folder_of_exports_too(desk: Any) -> None:
    desk.jsonl("events_2026-08-01T10.jsonl", [desk.event(1)])
    desk.jsonl("events_2026-08-01T11.jsonl", [desk.event(1, url="/kept")])
    desk.load(EVENTS)
    desk.jsonl("events_2026-08-01T10.jsonl", [desk.event(2)])
    assert desk.load(EVENTS).problems == ()
    assert events(desk) == [("e1", "/kept"), ("e2", None)]


@pytest.mark.parametrize("source", [ORDERS, EVENTS])
def test_a_row_whose_file_is_gone_does_not_come_back_and_is_told_of(drop: Drop, desk: Any, source: str) -> None:
    place, row = (drop.orders, desk.order) if source == ORDERS else (drop.events, desk.event)
    place(1, row(1))
    drop.load(source)
    place(2, row(1), row(3))
    drop.load(source)
    name = {ORDERS: "orders_2026-08-02.csv", EVENTS: "events_2026-08-01T02.jsonl"}[source]
    (drop.folder / "done" / source / name).unlink()
    place(1, row(2))
    [told] = drop.load(source).problems
    assert told.startswith(f"duplicates not looked at again, though a file that they repeated is superseded · {source}")
    assert name in told
    key = {ORDERS: "order_id", EVENTS: "event_id"}[source]
    assert desk.raw(source, key, "order by 1") == [(f"{key[0]}2",), (f"{key[0]}3",)]


def test_a_row_comes_back_though_an_earlier_superseded_file_had_it_too(drop: Drop, desk: Any) -> None:
    drop.events(10, desk.event(1))
    drop.events(11, desk.event(2))  # in the same Parquet, which so stays in use
    drop.load(EVENTS)
    drop.events(10, desk.event(3))
    drop.load(EVENTS)
    drop.events(12, desk.event(1, url="/second"))
    drop.load(EVENTS)
    drop.events(13, desk.event(1, url="/third"))
    drop.load(EVENTS)
    drop.events(12, desk.event(4))
    drop.load(EVENTS)
    assert events(desk) == [("e1", "/third"), ("e2", None), ("e3", None), ("e4", None)]


def test_what_came_back_goes_with_its_own_file(drop: Drop, desk: Any) -> None:
    for source, place, row, read in (
        (ORDERS, drop.orders, desk.order, orders),
        (EVENTS, drop.events, desk.event, events),
    ):
        for number, key in ((1, 1), (2, 1), (1, 2), (2, 3)):
            place(number, row(key))
            drop.load(source)
        assert [key[1:] for key, _ in read(desk)] == ["2", "3"]


def test_corrections_and_new_files_in_one_load(drop: Drop, desk: Any) -> None:
    drop.orders(2, desk.order(1), desk.order(2))
    drop.orders(3, desk.order(3))
    drop.load(ORDERS)
    drop.orders(1, desk.order(2, channel="ios"), desk.order(3))  # new, and known before the corrections
    drop.orders(2, desk.order(2, channel="store"))
    drop.orders(3, desk.order(4))
    outcome = drop.load(ORDERS)
    assert (outcome.files_new, outcome.files_superseded) == (3, 2)
    assert (outcome.rows_in, outcome.rows_loaded, outcome.rows_duplicate) == (4, 3, 1)
    assert orders(desk) == [("o2", "store"), ("o3", "web"), ("o4", "web")]


@pytest.mark.parametrize("source", [ORDERS, EVENTS])
def test_a_row_comes_back_within_the_load_that_withheld_it(
    drop: Drop, desk: Any, monkeypatch: Any, source: str
) -> None:
    monkeypatch.setattr(loading, "_GROUP_FILES", 1)
    place, row, key = (
        (drop.orders, desk.order, "order_id") if source == ORDERS else (drop.events, desk.event, "event_id")
    )
    place(1, row(9))
    place(2, row(1))
    drop.load(source)
    place(1, row(1), row(8))  # the first a duplicate until the next file is read
    place(2, row(2))
    outcome = drop.load(source)
    assert (outcome.files_new, outcome.files_superseded, outcome.rows_loaded) == (2, 2, 3)
    assert desk.raw(source, key, "order by 1") == [(f"{key[0]}{number}",) for number in (1, 2, 8)]
    assert balance(desk, source) == {"in": 3, "loaded": 3, "rejected": 0, "duplicate": 0}


def test_where_exports_always_have_the_same_name_each_adds_to_the_earlier(desk: Any, monkeypatch: Any) -> None:
    source = listing.source.load_source(EVENTS)
    adding = type(source)(source.contract.model_copy(update={"redelivery": "adds"}), source.pattern)
    monkeypatch.setattr("ingestion.load.load_source", lambda _: adding)
    desk.jsonl("events_2026-08-01T10.jsonl", [desk.event(1)])
    desk.load(EVENTS)
    desk.jsonl("events_2026-08-01T10.jsonl", [desk.event(1), desk.event(2)])
    outcome = desk.load(EVENTS)
    assert (outcome.files_superseded, outcome.rows_loaded, outcome.rows_duplicate) == (0, 1, 1)
    assert events(desk) == [("e1", None), ("e2", None)]


def test_a_correction_takes_from_a_parquet_that_files_of_a_day_share_its_own_rows_only(drop: Drop, desk: Any) -> None:
    for hour in (10, 11, 12):
        drop.events(hour, desk.event(hour))
    drop.load(EVENTS)
    assert len({line.parquet for line in desk.lines(EVENTS)}) == 1
    drop.events(11, desk.event(20))
    drop.load(EVENTS)
    assert [key for key, _ in events(desk)] == ["e10", "e12", "e20"]


def with_rejects(drop: Drop, desk: Any) -> None:
    """Two files with a reject each in one Parquet of rejects; then one is corrected, with another reject."""
    drop.orders(1, desk.order(1, status="lost"), desk.order(2))
    drop.orders(2, desk.order(3, status="lost"))
    drop.load(ORDERS)
    drop.orders(1, desk.order(2), desk.order(4), desk.order(5, channel="fax"))
    drop.load(ORDERS)


def test_rejects_of_a_superseded_file_are_shown_no_more(drop: Drop, desk: Any) -> None:
    with_rejects(drop, desk)
    wanted = [("orders_2026-08-01.csv", 3), ("orders_2026-08-02.csv", 1)]
    assert sorted((one.file, one.position) for one in rejects.rejected(desk.settings, ORDERS, None)) == wanted
    assert rejected_in(desk, ORDERS) == wanted


def test_rejects_of_a_superseded_file_are_not_replayed(drop: Drop, desk: Any, monkeypatch: Any) -> None:
    with_rejects(drop, desk)
    source = listing.source.load_source(ORDERS)
    columns = [one.model_copy(update={"allowed": ()}) for one in source.contract.columns]
    patient = type(source)(source.contract.model_copy(update={"columns": tuple(columns)}), source.pattern)
    monkeypatch.setattr(replaying, "load_source", lambda _: patient)
    found = replaying.replay(desk.settings, ORDERS, None, "replay-1", desk.loaded_at)
    assert (found.rows_in, found.rows_loaded) == (2, 2)
    assert [key for key, _ in orders(desk)] == ["o2", "o3", "o4", "o5"]
    assert [line.status for line in desk.lines(ORDERS)] == ["superseded", "loaded", "loaded", "loaded", "loaded"]


def test_the_list_of_sources_counts_what_counts(drop: Drop, desk: Any) -> None:
    drop.events(10, desk.event(1, occurred_at="2026-08-01T10:59:00Z"), desk.event(2))
    drop.load(EVENTS)
    drop.events(10, desk.event(3, occurred_at="2026-08-01T10:01:00Z"))
    drop.load(EVENTS)
    [row] = [row for row in listing.listed(desk.settings, desk.loaded_at) if row["source"] == EVENTS]
    assert (row["files_loaded"], row["rows_loaded"], str(row["newest_at"])) == (1, 1, "2026-08-01 10:01:00")
    [published] = [one for one in freshness.of_all(desk.settings, desk.loaded_at) if one.source == EVENTS]
    assert (published.rows_loaded, published.newest_at) == (1, row["newest_at"])


def test_a_check_holds_a_corrected_file_against_the_others_only(drop: Drop, desk: Any) -> None:
    drop.orders(1, desk.order(1))
    drop.orders(2, desk.order(2))
    drop.load(ORDERS)
    path = desk.csv("orders_2026-08-01.csv", ORDERS, [desk.order(1, channel="ios"), desk.order(2)])
    found = checking.check(desk.settings, path, None, desk.loaded_at)
    assert (found.rows_loaded, found.rows_duplicate) == (1, 1)


@pytest.mark.parametrize("rows", [0, 1], ids=["withdrawn", "repeats of others"])
def test_a_load_that_brought_no_row_is_not_profiled(drop: Drop, desk: Any, rows: int) -> None:
    drop.events(10, desk.event(1))
    drop.events(11, desk.event(2))
    drop.load(EVENTS)
    drop.events(11, *([desk.event(1, url="/again")] * rows or [desk.event(3, event_type="sleep")]))
    assert drop.load(EVENTS).rows_loaded == 0
    assert pl.read_parquet(profile(desk.settings, "run-1", 1)).is_empty()
