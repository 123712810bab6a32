"""What was sent, what was held back and why: by destination and segment, and where people stop on the way."""

from collections import Counter

from reports import charts
from reports.material import Material, Row
from reports.section import Part, Section
from warehouse import ledger

_FATES = {
    "may be sent": charts.GREEN,
    "no consent": charts.AMBER,
    "only in segments not sent": charts.PURPLE,
}
# everybody once, by what comes first
_FLOW = """
with reached as (select distinct customer_id from activation.audience),
activated as (
    select customer_id, bool_or(is_sendable) as is_sendable from activation.activated_memberships group by customer_id
),
members as (select distinct customer_id from segments.memberships)
select
    case
        when customers.is_bot then 'bot'
        when reached.customer_id is not null then 'may be sent'
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
select destination, segment_id, is_sendable, purpose, channel,
    count(*) filter (where has_consent) as granted, count(*) filter (where not has_consent) as refused
from activation.activated_memberships
join profiles.activations using (destination)
where activations.segment = segment_id
group by all order by destination, is_sendable desc, granted desc, segment_id"""
_THIN = 0.15  # of a floor: wide enough to be seen, and the same for all that are not counted


def section(run: Material) -> Section:
    """The section about activation and delivery."""
    question = "What was sent, what was held back and why?"
    deliveries = [row for row in run.stages if row["stage"] == "deliver"]
    parts = (_delivered(run, deliveries), *((_segments(run), _flow(run)) if run.connection else ()))
    return Section(question, _answer(run, deliveries), parts)


def _answer(run: Material, deliveries: list[Row]) -> str:
    if not deliveries:
        return "This run did not get as far as sending; destinations hold what earlier runs sent."
    changed = [row for row in deliveries if row["rows_in"]]
    told = "; ".join(f"{row['source']} took {run.floor.words(row['rows_loaded'] or 0)} people" for row in changed)
    same = [str(row["source"]) for row in deliveries if not row["rows_in"] and row["status"] == "ok"]
    return "; ".join(filter(None, [told, f"nothing changed for {', '.join(same)}" if same else ""])) + "."


def _delivered(run: Material, deliveries: list[Row]) -> Part:
    with ledger.connect(run.settings.ledger) as book:
        plans = book.execute(
            "select plan_id, destination, added, changed, removed, status from plans where run_id = ? order by 2, 1",
            (run.run_id,),
        ).fetchall()
        outcomes = book.execute(
            "select plan_id, outcome, code, count(*) as people from receipts where plan_id in"
            " (select plan_id from plans where run_id = ?) group by 1, 2, 3 order by 2, 3",
            (run.run_id,),
        ).fetchall()
    rows = tuple(
        (
            plan["destination"],
            *(run.floor.words(plan[change]) for change in ("added", "changed", "removed")),
            ", ".join(_outcome(run, dict(row)) for row in outcomes if row["plan_id"] == plan["plan_id"]) or "no answer",
        )
        for plan in plans
    )
    words = "People whose set of segments is new, has changed or has ended since the destination last accepted it."
    columns = ("destination", "added", "changed", "removed", "answers")
    none = "No destination had to be told anything." if deliveries else "Nothing was sent."
    return Part("delivered", "What did destinations take?", words if rows else none, columns, rows, is_wide=True)


def _outcome(run: Material, row: Row) -> str:
    code = f" ({row['code']})" if row["code"] else ""
    return f"{row['outcome']}{code}: {run.floor.words(row['people'])}"


def _segments(run: Material) -> Part:
    title, found = "What is held back, by segment?", run.query(_BY_SEGMENT)
    if not found:
        return Part("held", title, "No segment is activated: seeds/activations.csv names what is sent where.")
    several = len({row["destination"] for row in found}) > 1
    labels = [f"{row['destination']} · {row['segment_id']}" if several else row["segment_id"] for row in found]
    cells = [_cells(run, row) for row in found]
    series = {
        name: (_FATES[name], [cell[i][0] for cell in cells], [cell[i][1] if cell[i][0] else "" for cell in cells])
        for i, name in enumerate(("may be sent", "no consent"))
    }
    rows = tuple(
        (row["destination"], row["segment_id"], f"{row['purpose']} / {row['channel']}", *(words for _, words in cell))
        for row, cell in zip(found, cells, strict=True)
    )
    columns = ("destination", "segment", "purpose / channel", "may be sent", "no consent")
    words = "Members by consent. A segment below the floor is held as a whole; nobody in it is asked or counted."
    return Part("held", title, words, columns, rows, charts.bars(labels, series, "members"), is_wide=True)


def _cells(run: Material, row: Row) -> tuple[tuple[int, str], tuple[int, str]]:
    if not row["is_sendable"]:
        return (0, "held: below the floor"), (0, "not counted")
    granted, refused = row["granted"], row["refused"]
    return (run.floor.told(granted), run.floor.words(granted)), (run.floor.told(refused), run.floor.words(refused))


def _flow(run: Material) -> Part:
    people = Counter({row["fate"]: row["people"] for row in run.query(_FLOW)})
    ends = [fate for fate in _FATES if people[fate]]
    inside = sum(people[fate] for fate in ends)
    nodes = [("all profiles", inside + people["in no segment"] + people["bot"], charts.BLUE)]
    nodes += [("in a segment", inside, charts.BLUE), ("in no segment", people["in no segment"], charts.GREY)]
    nodes += [("looks like a bot", people["bot"], charts.RED)]
    nodes += [(fate, people[fate], _FATES[fate]) for fate in ends]
    drawn = [(f"{name}  {run.floor.words(count)}", colour) for name, count, colour in nodes]
    sources = [0, 0, 0] + [1] * len(ends)
    links = [
        (source, target, run.floor.told(nodes[target][1]) or _THIN * run.floor.people, run.floor.words(nodes[target][1]))
        for target, source in enumerate(sources, start=1)
    ]
    rows = tuple((name, run.floor.words(count)) for name, count, _ in nodes)
    words = "Everybody once, by the first thing that decides. A line of least width stands for a number not told."
    return Part("people", "Where do people stop on the way?", words, ("people", "number"), rows, charts.flow(drawn, links, 340))
