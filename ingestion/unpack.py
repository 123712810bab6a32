"""A delivered file as one plain file of UTF-8: out of its container and its encoding, counted, in one pass.

What reads it afterwards needs to know of neither; a file that is plain UTF-8 already is not copied.
"""

import codecs
import shutil
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from ingestion.containers import MAGIC_BYTES, ContentError, EncodingError, content, no_other
from ingestion.count import Counter
from ingestion.ready import open_file
from warehouse.settings import Settings

HEAD = 1 << 16  # bytes in which the header must end
_LINE = 2 << 20  # bytes of a line, as DuckDB has it
_BOMB = (64 << 20, 200)  # more content than this, in bytes, may be at most so many times the file's size
_RESERVE = 1 << 30  # bytes of the disk that unpacking leaves free
_ASKED_EVERY = 64 << 20  # bytes between two looks at the disk
_GLOB = frozenset("*?[")  # in a path, DuckDB would take them for a pattern
_MARKS = {  # longest first: the mark of UTF-32 begins with that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}


Form = Callable[[Iterator[bytes]], Iterator[bytes]]


class NoRoomError(Exception):
    """The disk is too full to unpack the file, which is no fault of the file's: it waits."""


@dataclass(frozen=True)
class Room:
    """Where plain files are written, and how large the content of one may be, in bytes."""

    folder: Path
    limit: int

    @classmethod
    def of(cls, settings: Settings, work: Path) -> "Room":
        """A folder within a private one, and gone with it."""
        folder = work / "plain"
        folder.mkdir(exist_ok=True)
        return cls(folder, settings.content_limit_bytes)

    def check(self) -> None:
        """Leave a reserve of the disk to everything else.

        Raises:
            NoRoomError: less is free.
        """
        if shutil.disk_usage(self.folder).free < _RESERVE:
            raise NoRoomError(
                f"less than {_RESERVE >> 30} GB of disk is free, the file waits; allowed: room to unpack it"
            )


@dataclass(frozen=True)
class Plain:
    """The plain file, its size in bytes and its first bytes; `encoding` is that of the text as delivered."""

    path: Path
    size: int
    head: bytes
    encoding: str


def unpack(
    path: Path, room: Room, name: str, encoding: str | None, counter: Counter | None, form: Form | None = None
) -> Plain:
    """The file as plain UTF-8, in `room` under `name` unless it is so where it lies; binary without an `encoding`.

    A `form` makes other text of it, as lines of JSON.

    Raises:
        ContentError: container or text is damaged, hostile, too large or in another encoding.
        NoRoomError: the disk is too full.
    """
    target = room.folder / name
    try:
        with open_file(path) as file:
            container, chunks = content(file, path.name)
            chunks = _within(chunks, path.lstat().st_size, room.limit)
            start = _start(chunks)
            if container:
                no_other(start)
            mark, marked = next(((mark, own) for mark, own in _MARKS.items() if start.startswith(mark)), (b"", None))
            mark, marked = (mark, marked) if encoding else (b"", None)
            rest, own = chain([start[len(mark) :]], chunks), marked or encoding
            text = _utf8(rest, own, len(mark)) if own else rest
            text = form(text) if form else text
            is_plain = not container and not mark and not form and (own is None or _is_utf8(own))
            size, head = _write(text, None if is_plain else target, room, counter)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return Plain(_readable(path, target) if is_plain else target, size, head, _told(own, mark))


def _start(chunks: Iterator[bytes]) -> bytes:
    """The first bytes, as many as a mark or a container's needs; members of a gzip file may be shorter."""
    start = b""
    while len(start) < MAGIC_BYTES and (chunk := next(chunks, None)) is not None:
        start += chunk
    return start


def _within(chunks: Iterator[bytes], packed: int, limit: int) -> Iterator[bytes]:
    """The same chunks, until there are too many of them."""
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > _BOMB[0] and size > _BOMB[1] * packed:
            raise ContentError(f"decompresses to over {_BOMB[1]} times its size, which is the limit")
        if size > limit:
            raise ContentError(f"content of over {limit >> 20} MB; allowed: as SMALTI_CONTENT_LIMIT says")
        yield chunk


def _utf8(chunks: Iterator[bytes], encoding: str, done: int) -> Iterator[bytes]:
    """The same text in UTF-8; `done` bytes came before.

    Raises:
        ContentError: it is not text of this encoding; the place is that of the first byte that is not, from 0.
    """
    decoder, as_it_is = codecs.getincrementaldecoder(encoding)(), _is_utf8(encoding)
    pending = 0
    try:
        for chunk in chunks:
            if as_it_is and not pending and chunk.isascii():
                yield chunk
            else:
                text = decoder.decode(chunk)
                yield chunk if as_it_is else text.encode()
                pending = len(decoder.getstate()[0])
            done += len(chunk)
        yield decoder.decode(b"", final=True).encode()
    except UnicodeDecodeError as error:
        place = done - pending + error.start
    except UnicodeError:
        place = done
    else:
        return
    # out here, so that no traceback carries the text
    raise EncodingError(
        f"not {encoding.upper()}: byte {place} of the content is none of it; allowed: text of it, "
        "or the contract's `encoding`"
    )


def _is_utf8(encoding: str) -> bool:
    return codecs.lookup(encoding).name == "utf-8"


def _write(chunks: Iterator[bytes], target: Path | None, room: Room, counter: Counter | None) -> tuple[int, bytes]:
    """Write and count the chunks; their size and head."""
    size, asked, head = 0, -_ASKED_EVERY, b""
    with target.open("wb") if target else nullcontext() as file:
        for chunk in chunks:
            head = head if len(head) >= HEAD else head + chunk[: HEAD - len(head)]
            if counter:
                counter.feed(chunk)
                if counter.open_bytes > _LINE:
                    raise ContentError(f"a line of over {_LINE >> 20} MB; allowed: shorter ones")
            if file:
                if size >= asked + _ASKED_EVERY:
                    room.check()
                    asked = size
                file.write(chunk)
            size += len(chunk)
    return size, head


def _readable(path: Path, link: Path) -> Path:
    """The path, or a link to it where DuckDB would take its name for a pattern."""
    if _GLOB.isdisjoint(str(path)):
        return path
    link.unlink(missing_ok=True)
    link.symlink_to(path)
    return link


def _told(encoding: str | None, mark: bytes) -> str:
    if encoding is None:
        return "binary"
    return encoding.upper() + " with byte order mark" * bool(mark)
