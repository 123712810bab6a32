"""A hostile file loads exactly or is refused with a reason, costs nobody else a row, and reaches nothing outside."""

import gzip
import hashlib
import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingestion.containers import ContentError
from ingestion.content import Content
from ingestion.count import Counter
from ingestion.filesystem import Contents
from ingestion.unpack import Room, look
from tests.ingestion.hostile import CORPUS, HEAD, Case, good, zipped, zstd
from tests.ingestion.things import Declare, declaring
from warehouse.contracts import Column

CUT_EVERY = 97  # bytes
MOST_MEMORY = 100  # MB above what the process had before; some 40 are measured


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch) -> Declare:
    return declaring(monkeypatch)


def surroundings(folder: Path, *but: Path) -> dict[str, str]:
    """A digest of each file in the folder, but for some folders."""
    found = [path for path in folder.rglob("*") if path.is_file() and not any(path.is_relative_to(one) for one in but)]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def test_the_corpus_is_as_large_as_it_should_be() -> None:
    assert len(CORPUS) >= 36
    assert len({case.name for case in CORPUS}) == len(CORPUS)


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)
def test_a_hostile_file_loads_exactly_or_is_refused_with_a_reason(desk: Any, declare: Declare, case: Case) -> None:
    declare(format=case.format)
    for number in (101, 102):
        (desk.exports / f"things{number}").write_bytes(good(case.format, number))
    (desk.exports.parent / "beside.csv").write_bytes(HEAD + b"1,outside\n")
    (desk.exports / case.file).write_bytes(case.content)
    before = surroundings(desk.exports.parent, desk.settings.home)
    outcome = desk.load("things")
    assert surroundings(desk.exports.parent, desk.settings.home) == before
    assert [path.name for path in desk.settings.home.iterdir() if path.name != "raw"] == []
    loaded = desk.raw("things", "thing_id, words", "where thing_id < 100 order by _position")
    assert loaded == case.rows
    assert desk.raw("things", "thing_id", "where thing_id > 100 order by 1") == [(101,), (102,)]
    assert (outcome.rows_rejected, outcome.rows_in) == (case.rejects, 2 + len(case.rows) + case.rejects)
    if case.reason:
        [problem] = outcome.problems
        assert case.reason in problem
        assert len(problem) < 400
        assert problem.isprintable()
    else:
        assert len(outcome.problems) == min(case.rejects, 1)


HEADERS = ("words'); drop table delivered; --", 'a "quoted" name', "a, b", "{c}", "$d", "e\\f")


@pytest.mark.parametrize("header", HEADERS)
def test_a_contract_may_name_columns_as_badly_as_files_do(desk: Any, declare: Declare, header: str) -> None:
    columns = (Column(name="thing_id", type="integer"), Column(name="words", header=header))
    table = pa.table({"thing_id": [1], header: ["a"]})
    pq.write_table(table, desk.exports / "things.parquet")
    quoted = header.replace('"', '""')
    (desk.exports / "things.csv").write_text(f'thing_id,"{quoted}"\n1,a\n')
    (desk.exports / "things.jsonl").write_text(json.dumps({"thing_id": 1, header: "a"}))
    for format_ in ("csv", "jsonl", "parquet"):
        folder = desk.exports / format_
        folder.mkdir()
        (desk.exports / f"things.{format_}").rename(folder / f"things.{format_}")
        declare(format=format_, columns=columns)
        assert desk.load("things", folder).problems == ()
    assert desk.raw("things", "words") == [("a",)] * 3


PACKS: dict[str, Callable[[bytes], bytes]] = {".csv.gz": gzip.compress, ".csv.zst": zstd, ".csv.zip": zipped}


@pytest.mark.parametrize("suffix", PACKS)
def test_of_a_container_that_is_cut_anywhere_no_row_loads(desk: Any, declare: Declare, suffix: str) -> None:
    declare()
    dice = random.Random(5)
    rows = b"".join(b"%d,%032x\n" % (number, dice.getrandbits(128)) for number in range(400))
    whole = PACKS[suffix](HEAD + rows)
    cuts = {*range(CUT_EVERY, len(whole), CUT_EVERY), *range(len(whole) - 12, len(whole))}
    for at in cuts:
        (desk.exports / f"things-{at}{suffix}").write_bytes(whole[:at])
    outcome = desk.load("things")
    assert (outcome.rows_in, outcome.files_quarantined) == (0, len(cuts))
    assert len(cuts) > 80
    (desk.exports / f"things-whole{suffix}").write_bytes(whole)
    assert desk.load("things").rows_loaded == 400


def damaged(content: bytes, dice: random.Random) -> bytes:
    """Some bytes overwritten, left out or put in."""
    found = bytearray(content)
    for _ in range(dice.choice([1, 1, 2, 5])):
        at, some = dice.randrange(len(found)), dice.randbytes(dice.randrange(1, 9))
        found[at : at + dice.choice([0, len(some)])] = dice.choice([some, b""])
    return bytes(found)


@pytest.mark.parametrize("suffix", PACKS)
def test_a_container_that_is_damaged_by_chance_is_refused_and_breaks_nothing(tmp_path: Path, suffix: str) -> None:
    dice, room = random.Random(13), Room(tmp_path, 1 << 30, Contents())
    rows = HEAD + b"".join(b"%d,%032x\n" % (number, dice.getrandbits(128)) for number in range(100))
    whole, refused = PACKS[suffix](rows), 0
    for _ in range(1_500):
        (tmp_path / "damaged").write_bytes(damaged(whole, dice))
        try:
            found = look(Content(tmp_path / "damaged", 1 << 30, "utf-8"), room, "plain", Counter('"'))
        except ContentError:
            refused += 1
        else:  # zstd has a checksum only where its sender asked for one
            assert suffix == ".csv.zst" or found.plain.open("rb").read() == rows
    assert refused > 900


def test_the_largest_of_them_are_read_in_bounded_memory(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.ingestion.hostile", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    found = json.loads(ended.stdout)
    wanted = {case.name: [len(case.rows), case.rejects, int(bool(case.reason))] for case in CORPUS if case.wants_memory}
    assert found["told"] == wanted
    assert found["grown"] < MOST_MEMORY
