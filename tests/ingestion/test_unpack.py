"""Every container and encoding of the same rows loads the same; what is wrong is refused with a reason."""

import codecs
import gzip
import io
import os
import random
import re
import zipfile
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ingestion import delivery as delivering
from ingestion import unpack as unpacking
from ingestion.containers import CHUNK, ContentError
from ingestion.content import Content
from ingestion.count import Counter
from ingestion.filesystem import Contents
from ingestion.unpack import Room, look

HEADER = b"order_id,line_number,product_id,quantity,unit_price_amount\n"
NAME = "order_lines_2026-08-01.csv"
TEXT = HEADER + "o1,1,caf\u00e9,2,3.50\n".encode()


def zipped(content: bytes, name: str = "x.csv", method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr(name, content)
    return file.getvalue()


def zstd(content: bytes) -> bytes:
    return bytes(pa.compress(content, "zstd", asbytes=True))


def two_members(content: bytes) -> bytes:
    return gzip.compress(content[:70]) + gzip.compress(b"") + gzip.compress(content[70:])


def two_frames(content: bytes) -> bytes:
    return zstd(content[:70]) + b"\x50\x2a\x4d\x18\x02\0\0\0xx" + zstd(content[70:])


PACKED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "plain": ("", bytes),
    "gzip": (".gz", gzip.compress),
    "gzip of several members": (".gz", two_members),
    "zstd": (".zst", zstd),
    "zstd of several frames": (".zst", two_frames),
    "zip": (".zip", zipped),
    "zip, stored": (".zip", lambda content: zipped(content, method=zipfile.ZIP_STORED)),
    "gzip under a name that does not say so": ("", gzip.compress),
}
MARKED = {
    "UTF-8": "utf-8",
    "UTF-8 with byte order mark": "utf-8-sig",
    "UTF-16-LE with byte order mark": "utf-16",
    "UTF-32-LE with byte order mark": "utf-32",
}


@pytest.mark.parametrize("marked", MARKED)
@pytest.mark.parametrize("packed", PACKED)
def test_the_same_rows_load_from_every_container_and_under_every_mark(desk: Any, packed: str, marked: str) -> None:
    suffix, pack = PACKED[packed]
    (desk.exports / (NAME + suffix)).write_bytes(pack(TEXT.decode().encode(MARKED[marked])))
    assert desk.load("shop_order_lines").problems == ()
    assert desk.raw("shop_order_lines", "order_id, product_id, quantity") == [("o1", "caf\u00e9", 2)]


def packed_parquet(desk: Any, number: int, pack: Callable[[bytes], bytes] = gzip.compress) -> None:
    query = f"select 'a{number}@b.org' as email, '' as age_band, 1 as household_size, '' as income_band"
    query = f"{query}, '' as lifestyle, timestamp '2026-07-01' as observed_at"
    path = desk.parquet(f"demographics_2026-08-{1 + number:02d}.parquet", query)
    path.write_bytes(pack(path.read_bytes()))


@pytest.mark.parametrize("pack", [gzip.compress, zstd, zipped])
def test_parquet_comes_out_of_a_container_too(desk: Any, pack: Callable[[bytes], bytes]) -> None:
    packed_parquet(desk, 1, pack)
    assert desk.load("demographics").rows_loaded == 1


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        (f"{NAME}.gz", zstd(TEXT), "the name says gzip, the content is zstd"),
        (f"{NAME}.zip", TEXT, "the name says zip, the content is plain"),
        (NAME, b"BZh91AY", "bzip2 is not read"),
        (f"{NAME}.gz", gzip.compress(gzip.compress(TEXT)), "a container within a container"),
        (f"{NAME}.gz", gzip.compress(b"")[:4] + gzip.compress(TEXT), "gzip"),
        (NAME, TEXT[:70] + b"\xc3", "not UTF-8: byte 70 of"),
        (NAME, TEXT[:70] + b"\xc3" + TEXT[70:], "not UTF-8: byte 70 of"),
        (f"{NAME}.zst", zstd(TEXT[:70] + b"\xff" + TEXT[70:]), "not UTF-8: byte 70 of"),
        (NAME, codecs.BOM_UTF16_LE + TEXT.decode().encode("utf-16-le") + b"x", "not UTF-16-LE: byte"),
    ],
    ids=[str(number) for number in range(9)],  # the bytes hold the time of their compression
)
def test_what_is_not_what_it_says_is_refused_with_the_reason(desk: Any, name: str, content: bytes, reason: str) -> None:
    (desk.exports / name).write_bytes(content)
    [problem] = desk.load("shop_order_lines").problems
    assert reason in problem
    assert "caf" not in problem


