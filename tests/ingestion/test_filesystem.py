"""Text is unpacked while it is read: no copy is written, what has changed since is noticed, and errors say nothing."""

import errno
import gzip
import io
import random
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion import content as contents
from ingestion import group, stream
from ingestion import load as loading
from ingestion.containers import CHUNK
from ingestion.content import Content
from ingestion.filesystem import Contents
from ingestion.load import LoadError
from ingestion.sql import connect
from tests.ingestion.things import Declare, declaring

ROWS = 30_000  # some chunks of content


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch) -> Declare:
    return declaring(monkeypatch)


def lines(ids: range = range(ROWS)) -> bytes:
    return b"thing_id,words\n" + b"".join(b"%d,the words of it\n" % one for one in ids)


def objects(ids: range = range(ROWS)) -> bytes:
    return b"".join(b'{"thing_id": %d, "words": "the words of it"}\n' % one for one in ids)


def aligned(ids: range = range(ROWS)) -> bytes:
    return lines(ids).replace(b",the words of it", b"  wordsofit").replace(b",", b" ")


def packed(name: str, content: bytes, folder: Path) -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(content, mtime=0))
    return path


WRITTEN: dict[str, tuple[bytes, str, bool]] = {
    "JSON lines": (objects(), "jsonl", True),
    "CSV": (lines(), "csv", True),
    "CSV in UTF-16": (lines().decode().encode("utf-16"), "csv", True),
    "JSON": (b"[" + objects().strip().replace(b"\n", b",\n") + b"]", "json", False),
    "aligned": (aligned(), "aligned", False),
}


