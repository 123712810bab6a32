"""A segment's definition: its SQL and its sidecar, as the folder holds them or as a git revision did."""

import io
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from warehouse import thresholds
from warehouse.dbt import PROJECT, SEGMENTS
from warehouse.errors import SmaltiError
from warehouse.settings import CHECKOUT

_THRESHOLD = re.compile(r"threshold\(\s*'([^']*)'")


@dataclass(frozen=True)
class Policy:
    """What a segment says of others: the group it stands in, its rank there, and whose people it does not take."""

    group: str | None = None
    rank: int | None = None
    excludes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Definition:
    """One segment: `sql` with its Jinja, the sidecar's `meta`, and the thresholds that segments share."""

    name: str
    sql: str
    meta: dict[str, Any] = field(default_factory=dict)
    description: str = ""
    shared: Mapping[str, Any] = field(default_factory=dict)

    @property
    def thresholds(self) -> dict[str, Any]:
        """Numbers by name: those that segments share, and over them those of the sidecar."""
        own: dict[str, Any] = self.meta.get("thresholds") or {}
        return {**self.shared, **{name: one["value"] if isinstance(one, dict) else one for name, one in own.items()}}

    @property
    def policy(self) -> Policy:
        """What it says of other segments."""
        return Policy(self.meta.get("group"), self.meta.get("rank"), tuple(sorted(self.meta.get("excludes") or [])))

    def rule(self) -> tuple[str, dict[str, Any]]:
        """What decides who fulfils it, however it is spaced."""
        used = {name: self.thresholds.get(name) for name in _THRESHOLD.findall(self.sql)}
        return " ".join(self.sql.split()), used


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
    seed = folder.resolve().parent.parent / "seeds" / thresholds.FILE.name
    shared = thresholds.values(seed if seed.is_file() else thresholds.FILE)  # a draft lies outside the project
    return _definition(name, query.read_text(), sidecar.read_text() if sidecar.is_file() else "", shared)


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


def _definition(name: str, sql: str, sidecar: str, shared: Mapping[str, Any]) -> Definition:
    try:
        model = _loaded(sidecar).get("models", [{}])[0]
        meta = dict(model.get("config", {}).get("meta", {}))
        return Definition(name, sql, meta, str(model.get("description", "")), shared)
    except (yaml.YAMLError, AttributeError, IndexError, TypeError):
        raise SmaltiError(f"{name}.yml cannot be read; allowed is what `smalti segments check` accepts") from None


@lru_cache(1024)  # a run asks for each several times; YAML is slow to read
def _loaded(sidecar: str) -> dict[str, Any]:
    return yaml.safe_load(sidecar) or {}
