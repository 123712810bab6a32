"""Files that nobody should send, made by code: for each, the rows that it loads exactly, or why it is refused.

Run as a program with a folder, it loads those that want much memory and prints by how many MB it grew.
"""

import bz2
import gzip
import io
import json
import lzma
import stat
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

HEAD = b"thing_id,words\n"
GOOD = b"thing_id,words\n1,a\n2,b\n"
ROWS = [(1, "a"), (2, "b")]
MEMORY_LIMIT = "500MB"
_80_MB = 80 << 20
_50_MB = 50 << 20


@dataclass(frozen=True)
class Case:
    """A file of the source `things`: `reason` is why it is refused, `rows` are what it loads, others are rejects."""

    name: str
    content: bytes
    reason: str = ""
    rows: list[tuple[int | None, str | None]] = field(default_factory=list)
    rejects: int = 0
    format: str = "csv"
    file: str = ""
    wants_memory: bool = False


def zipped(content: bytes = GOOD, name: str = "x.csv", mode: int = 0, times: int = 1, method: int = 8) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(times):
            info = zipfile.ZipInfo("x" * number + name)
            info.external_attr = mode << 16
            archive.writestr(info, content, compress_type=method)
    return file.getvalue()


def patched(content: bytes, signature: bytes, offset: int, value: bytes) -> bytes:
    """The zip with these bytes in its last record of that signature."""
    at = content.rindex(signature) + offset
    return content[:at] + value + content[at + len(value) :]


def parquet(query: str) -> bytes:
    table = duckdb.execute(query).to_arrow_table()
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return bytes(sink.getvalue())


def zstd(content: bytes) -> bytes:
    return bytes(pa.compress(content, "zstd", asbytes=True))


CENTRAL, LOCAL = b"PK\x01\x02", b"PK\x03\x04"
ENCRYPTED = patched(patched(zipped(), CENTRAL, 8, b"\x01\x00"), LOCAL, 6, b"\x01\x00")
# a frame that asks for a window of 2 GB, with one raw block of three bytes
WIDE_WINDOW = b"\x28\xb5\x2f\xfd\x00\xa8\x19\x00\x00abc"
DEEP = 100_000

