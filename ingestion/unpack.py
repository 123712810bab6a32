"""A delivered file gone through once, before any of it is loaded: size, first bytes and an independent count.

Text is then read where it lies, or unpacked while it is read; only Parquet, which is read back and forth, is unpacked
to the disk.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingestion.containers import ContentError
from ingestion.content import Content
from ingestion.count import Counter
from ingestion.filesystem import Contents, Packed
from warehouse.settings import Settings

HEAD = 1 << 16  # bytes in which the header must end
_LINE = 2 << 20  # bytes of a line, as DuckDB has it
_RESERVE = 1 << 30  # bytes of the disk that unpacking leaves free
_ASKED_EVERY = 64 << 20  # bytes between two looks at the disk
_GLOB = frozenset("*?[")  # in a path, DuckDB would take them for a pattern


class NoRoomError(Exception):
    """The disk is too full to unpack the file, which is no fault of the file's: it waits."""


@dataclass(frozen=True)
class Room:
    """Where files are unpacked, in a folder or while they are read, and how large the content of one may be, in bytes.

    The folder is within a private one, and gone with it.
    """

    folder: Path
    limit: int
    contents: Contents

    @classmethod
    def of(cls, settings: Settings, work: Path, contents: Contents) -> "Room":
        """A folder of its own in `work`."""
        folder = work / "plain"
        folder.mkdir(exist_ok=True)
        return cls(folder, settings.content_limit_bytes, contents)

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
class Looked:
    """What is read afterwards, its size in bytes and its first bytes; `encoding` is that of the text as delivered."""

    plain: Path | Packed
    size: int
    head: bytes
    encoding: str


def look(content: Content, room: Room, name: str, counter: Counter | None = None) -> Looked:
    """Go through the content and count its records; what is not plain UTF-8 where it lies is `room`'s under `name`.

    Raises:
        ContentError: container or text is damaged, hostile, too large or in another encoding.
    """
    with content.opened() as opened:
        size, head = _counted(opened.chunks, counter)
    link = room.folder / name
    plain = _readable(content.path, link) if opened.is_plain else room.contents.add(name, content, size)
    return Looked(plain, size, head, opened.encoding)


def _counted(chunks: Iterator[bytes], counter: Counter | None) -> tuple[int, bytes]:
    """Count the chunks; their size and head."""
    size, head = 0, b""
    for chunk in chunks:
        head = head if len(head) >= HEAD else head + chunk[: HEAD - len(head)]
        if counter:
            counter.feed(chunk)
            if counter.open_bytes > _LINE:
                raise ContentError(f"a line of over {_LINE >> 20} MB; allowed: shorter ones")
        size += len(chunk)
    return size, head


def unpack(packed: Packed, target: Path, room: Room) -> Path:
    """Write the content to `target`, which is there whole or not at all.

    Raises:
        ContentError: the file is not any more what it was when it was looked at.
        NoRoomError: the disk is too full.
    """
    size, asked = 0, -_ASKED_EVERY
    try:
        with target.open("wb") as file:
            for chunk in packed.content.chunks():
                if size >= asked + _ASKED_EVERY:
                    room.check()
                    asked = size
                file.write(chunk)
                size += len(chunk)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return target


def _readable(path: Path, link: Path) -> Path:
    """The path, or a link to it where DuckDB would take its name for a pattern."""
    if _GLOB.isdisjoint(str(path)):
        return path
    link.unlink(missing_ok=True)
    link.symlink_to(path)
    return link
