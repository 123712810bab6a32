"""Who is in which segment: sizes, how they moved, and how far segments say the same.

A segment below the floor of active members is named and not counted, neither now, nor in the past, nor in overlaps.
"""

from reports import charts, growth, likeness
from reports.material import Material, Row
from reports.section import Part, Section

_SIZES = """
select segment_id, owner, purpose, members, is_sendable, why_not
from segments.catalog
order by segment_id"""


def section(run: Material) -> Section:
    """The section about segments."""
    question = "Who is in which segment?"
    catalog = sorted(run.query(_SIZES), key=lambda row: _place(run, row))
    if not catalog:
        return Section(question, "Nothing is published yet.")
    held = sum(not row["is_sendable"] for row in catalog)
    answer = f"{len(catalog)} segments; {held or 'none'} of them below the floor of {run.floor.people} active members."
    return Section(question, answer, (_sizes(run, catalog), growth.part(run), likeness.part(run)))


def _place(run: Material, row: Row) -> tuple[float, str]:
    """The largest first by the number that is told, those not counted last: an order by exact ones would tell more."""
    return (-run.floor.told(row["members"]) if row["is_sendable"] else 1, row["segment_id"])


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
