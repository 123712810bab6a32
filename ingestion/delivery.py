"""One delivered file, looked at before any of it is loaded: digest, plain content, header and an independent count.

DuckDB reads a gzip file cut in the middle, a swapped header or an empty file without complaint,
so each of these is checked here, in one pass over the bytes and without DuckDB.
"""

import codecs
import csv
import hashlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ingestion import json_records
from ingestion.containers import ContentError, EncodingError
from ingestion.content import Content
from ingestion.count import Counter
from ingestion.dialect import records
from ingestion.filesystem import Packed
from ingestion.ready import open_file
from ingestion.source import Source
from ingestion.unpack import HEAD, NoRoomError, Room, look, unpack
from warehouse.contracts import Contract


@dataclass(frozen=True)
class Delivery:
    """A file of a source: `file` is its path within the exports, sizes are in bytes, `records` excludes a header.

    `names` are its columns in its own order, as far as they are known before its rows are read.
    `plain` is what is read: the same file, or its content as plain UTF-8, by Python with `open`, by DuckDB under its
    text. A file with a `fault` is quarantined, one that `waits` is left for the next load.
    """

    path: Path
    file: str
    arrived_at: datetime | None
    sha256: str
    stamp: tuple[int, int, int]
    plain: Path | Packed
    encoding: str = ""
    content_bytes: int = 0
    records: int = 0
    names: tuple[str, ...] = ()
    fault: str | None = None
    waits: str | None = None

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self.stamp[0]


def stamp(path: Path) -> tuple[int, int, int]:
    """Size, time of change and inode: equal before and after reading unless someone was still writing."""
    status = path.lstat()
    return status.st_size, status.st_mtime_ns, status.st_ino


def identify(source: Source, path: Path, folder: Path) -> Delivery:
    """Digest the file; whether its content was loaded before depends on nothing else."""
    before = stamp(path)
    with open_file(path) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Delivery(path, path.relative_to(folder).as_posix(), source.arrived_at(path.name), digest, before, path)


def inspect(delivery: Delivery, contract: Contract, room: Room) -> Delivery:
    """Look through the file, fill in content size and record count, or why it is quarantined or waits."""
    if delivery.size == 0:
        return replace(delivery, fault="empty file: 0 bytes; allowed: at least a header or a record")
    try:
        if contract.format == "parquet":
            return _inspect_parquet(delivery, contract, room)
        return _inspect_text(delivery, contract, room)
    except EncodingError as error:
        return replace(delivery, fault=str(error), encoding=f"not {contract.encoding.upper()}")
    except ContentError as error:
        return replace(delivery, fault=str(error))
    except NoRoomError as error:
        return replace(delivery, waits=str(error))


def _inspect_text(delivery: Delivery, contract: Contract, room: Room) -> Delivery:
    counter = Counter(contract.quote, contract.escape) if contract.format == "csv" else Counter(None)
    form = json_records.lines if contract.format == "json" else None
    content = Content(delivery.path, room.limit, contract.encoding, form)
    looked = look(content, room, delivery.sha256, counter)
    found = replace(delivery, plain=looked.plain, encoding=looked.encoding, content_bytes=looked.size)
    if not contract.names_stand_first:
        return replace(found, records=counter.records, names=tuple(column.in_file for column in contract.delivered))
    try:
        names = header(looked.head, contract)
        _hold(names, contract, "header")
    except ContentError as error:
        return replace(found, fault=str(error))
    return replace(found, records=counter.records - 1, names=tuple(names))


def discard(deliveries: Iterable[Delivery]) -> None:
    """Remove files and links that were made to be read; the delivered ones stay."""
    for one in deliveries:
        if isinstance(one.plain, Path) and one.plain != one.path:
            one.plain.unlink(missing_ok=True)


def header(head: bytes, contract: Contract) -> list[str]:
    """The values of a text file's first record, read as the contract's format.

    Raises:
        ContentError: it cannot be read so.
    """
    try:
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(head)
        reader = records(io.StringIO(text, newline=""), contract)
        return next((line.split() for line in text.splitlines()) if contract.format == "aligned" else reader, [])
    except (UnicodeDecodeError, csv.Error):
        raise ContentError("header is not UTF-8 CSV") from None


def columns(plain: Path | Packed, contract: Contract) -> list[str]:
    """The names that a file itself gives its columns; none where its format has no header.

    Raises:
        ContentError: the file cannot be read as the contract's format.
    """
    if contract.format == "parquet":
        return list(_parquet(plain)[1].names)
    if not contract.names_stand_first:
        return []
    with plain.open("rb") as file:
        return header(file.read(HEAD), contract)


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


def _inspect_parquet(delivery: Delivery, contract: Contract, room: Room) -> Delivery:
    """The contract's names must be there, in any order, and values flat; the count is the footer's."""
    looked = look(Content(delivery.path, room.limit), room, delivery.sha256)
    plain = looked.plain
    if isinstance(plain, Packed):
        plain = unpack(plain, room.folder / delivery.sha256, room)
    found = replace(delivery, plain=plain, encoding=looked.encoding, content_bytes=looked.size * 4)
    try:
        count, schema = _parquet(plain)
        _hold(schema.names, contract, "columns")
        _check_flat(schema, contract)
    except ContentError as error:
        return replace(found, fault=str(error))
    return replace(found, records=count, names=tuple(schema.names))


def _check_flat(schema: pa.Schema, contract: Contract) -> None:
    nested = [c.in_file for c in contract.delivered if pa.types.is_nested(schema.field(c.in_file).type)]
    if nested:
        raise ContentError(f"nested columns: {', '.join(nested)}; allowed: flat ones")


def _parquet(plain: Path | Packed) -> tuple[int, pa.Schema]:
    try:
        with plain.open("rb") as file, pq.ParquetFile(file) as table:
            return table.metadata.num_rows, table.schema_arrow
    except (pa.ArrowException, OSError):
        raise ContentError("not a readable Parquet file") from None