CONTAINERS = [
    Case("gzip bomb", gzip.compress(HEAD + b"\n" * _80_MB), "200 times", wants_memory=True),
    Case("gzip bomb in gzip", gzip.compress(gzip.compress(b"\n" * _80_MB)), "a container within a container"),
    Case("zstd bomb", zstd(HEAD + b"\n" * _80_MB), "200 times", wants_memory=True),
    Case("zip bomb", zipped(HEAD + b"\n" * _80_MB), "200 times", wants_memory=True),
    Case("zip in a zip", zipped(zipped()), "a container within a container"),
    Case("gzip in a zip", zipped(gzip.compress(GOOD)), "a container within a container"),
    Case("zip with a path upwards", zipped(name="../../x.csv"), "a path that leads elsewhere"),
    Case("zip with an absolute path", zipped(name="/etc/x.csv"), "a path that leads elsewhere"),
    Case("zip with a drive", zipped(name="C:\\x.csv"), "a path that leads elsewhere"),
    Case("zip with a path upwards, backwards", zipped(name="..\\x.csv"), "a path that leads elsewhere"),
    Case("zip of a link", zipped(b"/etc/passwd", mode=stat.S_IFLNK | 0o777), "zip of a folder, link or device"),
    Case("zip of a pipe", zipped(mode=stat.S_IFIFO), "zip of a folder, link or device"),
    Case("zip of a folder", zipped(b"", name="x/"), "zip of a folder, link or device"),
    Case("zip of two", zipped(times=2), "zip of 2 entries"),
    Case("zip of many", zipped(b"", times=200, name="y" * 60), "zip of 200 entries"),
    Case("zip of thousands", zipped(b"", times=3000, name="y" * 400), "zip with a large directory"),
    Case("zip of none", zipped(times=0), "zip of 0 entries"),
    Case("encrypted zip", ENCRYPTED, "encrypted zip"),
    Case("zip that states too little", patched(zipped(), CENTRAL, 24, b"\x05\x00\x00\x00"), "zip damaged"),
    Case("zip that states too much", patched(zipped(), CENTRAL, 24, b"\x00\x01\x00\x00"), "zip states another size"),
    Case("zip with another checksum", patched(zipped(), CENTRAL, 16, b"\x00\x00\x00\x00"), "zip damaged"),
    Case("zip by lzma", zipped(method=zipfile.ZIP_LZMA), "an unusual method"),
    Case("bzip2", bz2.compress(GOOD), "bzip2 is not read"),
    Case("xz", lzma.compress(GOOD), "xz is not read"),
    Case("gzip with something after it", gzip.compress(GOOD) + b"more" * 9, "damaged gzip"),
    Case("gzip of nothing", gzip.compress(b""), "header differs"),
    Case("gzip of many members", b"".join(gzip.compress(bytes([byte])) for byte in GOOD), rows=ROWS),
    Case("zstd with something after it", zstd(GOOD) + b"more", "zstd stream damaged"),
    Case("zstd with a window of 2 GB", WIDE_WINDOW, "zstd stream damaged"),
]
TEXTS = [
    Case("UTF-16 with a mark", GOOD.decode().encode("utf-16"), rows=ROWS),
    Case("UTF-16 without a mark", GOOD.decode().encode("utf-16-le"), "header"),
    Case("Latin-1", HEAD + "1,é\n".encode("latin-1"), "not UTF-8: byte 17 of"),
    Case("half a character at the end", GOOD + b"3,\xc3", "not UTF-8: byte 25 of"),
    Case("half a character in the middle", HEAD + b"1,\xc3,\n2,b\n", "not UTF-8: byte 17 of"),
    Case("a surrogate in UTF-8", HEAD + b"1,\xed\xa0\x80\n", "not UTF-8: byte 17 of"),
    Case("an overlong character", HEAD + b"1,\xc0\xaf\n", "not UTF-8: byte 17 of"),
    Case("NUL in a value", HEAD + b"1,a\0b\n2,b\n", rows=[(1, "a\0b"), (2, "b")]),
    Case("NUL in a header", b"thing_id\0,words\n1,a\n", "header"),
    Case("a formula", HEAD + b'1,"=HYPERLINK(""http://x"",""y"")"\n', rows=[(1, '=HYPERLINK("http://x","y")')]),
    Case("SQL in a value", HEAD + b"1,'); drop table delivered; --\n", rows=[(1, "'); drop table delivered; --")]),
    Case("SQL in a header", b'thing_id,"words\'); drop table delivered; --"\n1,a\n', "header differs"),
    Case("SQL and quotes in the name", GOOD, rows=ROWS, file='things\'); drop table "delivered"; --.csv'),
    Case("glob in the name", GOOD, rows=ROWS, file="things*?[a-z]{1,2}.csv"),
    Case("a name of 255 bytes", GOOD, rows=ROWS, file="things" + "x" * 245 + ".csv"),
    Case("a name with a line break", GOOD, "its path is not printable", file="things\n2 rows rejected.csv"),
    Case("a name with an escape sequence", GOOD, "its path is not printable", file="things\x1b[2J.csv"),
    Case("CR alone ends lines", GOOD.replace(b"\n", b"\r"), rows=ROWS),
    Case("line ends of three kinds", b"thing_id,words\r\n1,a\n2,b\r3,c\r\n", rows=[*ROWS, (3, "c")]),
    Case("no line end at the end", GOOD[:-1], rows=ROWS),
    Case("nothing", b"", "empty file"),
    Case("a mark alone", b"\xef\xbb\xbf", "header differs"),
    Case("a header alone", HEAD, rows=[]),
    Case("a header alone, unended", HEAD[:-1], rows=[]),
    Case("empty lines alone", b"\n\n\n", "header differs"),
    Case("millions of empty lines", GOOD + b"\n" * (20 << 20), rows=ROWS, wants_memory=True),
    Case("10,000 columns", b",".join(b"c%d" % number for number in range(10_000)) + b"\n", "header differs"),
    Case("a header that never ends", b"thing_id," + b"w" * (1 << 20), "header"),
    Case("a row of 10,000 values", GOOD + b"," * 9_999 + b"\n", rows=ROWS, rejects=1),
    Case("a line of 50 MB", GOOD + b"3," + b"x" * _50_MB + b"\n", "a line of over 2 MB", wants_memory=True),
    Case("a quote that never ends", GOOD + b'3,"' + b"x\n" * 1_000, rows=ROWS, rejects=1),
    Case("quotes in the middle", HEAD + b'1,a "b" c\n2,b\n', rows=[(1, 'a "b" c'), (2, "b")]),
    Case("number of 400 digits", HEAD + b"9" * 400 + b",a\n2,b\n", rows=[(2, "b")], rejects=1),
    Case("control characters", HEAD + b"1,\x01\x07\x1a\x1b\x7f\n", rows=[(1, "\x01\x07\x1a\x1b\x7f")]),
]
_NESTED = b'{"a":' * DEEP + b"1" + b"}" * DEEP
_OPEN = b"[" * DEEP
_TWO = b'{"thing_id": 2}\n'
JSON_TEXTS = [
    Case("a line of 50 MB of JSON", b'{"words": "' + b"x" * _50_MB + b'"}\n', "a line of over 2 MB", wants_memory=True),
    Case("nested 100,000 deep", b'{"thing_id": 1, "words": ' + _NESTED + b"}\n", rows=[(1, _NESTED.decode())]),
    Case("opened 100,000 times", b'{"thing_id": 1, "words": ' + _OPEN + b"\n" + _TWO, rows=[(2, None)], rejects=1),
    Case("a key that comes twice", b'{"thing_id": 1, "thing_id": 2, "words": "b"}\n', rows=[(1, "b")]),
    Case("NaN and Infinity", b'{"thing_id": NaN}\n{"thing_id": -Infinity}\n' + _TWO, rows=[(2, None)], rejects=2),
    Case("a JSON number of 400 digits", b'{"thing_id": ' + b"9" * 400 + b"}\n" + _TWO, rows=[(2, None)], rejects=1),
    Case("a lone surrogate", b'{"thing_id": 1, "words": "\\ud800"}\n' + _TWO, rows=[(2, None)], rejects=1),
    Case("NUL in JSON", b'{"thing_id": 1, "words": "a\\u0000b"}\n', rows=[(1, "a\0b")]),
    Case("a raw bell in JSON", b'{"thing_id": 1, "words": "a\x07b"}\n' + _TWO, rows=[(2, None)], rejects=1),
    Case(
        "formula and SQL in JSON",
        b'{"thing_id": 1, "words": "=1\'); drop table x;"}',
        rows=[(1, "=1'); drop table x;")],
    ),
]
ARRAYS = [
    Case("an array nested 100,000 deep", b'[{"thing_id": 1, "words": ' + _NESTED + b"}]", rows=[(1, _NESTED.decode())]),
    Case("an array opened 100,000 times", _OPEN, "JSON cut off"),
    Case("a record of 50 MB", b'[{"words": "' + b"x" * _50_MB + b'"}]', "a line of over 2 MB", wants_memory=True),
    Case("an array of commas", b"[" + b"," * (1 << 20) + b"]", "an empty element"),
]
PARQUETS = [
    Case("CSV by the name of Parquet", GOOD, "not a readable Parquet file", file="things.parquet"),
    Case("Parquet cut in the middle", parquet("select 1 as thing_id, 'a' as words")[:100], "not a readable Parquet"),
    Case("Parquet of marks alone", b"PAR1" * 3, "not a readable Parquet"),
    Case("Parquet whose footer states 2 GB", b"PAR1" + b"x" * 9 + b"\xff\xff\xff\x7fPAR1", "not a readable Parquet"),
    Case("Parquet with nested columns", parquet("select 1 as thing_id, ['a'] as words"), "nested columns"),
]
FORMATS = {"csv": CONTAINERS + TEXTS, "jsonl": JSON_TEXTS, "json": ARRAYS, "parquet": PARQUETS}
CORPUS = [
    Case(**{**vars(case), "format": format_, "file": case.file or f"things-{number}.x"})
    for format_, cases in FORMATS.items()
    for number, case in enumerate(cases)
]


