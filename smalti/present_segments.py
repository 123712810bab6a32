"""Previews, impacts and answers about segments, for a terminal."""

from typing import Any

from rich.console import Console
from rich.markup import escape

from segmentation.garden import Plot
from segmentation.impact import Impact
from segmentation.preview import Preview
from segmentation.why import Reason, Why
from smalti.present import simulated, table
from warehouse.overlaps import Pair


def people(number: int | None, floor: int) -> str:
    """A number of people as it may be told."""
    return f"<{floor}" if number is None else f"{number:,}"


def preview(console: Console, found: Preview) -> None:
    """The size, what changes, the conditions, who can be reached, a sample."""
    console.print(f"\n[bold]{found.segment}[/bold] as of {found.as_of} UTC")
    simulated(console, found.is_simulated)
    told = "" if found.is_exact or found.members is None else " or more, in whole floors"
    console.print(
        f"{people(found.members, found.floor)} people{told}; {people(found.active_members, found.floor)} active"
    )
    console.print(
        "[green]would be sent[/green]" if found.is_sendable else f"[yellow]held back: {found.why_not}[/yellow]"
    )
    console.print(_change(found) + "\n")
    lines = [
        [row["condition"], *(people(row[name], found.floor) for name in ("kept", "dropped", "dropped_by_this_alone"))]
        for row in found.conditions
    ]
    console.print(table("Conditions", ["condition", "kept", "dropped", "by this alone"], lines))
    _rows(console, "Reachable, by consent", found.reachable, found.floor)
    _rows(console, "Shared with", found.overlap[:5], found.floor)
    _rows(console, "A few of them", found.sample, found.floor)
    console.print(f"\n{found.seconds:.1f} s, version {found.version}")


def _change(found: Preview) -> str:
    change = found.change
    if change["is_same"]:
        return "the same people as published"
    if change["entered"] is None and change["left"] is None and change["published"] is None:
        return "not published yet"
    entered, left = (people(change[name], found.floor) for name in ("entered", "left"))
    return f"against the published: {entered} would enter, {left} would leave"


def _rows(console: Console, title: str, rows: list[dict[str, Any]], floor: int) -> None:
    if rows:
        counted = ("people", "shared", "members")
        lines = [[people(row[name], floor) if name in counted else row[name] for name in row] for row in rows]
        console.print()
        console.print(table(title, [name.replace("_", " ") for name in rows[0]], lines))


def impact(console: Console, found: Impact) -> None:
    """A line a segment and a destination; what stops."""
    console.print(f"\n[bold]Against {escape(found.against)}[/bold], as of {found.as_of} UTC")
    simulated(console, found.is_simulated)
    if not found.segments:
        console.print("no definition differs")
    else:
        lines = []
        for one in found.segments:
            numbers = _numbers(one.before, one.after, one.entered, one.left, floor=found.floor)
            lines.append([one.segment, one.what, *numbers, "yes" if one.is_sendable else "no"])
        columns = ["segment", "what", "before", "after", "enter", "leave", "sendable"]
        console.print(table("Segments", columns, lines))
    lines = [
        [row["destination"], *_numbers(row["added"], row["changed"], row["removed"], floor=found.floor)]
        for row in found.destinations
    ]
    console.print()
    console.print(table("Destinations", ["destination", "added", "changed", "removed"], lines))
    stops = [guard for one in found.segments for guard in one.guards]
    stops += [f"{row['destination']}: {guard}" for row in found.destinations for guard in row["guards"]]
    for stop in stops:
        console.print(f"[yellow]stops[/yellow] {escape(stop)}", soft_wrap=True)
    console.print(f"\n{found.seconds:.1f} s, version {found.version}")


def _numbers(*numbers: int | None, floor: int) -> list[str]:
    return [people(number, floor) for number in numbers]


def why(console: Console, found: Why) -> None:
    """Each condition with its values, and the spells."""
    word = "[green]in[/green]" if found.is_member else "[red]not in[/red]"
    console.print(f"\n{found.customer_id} was {word} [bold]{found.segment}[/bold] as of {found.as_of} UTC")
    for customer_id, reasons in found.reasons.items():
        if len(found.reasons) > 1:
            console.print(f"as {customer_id}, who was somebody of their own then:")
        if not reasons:
            console.print("  nothing was known of this person then")
        for reason in reasons:
            _reason(console, reason, 1)
    if found.is_excluded:
        console.print("  out whatever the conditions say: no customer then, a bot, or anomalous otherwise")
    for other in found.kept_out:
        console.print(f"  {other.told}", markup=False)
    lines = [[one[name] for name in ("entered_at", "left_at", "left_reason")] for one in found.spells]
    console.print()
    console.print(table("Spells", ["entered", "left", "because"], lines))


def _reason(console: Console, reason: Reason, depth: int) -> None:
    mark = "[green]met[/green]   " if reason.is_met else "[red]missed[/red]"
    values = ", ".join(f"{name} = {'unknown' if value is None else value}" for name, value in reason.values.items())
    console.print(f"{'  ' * depth}{mark} {escape(reason.condition)}  [dim]{escape(values)}[/dim]", soft_wrap=True)
    for part in reason.parts:
        _reason(console, part, depth + 1)


def overlap(console: Console, found: list[Pair]) -> None:
    """A line a pair."""
    lines = [
        [pair.segment, pair.other, pair.shared, f"{pair.jaccard:.2f}", f"{pair.of_segment:.0%}", f"{pair.of_other:.0%}"]
        for pair in found
    ]
    columns = ["segment", "other", "in both", "Jaccard", "of the first", "of the other"]
    console.print(table("Overlap", columns, lines))


def garden(console: Console, found: list[Plot]) -> None:
    """A line a segment, those to do something about first."""
    lines = [
        [plot.segment, plot.owner, plot.members, plot.members_before, _proposal(plot), "; ".join(plot.problems)]
        for plot in found
    ]
    columns = ["segment", "owner", "people", "4 weeks before", "proposal", "because"]
    console.print(table("Garden", columns, lines))


def _proposal(plot: Plot) -> str:
    words = {"merge": "merge into", "roll_up": "roll up to"}
    return f"{words.get(plot.proposal, plot.proposal)} {plot.into or ''}".strip()
