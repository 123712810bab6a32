"""Content that is unpacked while it is read, as files: to DuckDB by a filesystem of its own, to Python as streams.

DuckDB reads a file of text once, from its beginning to its end, which is all that unpacking can offer cheaply.
"""

import io
from dataclasses import dataclass
from typing import Any, Literal

from fsspec import AbstractFileSystem

from ingestion.containers import CHUNK
from ingestion.content import Content

SCHEME = "content"


@dataclass(frozen=True)
class Packed:
    """What the file `content` comes to, of `size` bytes; as text the address under which DuckDB reads it."""

    name: str
    content: Content
    size: int

    def __str__(self) -> str:
        """Fit for SQL: a name is a digest."""
        return f"{SCHEME}://{self.name}"

    def open(self, mode: Literal["rb"] = "rb") -> io.BufferedReader:
        """As a path's `open`."""
        del mode
        return io.BufferedReader(_Stream(self.content), CHUNK)


class _Stream(io.RawIOBase):
    """The content as a file that is read from its beginning; to go back is to begin again."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._begin()

    def _begin(self) -> None:
        self._chunks, self._rest, self._position = self._content.chunks(), memoryview(b""), 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence != io.SEEK_SET:
            raise io.UnsupportedOperation
        if offset < self._position:
            self._chunks.close()
            self._begin()
        while self._position < offset and self._take(offset - self._position):
            pass
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Some of the next bytes, none at the end: DuckDB asks for 32 MB until it has them, and a chunk is enough."""
        return bytes(self._take(size)) if size >= 0 else self.readall()

    def _take(self, most: int) -> memoryview:
        """What is at hand of the next bytes."""
        while not self._rest and (chunk := next(self._chunks, None)) is not None:
            self._rest = memoryview(chunk)
        part, self._rest = self._rest[:most], self._rest[most:]
        self._position += len(part)
        return part

    def readinto(self, buffer: Any) -> int:
        part = self.read(len(buffer))
        buffer[: len(part)] = part
        return len(part)

    def close(self) -> None:
        """Close the file, too."""
        self._chunks.close()
        super().close()


class Contents(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """The filesystem of a load's packed files; of no other it says or opens anything."""

    protocol = SCHEME
    cachable = False  # or all loads of a process would share one

    def __init__(self) -> None:
        """Without any file."""
        super().__init__()
        self._packed: dict[str, Packed] = {}

    def add(self, name: str, content: Content, size: int) -> Packed:
        """Know this content by this name from now on."""
        packed = Packed(name, content, size)
        self._packed[str(packed)] = packed
        return packed

    def glob(self, path: str, **_: Any) -> list[str]:
        """The address itself, which is no pattern."""
        return [path]

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Its size."""
        return {"name": path, "size": self._packed[path].size, "type": "file"}

    def open(self, path: str, mode: str = "rb", **_: Any) -> io.RawIOBase:
        """From its beginning, for reading only."""
        if mode != "rb":
            raise io.UnsupportedOperation
        return _Stream(self._packed[path].content)
