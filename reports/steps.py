"""What the run did: its stages, their rows in and out, and where the time went."""

from plotly.graph_objects import Figure

from reports import charts
from reports.material import Material, Row
from reports.section import Part, Section

_COLOURS = {
    "ok": charts.GREEN,
    "none": charts.GREY,
    "problem": charts.AMBER,
    "refused": charts.RED,
    "blocked": charts.RED,
}
_STATUS = {"none": "no files", "problem": "with problems", "refused": "all files refused"}


def section(run: Material) -> Section:
    """The section about the stages of the run."""
    seconds = sum(row["seconds"] or 0 for row in run.stages)
    rows = tuple(_row(run, row) for row in run.stages)
    words = "Rows of a load are rows of files; from the profiles on they are about people."
    columns = ("stage", "state", "rows in", "rows out", "seconds")
    shown = [row for row in run.stages if row["status"] != "none"]
    part = Part("stages", "Which stages ran?", words, columns, rows, _times(shown), layout="beside")
    return Section(
        "What did the run do?", f"{len(run.stages)} steps in {seconds:,.0f} seconds, one after the other.", (part,)
    )


def _name(row: Row) -> str:
    return f"{row['stage']} {row['source']}".strip()


def _row(run: Material, row: Row) -> tuple[str | float | None, ...]:
    is_load = row["stage"] == "load_raw"
    counts = (
        None if row[name] is None else f"{row[name]:,}" if is_load else run.floor.words(row[name])
        for name in ("rows_in", "rows_loaded")
    )
    return (_name(row), _STATUS.get(row["status"], row["status"]), *counts, round(row["seconds"] or 0, 1))


def _times(rows: list[Row]) -> Figure:
    states = dict.fromkeys(str(row["status"]) for row in rows)
    series = {
        _STATUS.get(state, state): (
            _COLOURS.get(state, charts.RED),
            [row["seconds"] or 0 if row["status"] == state else 0 for row in rows],
            [f"{row['seconds'] or 0:.1f} s" if row["status"] == state else "" for row in rows],
        )
        for state in states
    }
    return charts.bars([_name(row) for row in rows], series, "seconds")