@pytest.mark.parametrize("written", WRITTEN)
def test_no_copy_of_packed_text_is_written(
    desk: Any, declare: Declare, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    content, format_, is_fast = WRITTEN[written]
    declare(format=format_)
    packed("things-1", content, desk.exports)
    streamed, seen = list[Any](), list[Any]()
    stream_them, discard = stream.stream, loading.discard
    monkeypatch.setattr(stream, "stream", lambda *args: streamed.append(stream_them(*args)) or streamed[-1])

    def watched(some: Any) -> None:
        seen.append([list(one.iterdir()) for one in desk.settings.raw.glob("things/.tmp-*/plain")])
        discard(some)

    monkeypatch.setattr(loading, "discard", watched)
    outcome = desk.load("things")
    assert (outcome.rows_loaded, outcome.problems) == (ROWS, ())
    assert seen == [[[]]]
    assert any(one.parquet for one in streamed) == is_fast


@pytest.mark.parametrize(
    ("format_", "content", "broken"),
    [("jsonl", objects(), b'{"thing_id": 7, "words\n'), ("csv", lines(), b'7,"it" is\n')],
)
def test_a_broken_line_in_a_packed_file_costs_itself_only(
    desk: Any, declare: Declare, format_: str, content: bytes, broken: bytes
) -> None:
    declare(format=format_)
    packed("things-1", content + broken, desk.exports)
    packed("things-2", content, desk.exports)
    outcome = desk.load("things")
    assert (outcome.rows_in, outcome.rows_loaded, outcome.rows_rejected) == (2 * ROWS + 1, 2 * ROWS, 1)
    assert desk.rejects("things")[0][:2] == ("things-1", ROWS + 1)


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "other rows": lambda content: gzip.compress(content.replace(b"it", b"us")),
    "a row more": lambda content: gzip.compress(content + content.splitlines(keepends=True)[-1]),
    "cut": lambda content: gzip.compress(content)[:-2_000],
    "another container": lambda _: b"BZh91AY",
    "no text": lambda content: gzip.compress(content + b"\xff\xff"),
    "nothing": lambda _: b"",
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("format_", ["jsonl", "csv", "aligned"])
def test_a_packed_file_that_changes_after_it_was_looked_at_waits(
    desk: Any, declare: Declare, monkeypatch: pytest.MonkeyPatch, format_: str, change: str
) -> None:
    declare(format=format_)
    made = {"jsonl": objects, "csv": lines, "aligned": aligned}
    content = made[format_](range(ROWS))
    path = packed("things-1", content, desk.exports)
    packed("things-2", made[format_](range(ROWS, ROWS + 5)), desk.exports)
    load = group.load

    def after_a_change(*args: Any) -> Any:
        path.write_bytes(CHANGES[change](content))
        return load(*args)

    with monkeypatch.context() as patch:
        patch.setattr(group, "load", after_a_change)
        outcome = desk.load("things")
    assert (outcome.rows_in, outcome.files_quarantined, len(outcome.problems)) == (5, 0, 1)
    assert outcome.problems[0].startswith("file changed while it was read, left for the next load · things, things-1")
    assert desk.raw("things", "count(*), min(thing_id)") == [(5, ROWS)]
    path.write_bytes(gzip.compress(content))
    assert desk.load("things").rows_loaded == ROWS


@pytest.mark.parametrize("format_", ["jsonl", "aligned"])
def test_a_disk_that_fails_while_a_packed_file_is_read_ends_the_load_which_can_be_repeated(
    desk: Any, declare: Declare, monkeypatch: pytest.MonkeyPatch, format_: str
) -> None:
    declare(format=format_)
    packed("things-1", objects() if format_ == "jsonl" else aligned(), desk.exports)

    def failing(self: Content) -> Iterator[bytes]:
        yield (b'{"thing_id": 1, "words": "secret"}\n' * 9)
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(Content, "chunks", failing)
        with pytest.raises(LoadError, match=r"^(Error in DuckDB|Input/output error) · things · allowed") as error:
            desk.load("things")
    assert error.value.__context__ is None
    assert desk.lines("things") == []
    assert desk.load("things").files_new == 1


def test_packed_files_are_not_all_open_at_once(desk: Any, declare: Declare) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard))
    try:
        for format_, made in (("jsonl", objects), ("csv", lines)):
            declare(format=format_)
            folder = desk.exports / format_
            folder.mkdir()
            for number in range(150):
                packed(f"things-{number:03}", made(range(number * 2, number * 2 + 2)), folder)
            assert desk.load("things", folder).rows_loaded == 300
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_stream_is_the_same_bytes_wherever_it_is_read_from(tmp_path: Path) -> None:
    dice = random.Random(3)
    whole = dice.randbytes(3 * CHUNK + 17)
    packed_one = Contents().add("x", Content(packed("x.gz", whole, tmp_path), 1 << 30), len(whole))
    wanted = io.BytesIO(whole)
    with packed_one.open() as found:
        for _ in range(300):
            if dice.random() < 0.3:
                at = dice.randrange(len(whole) + 9)
                found.seek(at)
                wanted.seek(at)
            size = dice.choice([-1, 0, 1, 100, CHUNK, 2 * CHUNK])
            assert found.read(size) == wanted.read(size)
    assert found.closed


def test_no_other_file_is_reached_through_the_filesystem(desk: Any, tmp_path: Path) -> None:
    packed("x.gz", b"secret", tmp_path)
    known = Contents()
    known.add("x", Content(packed("y.gz", b"told", tmp_path), 1 << 30), 4)
    with connect(desk.settings, tmp_path / "spill", desk.exports, known) as connection:
        assert connection.execute("select content from read_text('content://x')").fetchall() == [("told",)]
        for address in ("content://y", f"content://{tmp_path}/x.gz", "content://*", "content://x/../x.gz"):
            with pytest.raises(duckdb.Error):
                connection.execute("select * from read_text(?)", [address])
        with pytest.raises(duckdb.PermissionException):
            connection.execute("select * from read_text(?)", [str(tmp_path / "x.gz")])
        with pytest.raises(duckdb.Error):
            connection.execute("copy (select 1) to 'content://x'")


def test_what_is_read_is_held_against_bombs_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "_BOMB", (1 << 20, 200))
    path = packed("x.gz", b"told", tmp_path)
    found = Contents().add("x", Content(path, 1 << 30), 4)
    packed("x.gz", b"\n" * (2 << 20), tmp_path)
    with found.open() as file, pytest.raises(contents.ContentError, match="200 times"):
        file.read()
