"""Which delivered files may be taken: regular ones, under names that can be written down, written to their end."""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path

from warehouse.settings import Settings

WAITS = "file waits"  # begins the line of a file that is left for the next load
SIDECAR = ".manifest.json"
_ALLOWED = "allowed: regular files, no links, under printable names of UTF-8"


@dataclass(frozen=True)
class Patience:
    """How long files of a folder are waited for, in seconds, from the moment `at` (UTC, naive) at which they are seen.

    A file that changed less than `settle` ago is left alone; one with a fault that changed less than `limit` ago may
    still be on its way. Files of a folder that was named by hand are complete: neither is asked of them.
    """

    at: datetime
    settle: int = 0
    limit: int = 0

    @classmethod
    def with_drop(cls, settings: Settings, at: datetime) -> "Patience":
        """As the settings say of the drop folder."""
        return cls(at, settings.settle_seconds, settings.patience_minutes * 60)

    def age(self, path: Path) -> float:
        """Seconds since the file changed; a sender's clock may be ahead, which makes no file young for long."""
        return abs(self.at.replace(tzinfo=UTC).timestamp() - path.lstat().st_mtime)

    def has_hope(self, path: Path) -> bool:
        """Whether the rest of a file that is not whole may still come."""
        return self.age(path) < self.limit

    def unsettled(self, paths: Sequence[Path]) -> dict[Path, str]:
        """Those that may still be written to, and what to say of each."""
        said = f"it changed less than {self.settle} s ago; allowed: files left alone for so long"
        return {path: said for path in paths if self.age(path) < self.settle}


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


def sidecar(path: Path) -> Path | None:
    """The file's sidecar, where there is one; a name may be too long to have any."""
    beside = path.with_name(path.name + SIDECAR)
    try:
        return beside if beside.exists() else None
    except OSError:
        return None


def is_sidecar(path: Path) -> bool:
    """Whether it speaks of a file that stands beside it."""
    return path.name.endswith(SIDECAR) and path.with_name(path.name.removesuffix(SIDECAR)).exists()


def irregular(paths: Sequence[Path], folder: Path, source: str) -> dict[Path, str]:
    """Those that are never taken, with the problem of each: links, pipes, devices, folders."""
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
