"""Who is in which segment: sizes, how they moved, and how far segments say the same.

A segment below the floor of active members is named and not counted, neither now, nor in the past, nor in overlaps.
"""

from itertools import groupby

from reports import charts
from reports.material import Material, Row
from reports.section import Part, Section

_DAYS = 90
_SIZES = """
select segment_id, owner, purpose, members, is_sendable, why_not
from segments.catalog
order by is_sendable desc, members desc, segment_id"""
# the size at the last moment of each of the latest days on which anything changed, and at that of the version
_HISTORY = f"""
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
order by catalog.members desc, catalog.segment_id, moments.moment"""
_OVERLAPS = """
select one.segment_id as one, other.segment_id as other, count(*) as people
from segments.memberships as one
join segments.memberships as other using (customer_id)
where one.segment_id < other.segment_id
group by all"""


def section(run: Material) -> Section:
    """The section about segments."""
    question = "Who is in which segment?"
    catalog = run.query(_SIZES)
    if not catalog:
        return Section(question, "Nothing is published yet.")
    sent = [row for row in catalog if row["is_sendable"]]
    held = len(catalog) - len(sent)
    answer = f"{len(catalog)} segments; {held or 'none'} of them below the floor of {run.floor.people} active members."
    return Section(question, answer, (_sizes(run, catalog), _history(run), _overlaps(run, sent)))


def _sizes(run: Material, catalog: list[Row]) -> Part:
    rows = tuple(
        (
            row["segment_id"],
            row["owner"],
            run.floor.words(row["members"]) if row["is_sendable"] else "not counted",
            "yes" if row["is_sendable"] else f"no: {row['why_not']}",
        )
        for row in catalog
    )
    values = [run.floor.told(row["members"]) if row["is_sendable"] else 0 for row in catalog]
    series = {"members": (charts.BLUE, values, [row[2] for row in rows])}
    figure = charts.bars([row[0] for row in rows], series, "members")
    words = "People who are in the segment now. Too small a segment is not counted, because a few can be recognised."
    return Part(
        "sizes", "How large are the segments?", words, ("segment", "owner", "members", "may be sent"), rows, figure
    )


def _history(run: Material) -> Part:
    title, found = "How did they change?", run.query(_HISTORY)
    moments = sorted({row["moment"] for row in found})
    if len(moments) < 2:  # noqa: PLR2004  # a line needs two points
        return Part("history", title, "There is one moment so far; the lines begin with the next one.")
    series = {
        segment: [(row["moment"].isoformat(), run.floor.told(row["members"]) or None) for row in points]
        for segment, points in groupby(found, key=lambda row: str(row["segment_id"]))
    }
    rows = tuple(
        (row["segment_id"], f"{row['moment']:%Y-%m-%d %H:%M}", run.floor.words(row["members"])) for row in found
    )
    words = f"Members at the end of each day with a run, the latest {_DAYS}. Where a line is missing there were fewer."
    figure = charts.lines(series, ("", "members"))
    return Part("history", title, words, ("segment", "moment (UTC)", "members"), rows, figure, "full")


def _overlaps(run: Material, sent: list[Row]) -> Part:
    title, names = "How far do segments overlap?", [row["segment_id"] for row in sent]
    if len(names) < 2:  # noqa: PLR2004  # an overlap needs two
        return Part("overlap", title, "Fewer than two segments are above the floor.")
    told = {row["segment_id"]: run.floor.told(row["members"]) for row in sent}
    common = {frozenset((row["one"], row["other"])): row["people"] for row in run.query(_OVERLAPS)}
    people = {(a, b): common.get(frozenset((a, b)), 0) for a in names for b in names if a != b}
    shares = [[min(1.0, run.floor.told(people[a, b]) / told[a]) if a != b else None for b in names] for a in names]
    words = [[run.floor.words(people[a, b]) if a != b else "" for b in names] for a in names]
    rows = tuple((a, *cells) for a, cells in zip(names, words, strict=True))
    explained = "People in both; the stronger the colour, the more of the segment at its left."
    return Part(
        "overlap", title, explained, ("segment", *names), rows, charts.grid(names, shares, words), layout="full"
    )
