"""A replay loads what today's contract takes, once, and leaves every row of a file accounted for."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from ingestion import replay as replaying
from ingestion import source as sources
from ingestion.source import Source
from warehouse import atomic

LINES = "shop_order_lines"


def allow(monkeypatch: pytest.MonkeyPatch, name: str, column: str, **changes: Any) -> None:
    """From here on the contract of this source promises something else of this column."""
    source = sources.load_source(name)
    columns = [one.model_copy(update=changes) if one.name == column else one for one in source.contract.columns]
    changed = dataclasses.replace(source, contract=source.contract.model_copy(update={"columns": tuple(columns)}))

    def load_source(_: str) -> Source:
        return changed

    monkeypatch.setattr(replaying, "load_source", load_source)


def replay(desk: Any, name: str = LINES, folder: Path | None = None) -> replaying.Outcome:
    return replaying.replay(desk.settings, name, folder, "replay-1", desk.loaded_at)


def dropped(desk: Any) -> None:
    """Two files through the drop folder in one load: 3 rows of the first are rejected, 1 of the second."""
    drop = desk.settings.drop
    drop.mkdir(parents=True)
    first = [desk.line(1), desk.line(2, quantity="0"), desk.line(3, quantity="x"), desk.line(1, quantity="0")]
    desk.csv("order_lines_2026-08-01.csv", LINES, first).rename(drop / "order_lines_2026-08-01.csv")
    second = [desk.line(5, quantity="0"), desk.line(6), desk.line(6)]
    desk.csv("order_lines_2026-08-02.csv", LINES, second).rename(drop / "order_lines_2026-08-02.csv")
    assert desk.load(LINES, drop).rows_rejected == 4


def balance(desk: Any, name: str = LINES) -> list[int]:
    """Rows in, loaded, rejected, duplicate over all lines, each of which must be exact."""
    counts = [(one.rows_in, one.rows_loaded, one.rows_rejected, one.rows_duplicate) for one in desk.lines(name)]
    assert all(count[0] == sum(count[1:]) for count in counts)
    return [sum(column) for column in zip(*counts, strict=True)]


def state(desk: Any) -> dict[str, bytes]:
    raw = desk.settings.raw
    return {str(path.relative_to(raw)): path.read_bytes() for path in raw.rglob("*") if path.is_file()}


def test_what_the_contract_now_takes_is_a_new_batch_of_the_same_file(desk: Any, monkeypatch: Any) -> None:
    dropped(desk)
    assert balance(desk) == [7, 2, 4, 1]
    allow(monkeypatch, LINES, "quantity", minimum=0)
    found = replay(desk)
    assert (found.rows_in, found.rows_loaded, found.rows_duplicate, found.rows_rejected) == (4, 2, 1, 1)
    assert balance(desk) == [7, 4, 1, 2]
    new = [line for line in desk.lines(LINES) if line.batch == found.batch]
    assert [(line.file, line.run_id, line.rows_loaded) for line in new] == [
        ("order_lines_2026-08-01.csv", "replay-1", 1),
        ("order_lines_2026-08-02.csv", "replay-1", 1),
    ]
    rows = desk.raw(LINES, "order_id, quantity, _position, _batch, _arrived_at::date::varchar", "order by 1")
    assert rows == [
        ("o1", 2, 1, 1, "2026-08-02"),
        ("o2", 0, 2, 2, "2026-08-02"),
        ("o5", 0, 1, 2, "2026-08-03"),
        ("o6", 2, 2, 1, "2026-08-03"),
    ]
    assert [row[:3] for row in desk.rejects(LINES)] == [("order_lines_2026-08-01.csv", 3, "quantity: not an integer")]


def test_running_it_twice_changes_nothing_the_second_time(desk: Any, monkeypatch: Any) -> None:
    dropped(desk)
    allow(monkeypatch, LINES, "quantity", minimum=0)
    replay(desk)
    after = state(desk)
    again = replay(desk)
    assert (again.rows_in, again.rows_loaded, again.rows_rejected, again.batch) == (1, 0, 1, None)
    kept = state(desk)
    assert {name: kept[name] for name in kept} == {name: after[name] for name in kept}
    assert set(after) - set(kept) == {
        name for name in after if name.startswith(f"{LINES}/rejects/") and name not in kept
    }
    assert (desk.load(LINES, desk.settings.drop).rows_in, balance(desk)) == (0, [7, 4, 1, 2])


def test_under_the_same_contract_nothing_changes(desk: Any) -> None:
    dropped(desk)
    before = state(desk)
    found = replay(desk)
    assert (found.rows_in, found.rows_rejected, found.batch, found.problems) == (4, 4, None, ())
    assert state(desk) == before


def test_a_file_that_is_not_kept_is_asked_for_and_the_others_are_tried(desk: Any, monkeypatch: Any) -> None:
    dropped(desk)
    done = desk.settings.drop / "done" / LINES / "order_lines_2026-08-01.csv"
    elsewhere = desk.exports / "renamed.csv"
    done.rename(elsewhere)
    allow(monkeypatch, LINES, "quantity", minimum=0)
    found = replay(desk)
    assert (found.rows_in, found.rows_loaded, found.rows_untried) == (1, 1, 3)
    [problem] = found.problems
    assert problem.startswith(f"3 rejected rows not tried · {LINES}, order_lines_2026-08-01.csv · the file is not kept")
    assert len(desk.rejects(LINES)) == 3
    found = replay(desk, folder=desk.exports)
    assert (found.rows_in, found.rows_loaded, found.rows_untried) == (3, 1, 0)
    assert balance(desk) == [7, 4, 1, 2]
    assert len(desk.rejects(LINES)) == 1


def test_another_content_under_the_same_name_is_not_taken_for_the_file(desk: Any, monkeypatch: Any) -> None:
    dropped(desk)
    done = desk.settings.drop / "done" / LINES / "order_lines_2026-08-02.csv"
    done.write_bytes(done.read_bytes().replace(b"o5", b"o9"))
    allow(monkeypatch, LINES, "quantity", minimum=0)
    assert replay(desk).rows_untried == 1
    assert "o9" not in {row[0] for row in desk.raw(LINES, "order_id")}


def test_personal_values_come_from_the_file_not_from_the_masked_reject(desk: Any, monkeypatch: Any) -> None:
    desk.csv("orders_2026-08-01.csv", "shop_orders", [desk.order(1, status="lost"), desk.order(2)])
    desk.load("shop_orders")
    allow(monkeypatch, "shop_orders", "status", allowed=("completed", "lost"))
    assert replay(desk, "shop_orders", desk.exports).rows_loaded == 1
    assert [row[2] for row in desk.vault()] == ["person1@example.com", "person2@example.com"]
    hashes = desk.raw("shop_orders", "count(distinct email_hmac)")
    assert hashes == [(2,)]
    assert desk.rejects("shop_orders") == []


def test_a_file_with_another_header_than_todays_contract_says_so(desk: Any, monkeypatch: Any) -> None:
    dropped(desk)
    allow(monkeypatch, LINES, "quantity", header="pieces")
    found = replay(desk)
    assert (found.rows_in, found.rows_untried) == (0, 4)
    assert "header differs (missing: pieces" in found.problems[0]


class Killed(BaseException):
    """The end of the process."""


def test_a_replay_that_is_killed_before_its_last_step_has_changed_nothing(desk: Any, monkeypatch: Any) -> None:
    dropped(desk)
    allow(monkeypatch, LINES, "quantity", minimum=0)
    rows, lines = desk.raw(LINES, "*", "order by all"), desk.lines(LINES)

    def die(path: Path) -> None:
        if path.name == "manifest.jsonl.tmp":
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(atomic, "sync", die)
        with pytest.raises(Killed):
            replay(desk)
    assert (desk.raw(LINES, "*", "order by all"), desk.lines(LINES)) == (rows, lines)
    assert replay(desk).rows_loaded == 2
    assert balance(desk) == [7, 4, 1, 2]
    named = {name for line in desk.lines(LINES) for name in line.names}
    replay(desk)
    folder = desk.settings.raw / LINES
    assert {path.relative_to(folder).as_posix() for path in folder.glob("*/*.parquet")} == named
    assert len(desk.raw(LINES)) == 4
