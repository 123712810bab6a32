"""What is in a gzip, zstd or zip file, in small chunks. A container is hostile until it was read to its end.

Sizes that it states are not believed, names in it are never used, nothing but bytes comes out.
"""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePath, PurePosixPath
from typing import BinaryIO

import pyarrow as pa
from isal import igzip_lib

CHUNK = 1 << 16  # stays in the processor's cache and below malloc's threshold for mmap: four times as fast as 1 MB
SUFFIXES = {".gz": "gzip", ".zst": "zstd", ".zip": "zip"}
_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    **{bytes([0x50 + number]) + b"\x2a\x4d\x18": "zstd" for number in range(16)},  # a frame to be skipped
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",  # without a file
    b"PK\x07\x08": "zip",  # in parts
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "rar",
}
MAGIC_BYTES = max(len(magic) for magic in _MAGIC)
_DIRECTORY = 1 << 20  # bytes of a zip's directory; one entry is allowed
_BAD_ZIP = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError),
    *(NotImplementedError, RuntimeError, ValueError, OverflowError),
)


class ContentError(ValueError):
    """The file as a whole cannot be loaded; the message is ours and quotes nothing of it."""


class EncodingError(ContentError):
    """The text is in another encoding than the contract says."""


def kind(head: bytes) -> str | None:
    """The container that begins with these bytes."""
    return next((name for magic, name in _MAGIC.items() if head.startswith(magic)), None)


def bare(name: str) -> str:
    """The file's name without the suffix of a container."""
    return name.removesuffix(PurePath(name).suffix) if PurePath(name).suffix in SUFFIXES else name


def content(file: BinaryIO, name: str) -> tuple[str | None, Iterator[bytes]]:
    """The container, and what it holds in chunks of at most 64 KB; where `name` says which it is, it must be right.

    Raises:
        ContentError: the container is damaged, of another kind than its name says, or of one that is not read.
    """
    found, said = kind(file.read(MAGIC_BYTES)), SUFFIXES.get(PurePath(name).suffix)
    file.seek(0)
    if said and found != said:
        raise ContentError(f"the name says {said}, the content is {found or 'plain'}; allowed: names that are right")
    if found not in (None, *_READERS):
        raise ContentError(f"{found} is not read; allowed: plain files, gzip, zstd and zip")
    return found, _READERS[found](file) if found else iter(lambda: file.read(CHUNK), b"")


def no_other(head: bytes) -> None:
    """Refuse a container within another.

    Raises:
        ContentError: these first bytes of content begin one.
    """
    if kind(head):
        raise ContentError("a container within a container; allowed: one of gzip, zstd, zip")


def _gzip(file: BinaryIO) -> Iterator[bytes]:
    """Members may follow each other; checksums and lengths are held against the content."""
    inflate, pending = _member(), file.read(CHUNK)
    try:
        while True:
            yield inflate.decompress(pending, CHUNK)
            if inflate.eof:
                pending = inflate.unused_data or file.read(CHUNK)
                if not pending:
                    return
                inflate = _member()
            elif inflate.needs_input:
                pending = file.read(CHUNK)
                if not pending:
                    break
            else:
                pending = b""
    except igzip_lib.IsalError:  # type: ignore[misc]  # the stub forgets that it is a class
        raise ContentError("damaged gzip stream; allowed: complete gzip members") from None
    raise ContentError("gzip stream cut off; allowed: complete gzip members")


def _member() -> igzip_lib.IgzipDecompressor:
    return igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)


def _zstd(file: BinaryIO) -> Iterator[bytes]:
    """Frames may follow each other; a frame that asks for more than 128 MB of memory is refused by the library."""
    try:
        with pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd") as stream:
            yield from iter(lambda: stream.read(CHUNK), b"")
    except OSError as error:
        if error.errno:
            raise
        raise ContentError("zstd stream damaged or cut off; allowed: complete zstd frames") from None


class _Bounded:
    """A file of which no large piece is read at once, as a zip's directory may be."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.tell, self.seekable = file.tell, file.seekable

    def seek(self, offset: int, whence: int = 0) -> int:
        """To where the zip says that something is, which may be nowhere."""
        if offset < 0 and whence == 0:
            raise zipfile.BadZipFile
        return self._file.seek(offset, whence)

    def read(self, size: int = -1) -> bytes:
        if size > _DIRECTORY:
            raise ContentError("zip with a large directory; allowed: exactly one file in a zip")
        return self._file.read(size)


def _zip(file: BinaryIO) -> Iterator[bytes]:
    size = 0
    try:
        with zipfile.ZipFile(_Bounded(file)) as archive:  # all that ZipFile asks for
            only = _only(archive.infolist())
            with archive.open(only) as stream:
                while chunk := stream.read(CHUNK):
                    size += len(chunk)
                    yield chunk
    except ContentError:
        raise
    except _BAD_ZIP:
        raise ContentError("zip damaged or cut off; allowed: a complete zip of one file") from None
    if size != only.file_size:
        raise ContentError("zip states another size than its content has; allowed: a complete zip of one file")


def _only(entries: list[zipfile.ZipInfo]) -> zipfile.ZipInfo:
    """The one entry of a zip, which must be a regular file, in the clear, with a name that stays in its folder."""
    if len(entries) != 1:
        raise ContentError(f"zip of {len(entries)} entries; allowed: exactly one file in a zip")
    one = entries[0]
    name = PurePosixPath(one.orig_filename.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts or ":" in one.orig_filename:
        raise ContentError("zip with a path that leads elsewhere; allowed: a name within the zip")
    if one.is_dir() or stat.S_IFMT(one.external_attr >> 16) not in (0, stat.S_IFREG):
        raise ContentError("zip of a folder, link or device; allowed: exactly one regular file in a zip")
    if one.flag_bits & 0x1:
        raise ContentError("encrypted zip; allowed: a zip without a password")
    if one.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ContentError("zip of an unusual method; allowed: stored and deflated")
    return one


_READERS = {"gzip": _gzip, "zstd": _zstd, "zip": _zip}
