"""How segments grew and shrank: the size of each at the end of each day with a change, from the spells on record."""

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from reports import charts
from reports.material import Material, Row
from reports.section import Part

_DAYS = 90
_TITLE = "How did they change?"
# the size at the last moment of each of the latest days on which anything changed, and at that of the version
_SIZES = f"""
with changes as (
    select segment_id, started_at as changed_at, count(*) as people from segments.membership_history group by all
    union all
    select segment_id, left_at, -count(*) from segments.membership_history where left_at is not null group by all
),
sizes as (
    select segment_id, changed_at, sum(sum(people)) over (partition by segment_id order by changed_at) as members
    from changes group by segment_id, changed_at
),
moments as (
    select max(changed_at) as moment
    from (select changed_at from changes union select as_of from ops.control)
    group by changed_at::date order by 1 desc limit {_DAYS}
)
select catalog.segment_id, moments.moment, coalesce(sizes.members, 0)::bigint as members
from segments.catalog cross join moments
asof left join sizes on catalog.segment_id = sizes.segment_id and moments.moment >= sizes.changed_at
where catalog.is_sendable
order by catalog.segment_id, moments.moment"""
# a definition but the first
_REDEFINED = """
select segment_id, valid_from from segments.definitions_history
where definition_version is not null
qualify row_number() over (partition by segment_id order by valid_from) > 1"""


@dataclass(frozen=True)
class _Line:
    """A segment's sizes, and at which of these moments it had a definition that it had not at the one before."""

    segment: str
    points: list[Row]
    redefined: frozenset[datetime]


def part(run: Material) -> Part:
    """A small chart for each segment that is counted, the largest first."""
    found = run.query(_SIZES)
    moments = sorted({row["moment"] for row in found})
    if len(moments) < 2:  # noqa: PLR2004  # a line needs two points
        return Part("history", _TITLE, "There is one moment so far; the lines begin with the next one.")
    lines = _lines(run, found)
    panels = [_panel(run, line) for line in lines]
    rows = tuple(_row(run, line, point) for line in lines for point in line.points)
    words = (
        f"Members at the end of each day with a run, the latest {_DAYS}; each segment by a scale of its own, from 0. "
        f"Where a line is missing there were fewer than {run.floor.people:,}; an upright line is a new definition."
    )
    columns = ("segment", "moment (UTC)", "members", "definition")
    return Part("history", _TITLE, words, columns, rows, charts.panels(panels), "full")


def _lines(run: Material, found: list[Row]) -> list[_Line]:
    """The largest first, by the number that is told: an order by the exact one would tell more."""
    definitions = [(row["segment_id"], row["valid_from"]) for row in run.query(_REDEFINED)]
    lines = []
    for segment, rows in groupby(found, key=lambda row: str(row["segment_id"])):
        points = list(rows)
        changed = [moment for name, moment in definitions if name == segment]
        lines.append(_Line(segment, points, _marked([point["moment"] for point in points], changed)))
    return sorted(lines, key=lambda line: (-run.floor.told(line.points[-1]["members"]), line.segment))


def _marked(moments: list[datetime], changed: list[datetime]) -> frozenset[datetime]:
    """The first of the moments at or after each change, but for changes before all of them."""
    return frozenset(
        next(moment for moment in moments if moment >= change)
        for change in changed
        if moments[0] <= change <= moments[-1]
    )


def _panel(run: Material, line: _Line) -> charts.Panel:
    points = [(row["moment"].isoformat(), run.floor.told(row["members"]) or None) for row in line.points]
    return charts.Panel(line.segment, points, sorted(moment.isoformat() for moment in line.redefined))


def _row(run: Material, line: _Line, point: Row) -> tuple[str, ...]:
    moment = point["moment"]
    mark = "new" if moment in line.redefined else ""
    return (line.segment, f"{moment:%Y-%m-%d %H:%M}", run.floor.words(point["members"]), mark)
