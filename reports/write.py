"""A report on the disk: `reports/<run_id>/index.html`, written aside and renamed; `reports/current` is the newest."""

import shutil
from pathlib import Path

from reports import material, page
from warehouse import atomic, ledger
from warehouse.settings import Settings


def write(settings: Settings, run_id: str) -> Path:
    """Write the report of a run and return its path; run again it becomes the same bytes.

    Raises:
        SmaltiError: there is no such run, or its version is no longer kept.
    """
    with material.gather(settings, run_id) as run:
        text = page.render(run)
    target = path(settings, run_id)
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_suffix(".tmp")
    aside.write_text(text, encoding="utf-8")
    atomic.sync(aside)
    aside.replace(target)
    atomic.sync(target.parent)
    _keep(settings)
    return target


def path(settings: Settings, run_id: str) -> Path:
    """Where the report of a run stands, or would stand."""
    return settings.reports / run_id / "index.html"


def _keep(settings: Settings) -> None:
    """Point `current` at the newest run that has a report, and let go of reports as of versions."""
    order = list(dict.fromkeys(str(row["run_id"]) for row in ledger.stages(settings.ledger)))
    there = [run_id for run_id in order if path(settings, run_id).exists()]
    atomic.point(settings.reports / "current", settings.reports / there[-1])
    for run_id in there[: -settings.keep_versions]:  # other pages may lie beside the reports
        shutil.rmtree(settings.reports / run_id)
