"""What a delivered file holds as plain UTF-8: out of its container and its encoding, in chunks while it is read.

What reads it needs to know of neither. No copy of it is written: in a large file that costs more than to unpack it
twice.
"""

import codecs
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from ingestion.containers import MAGIC_BYTES, ContentError, EncodingError, content, no_other
from ingestion.ready import open_file

_BOMB = (64 << 20, 200)  # more content than this, in bytes, may be at most so many times the file's size
_MARKS = {  # longest first: the mark of UTF-32 begins with that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}


Form = Callable[[Iterator[bytes]], Iterator[bytes]]


@dataclass(frozen=True)
class Opened:
    """The content in chunks, and whether the file is the same bytes; `encoding` is that of the text as delivered."""

    chunks: Iterator[bytes]
    is_plain: bool
    encoding: str


@dataclass(frozen=True)
class Content:
    """A file, how many bytes it may hold, and the encoding of its text; binary without one.

    A `form` makes other text of it, as lines of JSON.
    """

    path: Path
    limit: int
    encoding: str | None = None
    form: Form | None = None

    @contextmanager
    def opened(self) -> Iterator[Opened]:
        """The content from its beginning; `ContentError` may come with any chunk.

        Raises:
            ContentError: container or text is damaged, hostile, too large or in another encoding.
        """
        with open_file(self.path) as file:
            container, chunks = content(file, self.path.name)
            chunks = _within(chunks, self.path.lstat().st_size, self.limit)
            start = _start(chunks)
            if container:
                no_other(start)
            mark, marked = next(((mark, own) for mark, own in _MARKS.items() if start.startswith(mark)), (b"", None))
            mark, marked = (mark, marked) if self.encoding else (b"", None)
            rest, own = chain([start[len(mark) :]], chunks), marked or self.encoding
            text = _utf8(rest, own, len(mark)) if own else rest
            text = self.form(text) if self.form else text
            is_plain = not container and not mark and not self.form and (own is None or _is_utf8(own))
            yield Opened(text, is_plain, _told(own, mark))

    def chunks(self) -> Generator[bytes, None, None]:
        """The content from its beginning; the file is closed at its end, or with the generator."""
        with self.opened() as opened:
            yield from opened.chunks


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


def _told(encoding: str | None, mark: bytes) -> str:
    if encoding is None:
        return "binary"
    return encoding.upper() + " with byte order mark" * bool(mark)
