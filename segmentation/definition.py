"""A segment's definition: its SQL and its sidecar, as the folder holds them or as a git revision did."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from warehouse.dbt import SEGMENTS
from warehouse.errors import SmaltiError
from warehouse.settings import CHECKOUT


@dataclass(frozen=True)
class Definition:
    """One segment: `sql` with its Jinja, `thresholds` by name, and the sidecar's `meta`."""

    name: str
    sql: str
    meta: dict[str, Any] = field(default_factory=dict)
    description: str = ""

    @property
    def thresholds(self) -> dict[str, Any]:
        """The sidecar's thresholds by name."""
        found: dict[str, Any] = self.meta.get("thresholds") or {}
        return found

    def rule(self) -> tuple[str, dict[str, Any]]:
        """What decides who is in it, however it is spaced."""
        return " ".join(self.sql.split()), self.thresholds


class UnknownSegment(SmaltiError):
    """There is no such segment."""


def read(name: str, folder: Path = SEGMENTS) -> Definition:
    """The definition that the folder holds.

    Raises:
        UnknownSegment: there is no such file.
        SmaltiError: its sidecar is no YAML, or has not the form of one.
    """
    query, sidecar = folder / f"{name}.sql", folder / f"{name}.yml"
    if not query.is_file():
        known = ", ".join(sorted(path.stem for path in folder.glob("*.sql"))) or "none"
        raise UnknownSegment(f"no segment {name!r} in {folder.name}; there are: {known}")
    return _definition(name, query.read_text(), sidecar.read_text() if sidecar.is_file() else "")


def read_all(folder: Path = SEGMENTS) -> dict[str, Definition]:
    """Every definition of the folder, by name."""
    return {path.stem: read(path.stem, folder) for path in sorted(folder.glob("*.sql"))}


def read_revision(revision: str, folder: Path = SEGMENTS) -> dict[str, Definition]:
    """Every definition as that revision of git had it, by name.

    Raises:
        SmaltiError: there is no such revision, or this is no checkout.
    """
    place = folder.relative_to(CHECKOUT)
    commit = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").strip()
    names = _git("ls-tree", "--name-only", commit, f"{place}/").split()
    texts = {Path(name).name: _git("show", f"{commit}:{name}") for name in names}
    return dict(_pairs(texts))


def _pairs(texts: dict[str, str]) -> Iterator[tuple[str, Definition]]:
    for name, text in sorted(texts.items()):
        if name.endswith(".sql"):
            stem = name.removesuffix(".sql")
            yield stem, _definition(stem, text, texts.get(f"{stem}.yml", ""))


def _git(*arguments: str) -> str:
    ended = subprocess.run(["git", *arguments], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SmaltiError(f"git {arguments[0]} found nothing; allowed is a revision of this checkout, as HEAD or main")
    return ended.stdout


def _definition(name: str, sql: str, sidecar: str) -> Definition:
    try:
        models = (yaml.safe_load(sidecar) or {}).get("models", [{}])
        model = models[0]
        return Definition(name, sql, dict(model.get("config", {}).get("meta", {})), str(model.get("description", "")))
    except (yaml.YAMLError, AttributeError, IndexError, TypeError):
        raise SmaltiError(f"{name}.yml cannot be read; allowed is what `smalti segments check` accepts") from None
