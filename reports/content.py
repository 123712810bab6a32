"""What people are shown on each channel, by the stage that they are at: counted in whole floors."""

from reports import charts
from reports.material import Material
from reports.section import Part

_THERE = "select 1 from information_schema.tables where table_schema = 'activation' and table_name = 'content'"
_SHOWN = """
select channel, stage, strategy, count(distinct customer_id) as people
from activation.content
group by all order by all"""


def part(run: Material) -> Part:
    """Each channel and stage with its strategies; a version from before there was content has none."""
    title, found = "What are people shown?", run.query(_SHOWN) if run.query(_THERE) else []
    if not found:
        return Part("content", title, "Nobody is shown anything: no segment that is sent has members who may be.")
    words = [run.floor.words(row["people"]) for row in found]
    rows = tuple((row["channel"], row["stage"], row["strategy"], told) for row, told in zip(found, words, strict=True))
    labels = [f"{row['channel']} · {row['stage']} · {row['strategy']}" for row in found]
    series = {"people": (charts.BLUE, [run.floor.told(row["people"]) for row in found], words)}
    explained = "People of the audience by the strategy that holds whatever the hour and the device, per channel."
    columns = ("channel", "stage", "strategy", "people")
    return Part("content", title, explained, columns, rows, charts.bars(labels, series, "people"), "beside")
