"""Files: one folder a plan with the complete audience as CSV, JSONL and Parquet, and `latest` pointing to it."""

import json
import shutil
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from reverse_etl import package_files
from reverse_etl.destination import Package, Sent
from reverse_etl.package_files import KEPT_PLANS
from warehouse import atomic

_PLAN_FOLDER = "[0-9a-f]" * 16
_KEPT = timedelta(days=7)


class Files:
    """Keeps `outbox/files/latest` complete: it points to one whole plan or to the next, never between."""

    name = "files"

    def render(self, package: Package, folder: Path) -> None:
        """Write the files of the package into `folder`."""
        package_files.render(package, folder)

    def write(self, package: Package, folder: Path) -> Sent:
        """Rename the folder to the plan's id, then swap `latest` to it; every person is accepted."""
        final = package.outbox / package.plan_id
        if final.exists():  # renamed whole before a stop; a plan id is one content
            shutil.rmtree(folder)
        else:
            folder.rename(final)
        atomic.point(package.outbox / "latest", final)
        _prune(package.outbox, final)
        return Sent(receipts=package_files.accept_all(package), path=final)

    def post(self, outbox: Path, messages: Iterable[Mapping[str, Any]], at: datetime) -> Path:
        """A file a message, named by its id and renamed into place; those of before a week are removed."""
        folder = outbox / "messages"
        folder.mkdir(parents=True, exist_ok=True)
        for message in messages:
            final = folder / f"{message['id']}.json"
            aside = final.with_suffix(".tmp")
            aside.write_text(json.dumps(message, indent=1) + "\n", encoding="utf-8")
            atomic.sync(aside)
            aside.replace(final)
        atomic.sync(folder)
        _forget(folder, (at - _KEPT).timestamp())
        return folder


TAKES_MESSAGES = True
ATTRIBUTE_NAMES = package_files.ATTRIBUTE_NAMES
DESTINATION = Files()


def _prune(outbox: Path, newest: Path) -> None:
    """Keep the newest folder and the most recent of the others."""
    others = [path for path in outbox.glob(_PLAN_FOLDER) if path != newest]
    others.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for path in others[KEPT_PLANS - 1 :]:
        shutil.rmtree(path)


def _forget(folder: Path, before: float) -> None:
    """Remove messages that nobody has taken away for so long."""
    for path in folder.glob("*.json"):
        if path.stat().st_mtime < before:
            path.unlink()
