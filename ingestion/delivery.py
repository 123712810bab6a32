"""One delivered file, looked at before any of it is loaded: digest, container, header and an independent count.

DuckDB reads a gzip file cut in the middle, a swapped header or an empty file without complaint,
so each of these is checked here, in one pass over the bytes and without DuckDB.
"""

import codecs
import csv
import hashlib
import io
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.source import Source
from warehouse.contracts import Contract

_CHUNK = 1 << 20
_LINE_FEED, _RETURN, _QUOTE = b'\n\r"'
_HEAD = 1 << 16  # bytes in which the header must end
_BOMB = (64 << 20, 200)  # more content than this, in bytes, may be at most so many times the file's size


class ContentError(ValueError):
    """The file as a whole cannot be loaded; the message is ours and quotes nothing of it."""


@dataclass(frozen=True)
class Delivery:
    """A file of a source: `file` is its path within the exports, sizes are in bytes, `records` excludes a header.

    `names` are its columns in its own order, as far as they are known before its rows are read.
    """

    path: Path
    file: str
    arrived_at: datetime | None
    sha256: str
    stamp: tuple[int, int, int]
    content_bytes: int = 0
    records: int = 0
    names: tuple[str, ...] = ()
    fault: str | None = None

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self.stamp[0]


def stamp(path: Path) -> tuple[int, int, int]:
    """Size, time of change and inode: equal before and after reading unless someone was still writing."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ino


def identify(source: Source, path: Path, folder: Path) -> Delivery:
    """Digest the file; whether its content was loaded before depends on nothing else."""
    before = stamp(path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Delivery(path, path.relative_to(folder).as_posix(), source.arrived_at(path.name), digest, before)


def inspect(delivery: Delivery, contract: Contract) -> Delivery:
    """Fill in content size and record count, or the fault for which the file must be quarantined."""
    if delivery.size == 0:
        return replace(delivery, fault="empty file: 0 bytes; allowed: at least a header or a record")
    try:
        if contract.format == "parquet":
            return _inspect_parquet(delivery, contract)
        return _inspect_text(delivery, contract)
    except ContentError as error:
        return replace(delivery, fault=str(error))


def _inspect_text(delivery: Delivery, contract: Contract) -> Delivery:
    head, size, counter = b"", 0, _Counter(quoted=contract.format == "csv")
    for chunk in content(delivery.path):
        head = head if len(head) >= _HEAD else head + chunk[: _HEAD - len(head)]
        size += len(chunk)
        if size > _BOMB[0] and size > _BOMB[1] * delivery.size:
            raise ContentError(f"decompresses to over {_BOMB[1]} times its size, which is the limit")
        counter.feed(chunk)
    if contract.format == "jsonl":
        return replace(delivery, content_bytes=size, records=counter.records)
    names = header(head, contract)
    _hold(names, contract, "header")
    return replace(delivery, content_bytes=size, records=counter.records - 1, names=tuple(names))


def content(path: Path) -> Iterator[bytes]:
    """The file's bytes in chunks, decompressed where its name ends in .gz (several members may follow each other)."""
    with path.open("rb") as file:
        if path.suffix != ".gz":
            yield from iter(lambda: file.read(_CHUNK), b"")
            return
        inflate, pending = zlib.decompressobj(31), b""
        try:
            while pending or (pending := file.read(_CHUNK)):
                if inflate.eof:
                    inflate = zlib.decompressobj(31)
                yield inflate.decompress(pending, _CHUNK)
                pending = inflate.unused_data if inflate.eof else inflate.unconsumed_tail
            while not inflate.eof and (rest := inflate.decompress(b"", _CHUNK)):
                yield rest
        except zlib.error:
            raise ContentError("damaged gzip stream; allowed: complete gzip members") from None
        if not inflate.eof:
            raise ContentError("gzip stream cut off; allowed: complete gzip members")


