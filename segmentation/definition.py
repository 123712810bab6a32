"""A segment's definition: its SQL and its sidecar, as the folder holds them or as a git revision did."""

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from warehouse.dbt import PROJECT, SEGMENTS
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


@contextmanager
def checked_out(revision: str) -> Iterator[Path]:
    """The dbt project as that revision of git had it, in a folder that goes afterwards.

    Raises:
        SmaltiError: there is no such revision, or this is no checkout.
    """
    name = f"{revision}^{{commit}}"
    commit = _git("rev-parse", "--verify", "--quiet", "--end-of-options", name).decode().strip()
    archive = _git("archive", "--format=tar", commit, PROJECT.name)
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        packed.extractall(folder, filter="data")
        yield Path(folder) / PROJECT.name


def _git(*arguments: str) -> bytes:
    ended = subprocess.run(["git", *arguments], cwd=CHECKOUT, capture_output=True, check=False)
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
