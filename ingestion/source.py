"""What a source is: a contract and the names its files have. Being a file in `sources/` is what makes one known."""

import importlib
import os
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from ingestion import sources
from ingestion.containers import bare
from ingestion.ready import is_sidecar
from warehouse.contracts import Contract
from warehouse.errors import SmaltiError

_NOT_EXPORTS = {"done", "quarantine"}  # where loading puts files of the drop folder afterwards


class UnknownSourceError(SmaltiError):
    """No file in `sources/` has this name."""


@dataclass(frozen=True)
class Source:
    """Where one kind of export is and what it promises.

    `pattern` must match a file's whole name, or what a container's suffix leaves of it. With
    `arrival="file_name"` it has a group `arrived`: a date (known at the end of that day) or a date and hour
    `2026-08-31T13` (at the end of that hour).
    """

    contract: Contract
    pattern: re.Pattern[str]

    def __post_init__(self) -> None:
        """Refuse a pattern that cannot say when a file arrived.

        Raises:
            ValueError: the contract takes arrival from the file name and the pattern has no group for it.
        """
        if self.contract.arrival == "file_name" and "arrived" not in self.pattern.groupindex:
            raise ValueError(f"{self.contract.source}: arrival by file name needs a group `arrived` in the pattern")

    def claims(self, name: str) -> bool:
        """Whether a file of that name belongs to this source; a name with an impossible date does not."""
        try:
            self.arrived_at(name)
        except ValueError:
            return False
        return True

    def arrived_at(self, name: str) -> datetime | None:
        """When the rows of the file of that name became known (UTC, naive); None where the name does not say.

        Raises:
            ValueError: the name is not one of this source's, or its date does not exist.
        """
        match = self.pattern.fullmatch(name) or self.pattern.fullmatch(bare(name))
        if match is None:
            raise ValueError(f"{self.contract.source}: not a file name of this source; allowed: {self.pattern.pattern}")
        if self.contract.arrival != "file_name":
            return None
        text = match["arrived"]
        if "T" in text:
            return datetime.strptime(text, "%Y-%m-%dT%H") + timedelta(hours=1)  # noqa: DTZ007  # naive means UTC
        return datetime.strptime(text, "%Y-%m-%d") + timedelta(days=1)  # noqa: DTZ007


def names() -> list[str]:
    """The names of all sources, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(sources.__path__))


def load_source(name: str) -> Source:
    """The source of that name.

    Raises:
        UnknownSourceError: there is none; the message lists those there are.
    """
    if name not in names():
        raise UnknownSourceError(f"no source {name!r}; there are: {', '.join(names())}")
    found = importlib.import_module(f"{sources.__name__}.{name}").SOURCE
    if not isinstance(found, Source) or found.contract.source != name:
        raise TypeError(f"ingestion/sources/{name}.py: `SOURCE` must be a Source whose contract is named {name!r}")
    return found


def claiming(name: str) -> list[str]:
    """The sources that claim a file of that name; more than one is a mistake of theirs."""
    return [source for source in names() if load_source(source).claims(name)]


def files(source: Source, folder: Path) -> list[Path]:
    """The source's files in `folder` at any depth, in the order they became known, then by name.

    A folder with the name of one is among them, so that it is told of rather than passed over.
    """
    claimed = [path for path in _exports(folder, folders_too=True) if source.claims(path.name)]
    return sorted(claimed, key=lambda path: (str(source.arrived_at(path.name) or ""), path.name, path))


def delivering(folder: Path) -> list[str]:
    """The sources that have a file in `folder`, in their order."""
    found = {path.name for path in _exports(folder, folders_too=True)}
    return [name for name in names() if any(map(load_source(name).claims, found))]


def unmatched(folder: Path) -> list[Path]:
    """Files that no source claims, sorted: the caller reports them, so that none is ignored silently."""
    known = [load_source(name) for name in names()]
    return sorted(path for path in _exports(folder) if not any(source.claims(path.name) for source in known))


def _exports(folder: Path, *, folders_too: bool = False) -> Iterator[Path]:
    """All files but hidden ones (uploads in progress), sidecars, and those in folders `_*`, `done`, `quarantine`."""
    for parent, folders, found in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(("_", ".")) and name not in _NOT_EXPORTS]
        yield from (path for name in found if not is_sidecar(path := Path(parent) / name) and not name.startswith("."))
        yield from (Path(parent) / name for name in folders if folders_too)
