"""What was sent, what was held back and why: by destination and segment, and where people stop on the way."""

from collections import Counter
from itertools import accumulate

from reports import charts, content
from reports import deliveries as told
from reports.material import Material, Row
from reports.section import Part, Section

_FATES = {
    "may be sent": charts.GREEN,
    "no consent": charts.AMBER,
    "held out to compare": charts.SERIES[5],
    "only in segments not sent": charts.PURPLE,
}
_FATES_OF_MEMBERS = ("may be sent", "no consent", "held out to compare")
_OUTSIDE = {"in no segment": charts.GREY, "looks like a bot": charts.RED}
# everybody once, by what comes first
_FLOW = """
with reached as (select distinct customer_id from activation.audience),
activated as (
    select customer_id, bool_or(is_sendable) as is_sendable, bool_or(is_sendable and has_consent) as is_held_out
    from activation.activated_memberships group by customer_id
),
members as (select distinct customer_id from segments.memberships)
select
    case
        when customers.is_bot then 'looks like a bot'
        when reached.customer_id is not null then 'may be sent'
        when activated.is_held_out then 'held out to compare'
        when activated.is_sendable then 'no consent'
        -- not activated, or below the floor: told apart, they would count a segment that is too small to be counted
        when members.customer_id is not null then 'only in segments not sent'
        else 'in no segment'
    end as fate,
    count(*) as people
from profiles.customers as customers
left join reached on customers.customer_id = reached.customer_id
left join activated on customers.customer_id = activated.customer_id
left join members on customers.customer_id = members.customer_id
group by fate"""
_BY_SEGMENT = """
select destination, segment_id, is_sendable, purpose,
    count(*) filter (where has_consent and arm = 'treated') as sent, count(*) filter (where not has_consent) as refused,
    count(*) filter (where has_consent and arm = 'control') as held_out
from activation.activated_memberships
group by all order by destination, is_sendable desc, sent desc, segment_id"""
_THIN = 0.15  # of a floor: wide enough to be seen, and the same for all that are not counted


def section(run: Material) -> Section:
    """The section about activation and delivery."""
    question = "What was sent, what was held back and why?"
    deliveries = [row for row in run.stages if row["stage"] == "deliver"]
    parts = (told.part(run, deliveries), *((_segments(run), content.part(run), _flow(run)) if run.connection else ()))
    return Section(question, _answer(run, deliveries), parts)


def _answer(run: Material, deliveries: list[Row]) -> str:
    if not deliveries:
        return "This run did not get as far as sending; destinations hold what earlier runs sent."
    changed = [row for row in deliveries if row["rows_in"] and not _is_blocked(row)]
    accepted = "; ".join(
        f"{row['source']} accepted changes for {run.floor.words(row['rows_loaded'] or 0)} people" for row in changed
    )
    same = [str(row["source"]) for row in deliveries if not row["rows_in"] and row["status"] == "ok"]
    blocked = "; ".join(
        f"{row['source']} was sent nothing: {run.floor.message(str(row['message']))}"
        for row in deliveries
        if _is_blocked(row)
    )
    return "; ".join(filter(None, [accepted, blocked, f"nothing changed for {', '.join(same)}" if same else ""])) + "."


def _is_blocked(row: Row) -> bool:
    return bool(row["status"] == "blocked")


def _segments(run: Material) -> Part:
    title, found = "What is held back, by segment?", run.query(_BY_SEGMENT)
    if not found:
        return Part("held", title, "No segment is activated: seeds/activations.csv names what is sent where.")
    several = len({row["destination"] for row in found}) > 1
    labels = [f"{row['destination']} · {row['segment_id']}" if several else row["segment_id"] for row in found]
    cells = [_cells(run, row) for row in found]
    series = {
        name: (_FATES[name], [cell[i][0] for cell in cells], [cell[i][1] if cell[i][0] else "" for cell in cells])
        for i, name in enumerate(_FATES_OF_MEMBERS)
    }
    rows = tuple(
        (label, row["purpose"], *(words for _, words in cell))
        for label, row, cell in zip(labels, found, cells, strict=True)
    )
    columns = ("segment", "purpose", *_FATES_OF_MEMBERS)
    words = (
        "Members by consent and control group. A segment below the floor is held as a whole; nobody in it is asked or"
        " counted."
    )
    return Part("held", title, words, columns, rows, charts.bars(labels, series, "members"), layout="beside")


def _cells(run: Material, row: Row) -> list[tuple[int, str]]:
    if not row["is_sendable"]:
        return [(0, "held"), (0, "not counted"), (0, "not counted")]
    return [(run.floor.told(row[name]), run.floor.words(row[name])) for name in ("sent", "refused", "held_out")]


def _flow(run: Material) -> Part:
    people = Counter({row["fate"]: row["people"] for row in run.query(_FLOW)})
    inside = [fate for fate in _FATES if people[fate]]
    people["in a segment"] = sum(people[fate] for fate in inside)
    people["all profiles"] = people["in a segment"] + sum(people[fate] for fate in _OUTSIDE)
    # the first place is where all begin, the second where those in a segment go on from; the others are ends
    ends = {**{fate: _FATES[fate] for fate in inside}, **_OUTSIDE}
    nodes = {"all profiles": charts.BLUE, "in a segment": charts.BLUE, **ends}
    order = list(nodes)
    links = [
        (1 if fate in inside else 0, order.index(fate), _width(run, people[fate]), run.floor.words(people[fate]))
        for fate in ends
    ]
    links.append((0, 1, sum(link[2] for link in links if link[0] == 1), run.floor.words(people["in a segment"])))
    drawn = [(f"{name}  {run.floor.words(people[name])}", colour) for name, colour in nodes.items()]
    figure = charts.flow(drawn, links, 360, _places([_width(run, people[fate]) for fate in ends], len(inside)))
    rows = tuple((name, run.floor.words(people[name])) for name in nodes)
    words = "Everybody once, by the first thing that decides. A line of least width stands for a number not told."
    return Part("people", "Where do people stop on the way?", words, ("people", "number"), rows, figure, "beside")


def _width(run: Material, people: int) -> float:
    return run.floor.told(people) or _THIN * run.floor.people


def _places(widths: list[float], inside: int) -> list[tuple[float, float]]:
    """Centres of the nodes: the ends below each other in their order, what they come from before their middle."""
    total = sum(widths)
    middles = [
        (before + width / 2) / total for before, width in zip(accumulate(widths, initial=0), widths, strict=False)
    ]
    among = sum(widths[:inside]) / total / 2
    spread = [0.03 + 0.78 * middle + 0.025 * number for number, middle in enumerate(middles)]
    return [(0.001, 0.45), (0.5, 0.03 + 0.78 * among), *((0.999, y) for y in spread)]
