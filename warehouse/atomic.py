"""Files and folders that appear whole or not at all, and stay after a power loss."""

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Wait until a file's bytes, or a folder's names, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def point(link: Path, target: Path) -> None:
    """Let `link` name `target`, its sibling, by one rename of a symbolic link."""
    aside = link.with_name(f".{link.name}.new")
    aside.unlink(missing_ok=True)
    aside.symlink_to(target.name)
    aside.replace(link)
    sync(link.parent)


def swap(aside: Path, path: Path) -> None:
    """Put the new file in place with the mode and time of the old one: versions are ordered by time."""
    before = path.stat()
    sync(aside)
    os.utime(aside, ns=(before.st_atime_ns, before.st_mtime_ns))
    aside.chmod(before.st_mode & 0o777)
    aside.replace(path)
    sync(path.parent)
