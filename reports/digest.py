"""The digest of a run: how it ended and what was sent where, as a mail for those who run the shop.

It is about a run and not about people, so it is a short report and no destination: the same sections, told in the same
whole floors. It has no key of a person and none of a plan.
"""

from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from reports import material, page, sending
from reports.material import Material
from reports.section import Part
from warehouse.settings import Settings


@dataclass(frozen=True)
class Digest:
    """One message, as text and as HTML that asks nobody for anything."""

    subject: str
    text: str
    html: str


def compose(settings: Settings, run_id: str) -> Digest:
    """The digest of a run; composed again it is the same.

    Raises:
        SmaltiError: there is no such run, or its version is no longer kept.
    """
    with material.gather(settings, run_id) as run:
        return of(run)


def of(run: Material) -> Digest:
    """The digest of this material."""
    section = sending.section(run)
    told = {
        "run": run,
        "state": page.state(run),
        "failed": [(f"{row['stage']} {row['source']}".strip(), _told(run, row)) for row in run.failed],
        "is_simulated": page.is_simulated(run),
        "answer": section.answer,
        "parts": [part for part in section.parts if part.rows and part.name != "people"],
    }
    text, html = (_environment().get_template(f"digest.{kind}").render(told) for kind in ("txt", "html"))
    return Digest(f"Smalti: {run.run_id}: {told['state']}", text, html)


def _told(run: Material, row: material.Row) -> str:
    return run.floor.message(page.message(row))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("reports"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["aligned"] = _aligned
    return environment


def _aligned(part: Part) -> str:
    """The table of a part in columns of text."""
    rows = [part.columns, *(tuple(map(str, row)) for row in part.rows)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