class _Counter:
    """Counts non-empty lines, in CSV non-empty records: a line break between quotes ends none.

    The quote's parity decides, which is exact for RFC 4180; where a quote stands inside an unquoted
    value it is not, the count then disagrees with DuckDB's, and the file is read record by record.
    """

    def __init__(self, *, quoted: bool) -> None:
        self.records = 0
        self._quoted, self._inside, self._ended = quoted, 0, True

    def feed(self, chunk: bytes) -> None:
        if not chunk:
            return
        byte = np.frombuffer(chunk, dtype=np.uint8)
        ends = (byte == _LINE_FEED) | (byte == _RETURN)
        if self._quoted and (self._inside or b'"' in chunk):
            inside = (np.cumsum(byte == _QUOTE) + self._inside) & 1
            ends &= inside == 0
            self._inside = int(inside[-1])
        begins = ~ends
        begins[0] &= self._ended
        begins[1:] &= ends[:-1]
        self.records += int(np.count_nonzero(begins))
        self._ended = bool(ends[-1])


def header(head: bytes, contract: Contract) -> list[str]:
    """The values of a text file's first record, read as the contract's format.

    Raises:
        ContentError: it cannot be read so.
    """
    try:
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(head)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=contract.delimiter, strict=True)
        return next((line.split() for line in text.splitlines()) if contract.format == "aligned" else reader, [])
    except (UnicodeDecodeError, csv.Error):
        raise ContentError("header is not UTF-8 CSV") from None


def columns(path: Path, contract: Contract) -> list[str]:
    """The names that the file itself gives its columns; none where its format has no header.

    Raises:
        ContentError: the file cannot be read as the contract's format.
    """
    if contract.format == "parquet":
        return list(_parquet(path)[1].names)
    if contract.format == "jsonl":
        return []
    return header(next(content(path), b"")[:_HEAD], contract)


def _hold(found: Sequence[str], contract: Contract, what: str) -> None:
    """Refuse names that lack one of the contract's, or have it twice or elsewhere; what stands there is never quoted.

    Names that the contract has not may stand anywhere. The order of Parquet's columns says nothing.
    """
    expected = [column.in_file for column in contract.delivered]
    named = [name for name in found if name in expected]
    in_order = sorted(named) == sorted(expected) if what == "columns" else named == expected
    if in_order and (len(found) == len(expected) or (contract.others != "refuse" and contract.format != "aligned")):
        return
    missing = [name for name in expected if name not in found]
    extra = len(found) - len(named)
    parts = [f"missing: {', '.join(missing)}"] * bool(missing) + [f"{extra} unexpected"] * bool(extra)
    parts = parts or ["order or repeats"]
    raise ContentError(f"{what} differs ({'; '.join(parts)}); allowed: {', '.join(expected)}")


def others(delivery: Delivery, contract: Contract) -> tuple[str, ...]:
    """The file's columns that the contract has not and that are kept beside its own, each once."""
    if contract.others == "leave":
        return ()
    known = {column.in_file for column in contract.delivered}
    return tuple(dict.fromkeys(name for name in delivery.names if name not in known))


def _inspect_parquet(delivery: Delivery, contract: Contract) -> Delivery:
    """The contract's names must be there, in any order, and values flat; the count is the footer's."""
    records, schema = _parquet(delivery.path)
    _hold(schema.names, contract, "columns")
    nested = [c.in_file for c in contract.delivered if pa.types.is_nested(schema.field(c.in_file).type)]
    if nested:
        raise ContentError(f"nested columns: {', '.join(nested)}; allowed: flat ones")
    return replace(delivery, content_bytes=delivery.size * 4, records=records, names=tuple(schema.names))


def _parquet(path: Path) -> tuple[int, pa.Schema]:
    try:
        with pq.ParquetFile(path) as file:
            return file.metadata.num_rows, file.schema_arrow
    except (pa.ArrowException, OSError):
        raise ContentError("not a readable Parquet file") from None
