"""JSON in one array or one object after another, however it is printed, comes to the same rows; broken JSON to none."""

import json
import random
from typing import Any

import pytest

from ingestion.containers import ContentError
from ingestion.count import Counter
from ingestion.json_records import lines
from tests.ingestion.things import Declare, declaring

THINGS: list[Any] = [
    {"thing_id": 1, "words": "plain"},
    {"thing_id": 2, "words": 'a "quote", a \\ backslash, {brackets], \n and \u00e9'},
    {"words": None, "thing_id": 3, "more": [{"deep": [1, {"words": "no"}]}, []]},
    {"thing_id": 4, "words": "\\"},
    {"thing_id": 5, "words": ""},
]
PRINTED = {
    "array": json.dumps(THINGS),
    "array, pretty": json.dumps(THINGS, indent=2),
    "array, a line each": "[\n" + ",\n".join(map(json.dumps, THINGS)) + "\n]\n",
    "objects on one line": "".join(map(json.dumps, THINGS)),
    "objects, pretty": "\n".join(json.dumps(thing, indent="\t") for thing in THINGS) + "\r\n",
    "lines": "\ufeff" + "\n".join(map(json.dumps, THINGS)) + "\n \n",
    "array in UTF-16": json.dumps(THINGS, ensure_ascii=False),
}


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch) -> Declare:
    return declaring(monkeypatch)


@pytest.mark.parametrize("printed", PRINTED)
def test_every_way_to_print_json_comes_to_the_same_rows(desk: Any, declare: Declare, printed: str) -> None:
    declare(format="json")
    (desk.exports / "things.json").write_bytes(PRINTED[printed].encode("utf-16" if "16" in printed else "utf-8"))
    outcome = desk.load("things")
    assert [problem.split(" in ")[0] for problem in outcome.problems] == ["new column 'more'"]
    expected = [
        (number, thing["thing_id"], (thing["words"] or "").strip() or None) for number, thing in enumerate(THINGS, 1)
    ]
    assert desk.raw("things", "_position, thing_id, words", "order by 1") == expected


def test_an_empty_array_is_a_file_without_rows(desk: Any, declare: Declare) -> None:
    declare(format="json")
    (desk.exports / "things.json").write_text(" [ \n ] \n")
    outcome = desk.load("things")
    assert (outcome.files_new, outcome.rows_in, outcome.problems) == (1, 0, ())


def test_elements_that_are_no_objects_are_rejects_with_their_place(desk: Any, declare: Declare) -> None:
    declare(format="json")
    (desk.exports / "things.json").write_text(
        '[{"thing_id": 1}, 2, "a, b", null, [3], {"thing_id": "x\ny"}, {"thing_id": 7}]'
    )
    outcome = desk.load("things")
    assert (outcome.rows_in, outcome.rows_loaded, outcome.rows_rejected) == (7, 2, 5)
    assert desk.raw("things", "_position, thing_id", "order by 1") == [(1, 1), (7, 7)]
    assert [row[1] for row in desk.rejects("things")] == [2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    "text",
    [
        '[{"thing_id": 1}, {"thing_id": 2}',
        '[{"thing_id": 1}, {"thing_id": 2',
        '[{"thing_id": 1}, {"thing_id": "2',
        '[{"thing_id": 1},, {"thing_id": 2}]',
        '[{"thing_id": 1}, ]',
        '[ , {"thing_id": 1}]',
        '[{"thing_id": 1}] {"thing_id": 2}',
        '[{"thing_id": 1}]]',
        '{"thing_id": 1}} {"thing_id": 2}',
        '{"thing_id": 1} {"thing_id": ',
        "thing_id,words\n1,a\n",
        '"text"',
        " \n ",
    ],
)
def test_json_that_is_not_whole_is_refused_as_a_file(desk: Any, declare: Declare, text: str) -> None:
    declare(format="json")
    (desk.exports / "things.json").write_text(text)
    outcome = desk.load("things")
    assert (outcome.files_quarantined, outcome.rows_in) == (1, 0)
    assert "JSON" in outcome.problems[0]
    assert "thing_id" not in outcome.problems[0]


def test_records_are_the_same_however_the_bytes_are_cut() -> None:
    """Against Python's own reader, over arrays and objects made by chance."""
    dice = random.Random(11)

    def value(depth: int) -> Any:
        kind = dice.randrange(5 if depth else 3)
        if kind == 0:
            return "".join(dice.choices('a"\\{}[],\n', k=dice.randrange(6)))
        if kind < 3:
            return dice.choice([1, None, True, -2.5])
        some = [value(depth - 1) for _ in range(dice.randrange(4))]
        return some if kind == 3 else {f'{dice.randrange(3)}"': one for one in some}

    for _ in range(400):
        records = [{"k": value(3)} for _ in range(dice.randrange(1, 5))]
        indent = dice.choice([None, 1])
        printed = [json.dumps(records, indent=indent), " ".join(json.dumps(one, indent=indent) for one in records)]
        for text in printed:
            content, size, counter = text.encode(), dice.randrange(1, 30), Counter(None)
            cut = [content[at : at + size] for at in range(0, len(content), size)]
            found = b"".join(lines(iter(cut)))
            counter.feed(found)
            assert [json.loads(line) for line in found.split(b"\n") if line] == records, text
            assert counter.records == len(records)


def test_an_array_is_refused_wherever_it_is_cut() -> None:
    content = json.dumps(THINGS).encode()
    for at in range(1, len(content)):
        with pytest.raises(ContentError):
            list(lines(iter([content[:at]])))
