"""A folder appears whole or not at all: files are written aside, flushed, and renamed into place."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from warehouse import atomic


def write(target: Path, files: Mapping[str, bytes]) -> None:
    """Make `target` hold exactly these files, replacing what stood there.

    A kill between the two renames leaves no folder, never half of one; the repeated step writes it.
    """
    aside, old = (target.with_name(f".{target.name}.{suffix}") for suffix in ("new", "old"))
    for leftover in (aside, old):
        shutil.rmtree(leftover, ignore_errors=True)
    aside.mkdir(parents=True)
    for name, content in files.items():
        (aside / name).write_bytes(content)
        atomic.sync(aside / name)
    if target.exists():
        target.rename(old)
    aside.rename(target)
    atomic.sync(target.parent)
    shutil.rmtree(old, ignore_errors=True)