def test_the_place_of_a_byte_that_is_no_text_counts_from_the_start_of_a_large_content(tmp_path: Path) -> None:
    place = 3 * CHUNK - 1
    content = b"a\n" * (place // 2) + b"a" + "é".encode()[:1] + b"\n" * 9
    (tmp_path / "x.gz").write_bytes(gzip.compress(content))
    with pytest.raises(ContentError, match=f"byte {content.index(0xC3)} of"):
        look(Content(tmp_path / "x.gz", 1 << 30, "utf-8"), Room(tmp_path, 1 << 30, Contents()), "out")


def test_plain_text_is_read_where_it_lies_unless_its_path_is_a_pattern(desk: Any, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(TEXT)
    content, room = Content(tmp_path / "x.csv", 1 << 30, "utf-8"), Room(tmp_path, 1 << 30, Contents())
    assert look(content, room, "out").plain == tmp_path / "x.csv"
    for folder, number in (("a*", 1), ("ab", 2), ("a[b]", 3), ("a?", 4)):
        desk.csv(f"{folder}/order_lines_2026-08-0{number}.csv", "shop_order_lines", [desk.line(number)])
        desk.csv(f"{folder}/order_lines_2026-08-09.csv", "shop_order_lines", [desk.line(10 + number)])
    outcome = desk.load("shop_order_lines")
    assert (outcome.rows_in, outcome.rows_loaded, outcome.problems) == (8, 8, ())


def test_unpacked_files_go_after_their_group(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingestion.load._GROUP_FILES", 2)
    seen: list[int] = []
    discard = delivering.discard

    def watched(some: Any) -> None:
        plain = next(desk.settings.raw.glob("demographics/.tmp-*/plain"))
        discard(some)
        seen.append(len(list(plain.iterdir())))

    monkeypatch.setattr("ingestion.load.discard", watched)
    for number in range(12):
        packed_parquet(desk, number)
    assert desk.load("demographics").rows_loaded == 12
    assert len(seen) == 6
    assert 0 < max(seen) <= desk.settings.threads + 1
    assert list(desk.settings.raw.glob("demographics/.tmp-*")) == []


def test_more_content_than_the_setting_allows_is_refused(desk: Any) -> None:
    settings = desk.settings.model_copy(update={"content_limit": "1MB"})
    big = type(desk)(settings, desk.exports)
    for number, size in ((1, 1 << 20), (2, (1 << 20) + 1)):
        rows = b"".join(b"o%d,%d,p1,2,3\n" % (number, row + 1) for row in range(size // 10))
        whole = (HEADER + rows)[: size - 14]
        content = whole[: whole.rindex(b"\n") + 1]
        content += b"\n" * (size - len(content))
        (desk.exports / f"order_lines_2026-08-0{number}.csv.gz").write_bytes(gzip.compress(content))
    outcome = big.load("shop_order_lines")
    assert (outcome.files_new, outcome.files_quarantined) == (1, 1)
    assert "order_lines_2026-08-02.csv.gz · content of over 1 MB" in outcome.problems[0]


def test_a_file_waits_while_the_disk_is_full_and_loads_once_it_is_not(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed_parquet(desk, 1)
    packed_parquet(desk, 2, bytes)
    usage = namedtuple("usage", "free")  # noqa: PYI024  # as shutil has it
    with monkeypatch.context() as full:
        full.setattr(unpacking.shutil, "disk_usage", lambda _: usage(unpacking._RESERVE - 1))
        outcome = desk.load("demographics")
    assert (outcome.files_new, outcome.files_quarantined, outcome.rows_loaded) == (1, 0, 1)
    assert outcome.problems[0].startswith("file waits · demographics, demographics_2026-08-02.parquet · less than 1 GB")
    assert desk.load("demographics").rows_loaded == 1


def test_nothing_but_regular_files_is_taken(desk: Any, tmp_path: Path) -> None:
    desk.csv(NAME, "shop_order_lines", [desk.line(1)])
    outside = tmp_path / "outside.csv"
    outside.write_bytes(TEXT)
    odd = [desk.exports / NAME.replace("01.csv", f"{day:02d}.csv") for day in range(2, 6)]
    odd[0].symlink_to(outside)
    os.mkfifo(odd[1])
    odd[2].mkdir()
    odd[3].symlink_to(tmp_path / "nowhere")
    (desk.exports / "a\nb").mkdir()
    (desk.exports / "a\nb" / NAME).write_bytes(TEXT)
    (desk.exports / os.fsdecode(b"\xff")).mkdir()
    (desk.exports / os.fsdecode(b"\xff") / NAME).write_bytes(TEXT)
    outcome = desk.load("shop_order_lines")
    assert (outcome.files_new, outcome.rows_loaded) == (1, 1)
    told = "\n".join(sorted(outcome.problems))
    for what in ("a?b/order", "?/order", "03.csv · a pipe", "04.csv · a folder", "02.csv · a link", "05.csv · a link"):
        assert what in told
    assert len(outcome.problems) == 6
    assert all(line.isprintable() for line in outcome.problems)


def records_of(content: bytes, *, quoted: bool) -> int:
    """As the counter's promise reads, byte by byte."""
    inside, began, count = False, False, 0
    for byte in content:
        inside ^= quoted and byte == ord('"')
        if byte in b"\r\n" and not inside:
            began = False
        elif not began:
            began, count = True, count + 1
    return count


@pytest.mark.parametrize("quote", ['"', None])
def test_records_are_counted_alike_however_the_bytes_are_cut(quote: str | None) -> None:
    dice = random.Random(7)
    for _ in range(400):
        content = bytes(dice.choices(b'a"\n\r', (4, 1, 2, 1), k=dice.randrange(1, 90)))
        counter = Counter(quote)
        for part in re.findall(rb"[\s\S]{1,%d}" % dice.randrange(1, 20), content):
            counter.feed(part)
        assert counter.records == records_of(content, quoted=bool(quote)), content


def test_a_line_of_more_than_two_megabytes_is_refused(desk: Any) -> None:
    (desk.exports / NAME).write_bytes(HEADER + b"o1,1," + b"p" * (3 << 20) + b",2,3\n")
    (desk.exports / "events_2026-08-01T10.jsonl").write_bytes(b'{"event_id": "' + b"e" * (3 << 20) + b'"}\n')
    for source in ("shop_order_lines", "web_events"):
        assert "a line of over 2 MB" in desk.load(source).problems[0]
