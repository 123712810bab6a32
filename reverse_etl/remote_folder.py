"""A folder on another machine that packages are put into: a folder a plan, and `latest.json`, which names the newest.

Places differ in how one file gets there, and in nothing else. A plan's files are put first, its manifest after them,
`latest.json` last, each whole or not at all: whoever follows `latest.json` reads one whole plan or the next. What
stands there already is compared, never overwritten, so that a plan that is put again is put once.
"""

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any, Protocol

from reverse_etl.destination import Package, Refused, Sent
from reverse_etl.package_files import KEPT_PLANS, MANIFEST, accept_all
from warehouse import settings

LATEST = "latest.json"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PLAN = re.compile(r"[0-9a-f]{16}")
_OF_THE_VERSION = ("version", "as_of")  # a plan that is put again may come from a later version that says the same


class Place(Protocol):
    """Where the folder is, and how a file gets there in one step."""

    @property
    def root(self) -> str:
        """The folder, as `files` names it."""

    @property
    def files(self) -> Any:
        """The fsspec file system."""

    def put(self, source: Path, path: str) -> None:
        """Let the bytes of `source` stand at `path`, all or none.

        Raises:
            FileExistsError: something stands there; it is as it was.
        """

    def replace(self, path: str, content: bytes) -> None:
        """Let `content` stand at `path`; a reader meets what stood there before, or all of this."""


def send(place: Place, package: Package, folder: Path) -> Sent:
    """Put what was rendered into `folder` under the plan's id, then name it the latest; every person is accepted.

    Raises:
        Refused: the plan stands there with other content.
    """
    plan = f"{place.root}/{package.plan_id}"
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    for name in (*(name for name in names if name != MANIFEST), MANIFEST):
        _put(place, folder / name, f"{plan}/{name}")
    _prune(place, _point(place, package.plan_id))
    shutil.rmtree(folder)
    return Sent(receipts=accept_all(package))


def allow(host: str) -> None:
    """Hold a host against the settings before it is called; one in our own network is allowed where it is named.

    Raises:
        Refused: the settings do not name it.
    """
    config = settings.load()
    named = [one for one in config.allowed_hosts.split(",") if one]
    if host not in named and not (config.allow_loopback and host in LOOPBACK):
        raise Refused(f"host {host} is refused; SMALTI_ALLOWED_HOSTS allows: {', '.join(named) or 'none'}")


def _put(place: Place, source: Path, path: str) -> None:
    try:
        place.put(source, path)
    except FileExistsError:
        with source.open("rb") as ours, place.files.open(path, "rb") as theirs:
            same = _meaning(path, ours) == _meaning(path, theirs)
        if not same:
            raise Refused(
                f"{path} stands there with other content; allowed is what the plan holds: remove the plan's folder"
            ) from None


def _meaning(path: str, file: Any) -> object:
    """What must be the same for a file to be the same: its bytes; of a manifest, all but the version it was made of."""
    if not path.endswith(f"/{MANIFEST}"):
        return hashlib.file_digest(file, "sha256").hexdigest()
    content = file.read()
    try:
        return {name: value for name, value in json.loads(content).items() if name not in _OF_THE_VERSION}
    except (ValueError, AttributeError):  # no manifest of ours
        return content


def _point(place: Place, plan_id: str) -> list[str]:
    """Let `latest.json` name the plan and those before it that are kept, newest first; return all of them."""
    path = f"{place.root}/{LATEST}"
    try:
        before = json.loads(place.files.cat_file(path))
    except FileNotFoundError:
        before = {"plan_id": plan_id, "earlier": []}
    known = dict.fromkeys([plan_id, before["plan_id"], *before["earlier"]])
    plan, *earlier = list(known)[:KEPT_PLANS]
    latest = {"plan_id": plan, "manifest": f"{plan}/{MANIFEST}", "earlier": earlier}
    if latest != before:
        place.replace(path, (json.dumps(latest, indent=1) + "\n").encode())
    return [plan, *earlier]


def _prune(place: Place, kept: list[str]) -> None:
    """Remove every other plan, its manifest first: what is half removed is no plan."""
    for path in place.files.ls(place.root, detail=False):
        plan = path.rstrip("/").rsplit("/", 1)[-1]
        if _PLAN.fullmatch(plan) and plan not in kept:
            if place.files.exists(f"{path}/{MANIFEST}"):
                place.files.rm_file(f"{path}/{MANIFEST}")
            place.files.rm(path, recursive=True)
