"""How people moved: from which state to which within a week, as the versions of profiles have it."""

from collections import Counter
from datetime import datetime
from itertools import accumulate

from plotly.graph_objects import Figure

from reports import charts
from reports.material import Material, Row
from reports.section import Part

_DAYS = 7
_NEW = "not known then"
# what was published a week before; where there is nothing so old, what was published first
_THEN = f"""
select coalesce(max(valid_from) filter (where valid_from <= as_of - interval {_DAYS} day), min(valid_from)) as moment
from profiles.customers_history, ops.control
where valid_from < as_of
group by as_of"""
# everybody of now once; whoever is somebody else's or nobody's profile by now is in no row
_MOVES = """
with before as (
    select customer_id, {column} as name from profiles.customers_history
    where valid_from <= timestamp '{then}' and (valid_to is null or valid_to > timestamp '{then}')
)
select before.name as came_from, customers.{column} as came_to, count(*) as people
from profiles.customers as customers
left join before on customers.customer_id = before.customer_id
where not customers.is_bot
group by all"""


def part(run: Material, column: str, title: str, order: tuple[str, ...]) -> Part:
    """A flow from the values of then to those of now; numbers below the floor are neither told nor drawn."""
    name, found = f"{column}_moves", run.query(_THEN)
    if not found:
        return Part(name, title, "There is one version so far; moves show with the next one.")
    then: datetime = found[0]["moment"]
    people = _counted(run.query(_MOVES.format(column=column, then=then)))
    places = [*order, *sorted({to for _, to in people} - {*order})]
    starts = [*order, *sorted({one for one, _ in people} - {*order, _NEW}), _NEW]
    rows = tuple((one, *(run.floor.words(people[one, to]) for to in places)) for one in starts)
    words = (
        f"People by where they were on {then:%-d %B %Y, %H:%M} UTC and where they are now. What fewer than "
        f"{run.floor.people:,} did is not drawn."
    )
    return Part(name, title, words, ("from, to", *places), rows, flow(run, people, starts, places), "beside")


def _counted(found: list[Row]) -> Counter[tuple[str, str]]:
    return Counter({(row["came_from"] or _NEW, row["came_to"]): row["people"] for row in found})


def flow(run: Material, people: Counter[tuple[str, str]], starts: list[str], places: list[str]) -> Figure | None:
    """Starts at the left and places at the right, as wide as the links that are drawn; None where none is."""
    drawn = {
        (one, to): run.floor.told(people[one, to]) for one in starts for to in places if run.floor.told(people[one, to])
    }
    if not drawn:
        return None
    colours = {name: charts.SERIES[at % len(charts.SERIES)] for at, name in enumerate(places)} | {_NEW: charts.GREY}
    left = [one for one in starts if any(start == one for start, _ in drawn)]
    right = [to for to in places if any(place == to for _, place in drawn)]
    widths = (
        [sum(width for (start, _), width in drawn.items() if start == one) for one in left],
        [sum(width for (_, place), width in drawn.items() if place == to) for to in right],
    )
    nodes = [(name, colours.get(name, charts.GREY)) for name in (*left, *right)]
    links = [
        (left.index(one), len(left) + right.index(to), width, f"{width:,} people") for (one, to), width in drawn.items()
    ]
    centres = [(x, y) for x, column in zip((0.001, 0.999), widths, strict=True) for y in _centres(column)]
    return charts.flow(nodes, links, 120 + 44 * max(len(left), len(right)), centres)


def _centres(widths: list[int]) -> list[float]:
    """Of nodes below each other, from 0 to 1, with some room between."""
    total, room = sum(widths) or 1, 0.05
    scale = 1 - room * (len(widths) - 1)
    starts = accumulate(widths, initial=0)
    return [
        scale * (before + width / 2) / total + room * at
        for at, (before, width) in enumerate(zip(starts, widths, strict=False))
    ]
