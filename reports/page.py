"""The page: one file of HTML that holds everything it shows, and asks nobody for more.

Scripts run only where their hash stands in the page's own policy: a name that slipped through the escaping could not
run either.
"""

import base64
import hashlib
import json
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from reports import audiences, intake, models, people, recommendations, scores, sending, steps
from reports.material import Material
from reports.section import Part

SECTIONS = (
    *(intake.section, steps.section, people.section, audiences.section, sending.section),
    *(scores.section, recommendations.section, models.section),
)


def render(run: Material) -> str:
    """The report of a run as HTML; the same material gives the same bytes."""
    sections = [section(run) for section in SECTIONS]
    scripts = [get_plotlyjs(), _own("report.js")]
    return (
        _environment()
        .get_template("report.html")
        .render(
            run=run,
            state=state(run),
            failed=[(f"{row['stage']} {row['source']}".strip(), run.floor.message(message(row))) for row in run.failed],
            log=run.settings.logs / f"{run.run_id}.log",
            is_simulated=is_simulated(run),
            sections=sections,
            data={part.name: _data(part) for section in sections for part in section.parts if part.figure},
            style=Markup(_own("report.css")),  # noqa: S704  # our own file
            scripts=[Markup(script) for script in scripts],  # noqa: S704  # plotly's file and our own
            hashes=[_hash(script) for script in scripts],
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["cell"] = _cell
    environment.filters["format_time"] = lambda form, moment: moment.strftime(form)
    environment.tests["number"] = lambda value: value is None or isinstance(value, int | float) or _is_count(str(value))
    return environment


def _own(name: str) -> str:
    environment = _environment()
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[0]


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def state(run: Material) -> str:
    """How the run ended, in a word."""
    states = {row["status"] for row in run.stages}
    worst = next((state for state in ("failed", "running") if state in states), None)
    return worst or ("problem" if states & {"problem", "refused", "blocked"} else "ok")


def message(row: dict[str, object]) -> str:
    """What a stage says of itself, also where it could not say it."""
    return str(row["message"] or ("is running, or was cut short" if row["status"] == "running" else "failed"))


def is_simulated(run: Material) -> bool:
    """Whether some of it is about people who do not exist."""
    return bool(run.query("select 1 from ops.sources where is_simulated and rows_loaded > 0"))


def _data(part: Part) -> Markup:
    """A chart as JSON that cannot end the element it stands in."""
    assert part.figure is not None
    text = json.dumps(json.loads(part.figure.to_json()), sort_keys=True)
    return Markup(text.replace("<", "\\u003c"))  # noqa: S704  # no `<` is left


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _is_count(text: str) -> bool:
    return text.lstrip("< ").rstrip("%").replace(",", "").replace(".", "", 1).isdigit()
