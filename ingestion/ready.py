"""Which delivered files may be taken: regular ones within the folder, under names that can be written down."""

import os
import stat
from collections.abc import Sequence
from io import BufferedReader
from pathlib import Path

_ALLOWED = "allowed: regular files, no links, under printable names of UTF-8"


def open_file(path: Path) -> BufferedReader:
    """The regular file for reading; neither a link nor a pipe that takes its place meanwhile is followed or waited for.

    Raises:
        OSError: it is none, or not there.
    """
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError("not a regular file")
    return file


def irregular(paths: Sequence[Path], folder: Path, source: str) -> dict[Path, str]:
    """Those that are not taken, with the problem of each: links, pipes, devices, folders."""
    return {
        path: f"file refused · {source}, {shown(path, folder)} · {what}; {_ALLOWED}"
        for path in paths
        if (what := _oddity(path, folder))
    }


def _oddity(path: Path, folder: Path) -> str | None:
    mode = path.lstat().st_mode
    kinds = {stat.S_IFLNK: "a link", stat.S_IFIFO: "a pipe", stat.S_IFDIR: "a folder with a file's name"}
    if not stat.S_ISREG(mode):
        return kinds.get(stat.S_IFMT(mode), "no regular file")
    return None if str(path.relative_to(folder)).isprintable() else "its path is not printable"


def shown(path: Path, folder: Path) -> str:
    """The path within the folder with `?` for what would break a line or cannot be written."""
    return "".join(one if one.isprintable() else "?" for one in path.relative_to(folder).as_posix())
