"""A file that is still being written waits; one that stays damaged is quarantined; one with a sidecar must keep it."""

import gzip
import hashlib
import json
import os
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

HEAD = "order_id,line_number,product_id,quantity,unit_price_amount\n"
WHOLE = (HEAD + "".join(f"o{number},1,p1,2,3.50\n" for number in range(200))).encode()
CUT_EVERY = 97  # bytes
SETTLE, PATIENCE = 2, 3_600  # seconds, as the settings have it unless told otherwise


def drop(desk: Any, name: str, content: bytes, age: float) -> Path:
    """A file in the drop folder that changed so many seconds before the load."""
    path = desk.settings.drop / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    changed = desk.loaded_at.replace(tzinfo=UTC).timestamp() - age
    os.utime(path, (changed, changed))
    return path


def promise(desk: Any, path: Path, content: bytes = WHOLE, **fields: Any) -> Path:
    made = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest(), "rows": content.count(b"\n") - 1}
    sidecar = path.with_name(f"{path.name}.manifest.json")
    sidecar.write_text(json.dumps(made | fields))
    return sidecar


def load(desk: Any) -> Any:
    return desk.load("shop_order_lines", desk.settings.drop)


@pytest.mark.parametrize(("age", "loaded"), [(SETTLE - 0.5, 0), (SETTLE + 0.5, 200)])
def test_a_file_that_changed_a_moment_ago_waits(desk: Any, age: float, loaded: int) -> None:
    path = drop(desk, "order_lines_2026-08-01.csv", WHOLE, age)
    outcome = load(desk)
    assert (outcome.rows_loaded, outcome.problems, path.exists()) == (loaded, (), not loaded)
    told = "file waits · shop_order_lines, order_lines_2026-08-01.csv · it changed less than 2 s ago"
    assert [line.startswith(told) for line in outcome.waiting] == [True] * (not loaded)


def test_a_sender_whose_clock_is_ahead_is_not_waited_for(desk: Any) -> None:
    drop(desk, "order_lines_2026-08-01.csv", WHOLE, -86_400)
    assert load(desk).rows_loaded == 200


def test_a_damaged_file_waits_for_its_rest_and_loads_once_it_is_there(desk: Any) -> None:
    packed = gzip.compress(WHOLE, mtime=0)
    path = drop(desk, "order_lines_2026-08-01.csv.gz", packed[:-20], PATIENCE - 1)
    drop(desk, "order_lines_2026-08-02.csv", WHOLE, PATIENCE - 1)
    outcome = load(desk)
    assert (outcome.files_new, outcome.files_quarantined, outcome.problems) == (1, 0, ())
    assert "gzip stream cut off" in outcome.waiting[0]
    assert path.exists()
    assert len(desk.lines("shop_order_lines")) == 1
    drop(desk, path.name, gzip.compress(WHOLE.replace(b"\no", b"\nq"), mtime=0), SETTLE + 1)
    assert (load(desk).files_new, path.exists()) == (1, False)


def test_a_file_that_stays_damaged_is_quarantined_in_the_end(desk: Any) -> None:
    path = drop(desk, "order_lines_2026-08-01.csv.gz", gzip.compress(WHOLE)[:-20], PATIENCE + 1)
    outcome = load(desk)
    assert (outcome.files_quarantined, outcome.waiting, path.exists()) == (1, (), False)
    assert (desk.settings.drop / "quarantine" / "shop_order_lines" / path.name).exists()


def test_a_folder_named_by_hand_is_not_waited_for(desk: Any) -> None:
    path = drop(desk, "order_lines_2026-08-01.csv", WHOLE, 0)
    damaged = drop(desk, "order_lines_2026-08-02.csv.gz", gzip.compress(WHOLE)[:-20], 0)
    for one in (path, damaged):
        one.rename(desk.exports / one.name)
    outcome = desk.load("shop_order_lines")
    assert (outcome.rows_loaded, outcome.files_quarantined, outcome.waiting) == (200, 1, ())


def test_a_file_with_a_sidecar_that_agrees_is_taken_and_both_move(desk: Any) -> None:
    path = drop(desk, "order_lines_2026-08-01.csv.gz", gzip.compress(WHOLE), SETTLE + 1)
    sidecar = promise(desk, path, path.read_bytes(), rows=200)
    assert load(desk).rows_loaded == 200
    done = desk.settings.drop / "done" / "shop_order_lines"
    assert sorted(one.name for one in done.iterdir()) == [path.name, sidecar.name]
    assert not sidecar.exists()


def test_of_a_file_that_is_cut_anywhere_before_what_its_sidecar_promises_no_row_loads(desk: Any) -> None:
    for age in (SETTLE + 1, PATIENCE + 1):
        cuts = list(range(CUT_EVERY, len(WHOLE), CUT_EVERY))
        for at in cuts:
            promise(desk, drop(desk, f"{at}/order_lines_2026-08-01.csv", WHOLE[:at], age))
        outcome = load(desk)
        assert (outcome.rows_in, desk.raw("shop_order_lines")) == (0, [])
        assert (len(outcome.waiting), outcome.files_quarantined) == (
            (len(cuts), 0) if age < PATIENCE else (0, len(cuts))
        )
    assert len(cuts) > 30


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"size": 1}, "size or sha256 differs"),
        ({"sha256": "0" * 64}, "size or sha256 differs"),
        ({"rows": 201}, "rows differ from .manifest.json: 200 are here, 201 promised"),
        ({"rows": None}, ".manifest.json cannot be read"),
        ({"rows": "200"}, ".manifest.json cannot be read"),
    ],
)
def test_what_a_sidecar_promises_must_be_there(desk: Any, fields: dict[str, Any], reason: str) -> None:
    promise(desk, drop(desk, "order_lines_2026-08-01.csv", WHOLE, PATIENCE + 1), **fields)
    outcome = load(desk)
    assert (outcome.rows_in, outcome.files_quarantined) == (0, 1)
    assert reason in outcome.problems[0]


def test_a_half_written_sidecar_keeps_its_file_waiting(desk: Any) -> None:
    sidecar = promise(desk, drop(desk, "order_lines_2026-08-01.csv", WHOLE, SETTLE + 1))
    text = sidecar.read_text()
    for at in range(len(text)):
        sidecar.write_text(text[:at])
        assert load(desk).rows_in == 0, at
    sidecar.write_text(text)
    assert load(desk).rows_loaded == 200


def test_rows_are_counted_as_they_are_read_where_a_quote_stands_within_a_value(desk: Any) -> None:
    content = (HEAD + 'o1,1,5" disc,2,3\no2,1,p,2,3\n').encode()
    promise(desk, drop(desk, "order_lines_2026-08-01.csv", content, PATIENCE + 1), content)
    assert load(desk).rows_loaded == 2
