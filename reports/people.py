"""Who the customers are: their states and their places in the journey."""

from reports import charts, moves
from reports.material import Material
from reports.section import Part, Section

_STATES = ("browsing", "considering", "customer", "loyal", "lapsed")
_STAGES = ("browsing", "cart_abandoned", "post_purchase")


def section(run: Material) -> Section:
    """The section about customers, bots left out."""
    question = "Who are the customers?"
    if run.connection is None:
        return Section(question, "Nothing is published yet.")
    found = run.query(
        """
        select
            count(*) filter (where not is_bot) as people,
            count(*) filter (where not is_bot and contact_id_crm is not null) as known,
            count(*) filter (where is_active and not is_bot) as active,
            count(*) filter (where is_bot) as bots
        from profiles.customers"""
    )[0]
    told = {name: run.floor.words(count) for name, count in found.items()}
    answer = (
        f"{told['people']} people; {told['known']} of them stand in the CRM, {told['active']} were active in the past "
        f"30 days. {told['bots']} more look like bots and are left out."
    )
    states = _part(run, "state", "In which state are they?", "What a person has done so far.", _STATES)
    stages = _part(run, "journey_stage", "Where in the journey are they?", "What a person is doing now.", _STAGES)
    moved = moves.part(run, "state", "How did they move between states?", _STATES)
    went_on = moves.part(run, "journey_stage", "How did they move on their journey?", _STAGES)
    return Section(question, answer, (states, stages, moved, went_on))


def _part(run: Material, column: str, title: str, words: str, order: tuple[str, ...]) -> Part:
    found = run.query(
        f"select {column} as name, count(*) as people from profiles.customers where not is_bot group by 1"
    )
    found.sort(key=lambda row: (order.index(row["name"]) if row["name"] in order else len(order), row["name"]))
    rows = tuple((row["name"], run.floor.words(row["people"])) for row in found)
    values = [run.floor.told(row["people"]) for row in found]
    series = {"people": (charts.BLUE, values, [row[1] for row in rows])}
    figure = charts.bars([row[0] for row in rows], series, "people")
    return Part(column, title, words, (column.replace("_", " "), "people"), rows, figure)
