"""What came in: rows by source and what became of them, how old the newest is, what was refused and why."""

import math

import duckdb
from plotly.graph_objects import Figure

from reports import charts
from reports.material import Material, Row
from reports.section import Part, Section
from warehouse import freshness, manifest
from warehouse.freshness import Freshness
from warehouse.manifest import Line

_FATES = {
    "loaded": charts.GREEN,
    "duplicate": charts.AMBER,
    "rejected": charts.RED,
    "suppressed": charts.PURPLE,
}
_HOUR, _DAY_HOURS = 3600, 24


def section(run: Material) -> Section:
    """The section about exports and rows."""
    loads = sorted((row for row in run.stages if row["stage"] == "load_raw"), key=lambda row: str(row["source"]))
    given = [row for row in loads if row["status"] != "none"]
    lines = {path.parent.name: manifest.read(path.parent) for path in run.settings.raw.glob("*/manifest.jsonl")}
    return Section(
        "What came in?",
        _answer(given, len(loads)),
        (_balance(given), _refused(given), _freshness(run), _rejects(run, lines)),
    )


def _answer(given: list[Row], sources: int) -> str:
    rows, loaded = (sum(row[name] or 0 for row in given) for name in ("rows_in", "rows_loaded"))
    if not given:
        return "This run was given no files."
    if not rows:
        return f"Nothing new: what {len(given)} of {sources} sources were given was known before."
    return f"{rows:,} rows from {len(given)} of {sources} sources; {loaded:,} of them were loaded."


def _balance(given: list[Row]) -> Part:
    rows = tuple((row["source"], row["rows_in"] or 0, *(row[f"rows_{fate}"] or 0 for fate in _FATES)) for row in given)
    any_rows = any(row[1] for row in rows)
    words = "Each row that came in is loaded, a duplicate, rejected or suppressed; the widths are rows."
    return Part(
        "rows", "Where did the rows go?", words if any_rows else "No row came in with this run.",
        ("source", "in", *_FATES), rows, _flow(rows) if any_rows else None, layout="beside",
    )  # fmt: skip


def _flow(rows: tuple[tuple[str | int, ...], ...]) -> Figure:
    nodes = [(f"{row[0]}  {row[1]:,}", charts.BLUE) for row in rows]
    totals = {fate: sum(int(row[2 + i]) for row in rows) for i, fate in enumerate(_FATES)}
    kept = [fate for fate, total in totals.items() if total]
    nodes += [(f"{fate}  {totals[fate]:,}", _FATES[fate]) for fate in kept]
    links = [
        (number, len(rows) + kept.index(fate), float(row[2 + i]), f"{row[2 + i]:,} rows")
        for number, row in enumerate(rows)
        for i, fate in enumerate(_FATES)
        if row[2 + i]
    ]
    return charts.flow(nodes, links, 130 + 38 * len(rows))


def _refused(given: list[Row]) -> Part:
    problems = [(row["source"], line) for row in given if row["status"] != "ok" for line in _told(row["message"])]
    words = (
        "What a source could not take over, as its load said it." if problems else "Nothing: every file was taken over."
    )
    return Part("problems", "What was wrong with files?", words, ("source", "problem"), tuple(problems))


def _told(message: object) -> list[str]:
    return str(message or "").splitlines()


def _freshness(run: Material) -> Part:
    title, at = "How fresh is each source?", run.as_of
    found = [one for one in freshness.of_all(run.settings, at) if one.newest_at] if at else []
    if at is None or not found:
        return Part("freshness", title, "Nothing was loaded yet.")
    stale = [one.source for one in found if one.freshness == "stale"]
    words = f"Time from the newest row of a source to the moment of this page, {at:%Y-%m-%d %H:%M} UTC. "
    words += f"Older than the contract allows: {', '.join(stale)}." if stale else "None is older than allowed."
    ages = [(at - (one.newest_at or at)).total_seconds() / _HOUR for one in found]
    rows = tuple(_fresh_row(one, hours) for one, hours in zip(found, ages, strict=True))
    columns = ("source", "newest row (UTC)", "age", "allowed", "state")
    return Part("freshness", title, words, columns, rows, _ages(found, ages))


def _fresh_row(one: Freshness, hours: float) -> tuple[str, ...]:
    allowed = f"{one.fresh_within_hours} h" if one.fresh_within_hours else "-"
    return (one.source, f"{one.newest_at:%Y-%m-%d %H:%M}", _age(hours), allowed, one.freshness or "-")


def _ages(found: list[Freshness], ages: list[float]) -> Figure:
    """Bars of days; those of stale sources have another colour."""
    is_stale = [one.freshness == "stale" for one in found]
    kinds = [("age", charts.BLUE, False)] + [("age, stale", charts.RED, True)] * any(is_stale)
    series = {}
    for name, colour, stale in kinds:
        days = [
            round(hours / _DAY_HOURS, 2) if one is stale else 0.0 for one, hours in zip(is_stale, ages, strict=True)
        ]
        words = [_age(hours) if one is stale else "" for one, hours in zip(is_stale, ages, strict=True)]
        series[name] = (colour, days, words)
    return charts.bars([one.source for one in found], series, "days since the newest row")


def _age(hours: float) -> str:
    if hours < 1:
        return "under an hour"
    return f"{math.floor(hours)} h" if hours < 2 * _DAY_HOURS else f"{math.floor(hours / _DAY_HOURS)} days"


def _rejects(run: Material, lines: dict[str, list[Line]]) -> Part:
    title = "Why were rows rejected?"
    files = {
        str(run.settings.raw / source / line.rejects)
        for source, some in lines.items()
        for line in some
        if line.rejects and line.run_id == run.run_id
    }
    if not files:
        return Part("rejects", title, "No row of this run was rejected.")
    query = "select source, reason, count(*) from read_parquet(?) group by all order by 3 desc, 1, 2"
    rows = tuple(duckdb.execute(query, [sorted(files)]).fetchall())
    labels = [f"{source} · {reason}" for source, reason, _ in rows]
    series = {"rows": (charts.RED, [row[2] for row in rows], [f"{row[2]:,}" for row in rows])}
    words = "A rejected row breaks its source's contract; its reason names the column, never the value."
    return Part("rejects", title, words, ("source", "reason", "rows"), rows, charts.bars(labels, series, "rows"))