def good(format_: str, number: int) -> bytes:
    """A file of that format with one row, which loads whatever lies beside it."""
    made = {
        "csv": HEAD + b"%d,good\n" % number,
        "jsonl": b'{"thing_id": %d, "words": "good"}\n' % number,
        "json": b'[{"thing_id": %d, "words": "good"}]' % number,
    }
    return made.get(format_) or parquet(f"select {number} as thing_id, 'good' as words")


def peak() -> int:
    """The most memory that the process has had, in MB; `ru_maxrss` would begin with what its parent had."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) >> 10


def main(folder: str) -> None:
    """Load what wants memory, and print the outcome's counts and how much memory the loads took."""
    from datetime import datetime
    from unittest import mock

    from ingestion.load import load
    from tests.ingestion.things import things
    from warehouse.settings import Settings

    told: dict[str, Any] = {}
    before = peak()
    for number, case in enumerate(case for case in CORPUS if case.wants_memory):
        place = Path(folder) / str(number)
        (place / "exports").mkdir(parents=True)
        (place / "exports" / case.file).write_bytes(case.content)
        keys = {"hmac_key": "5a" * 32, "namespace": "0d4a0f6e-7c5d-4f8c-9a53-3c6d8f5f2b11"}
        settings = Settings(home=place / "home", memory_limit=MEMORY_LIMIT, _env_file=None, **keys)  # type: ignore[arg-type, call-arg]
        with mock.patch("ingestion.load.load_source", lambda _, case=case: things(format=case.format)):
            outcome = load(settings, "things", place / "exports", "run", datetime(2026, 9, 1))
        told[case.name] = [outcome.rows_loaded, outcome.rows_rejected, outcome.files_quarantined]
    sys.stdout.write(json.dumps({"grown": peak() - before, "told": told}))


if __name__ == "__main__":
    main(sys.argv[1])
