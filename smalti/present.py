"""Tables on a terminal; what they show is the same as `--json`."""

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from smalti.alerts import Alert


def table(title: str, columns: list[str], lines: list[list[Any]]) -> Table:
    """A plain table; text stands left, numbers right."""
    made = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for number, column in enumerate(columns):
        words = any(isinstance(line[number], str) and not line[number].startswith("<") for line in lines)
        made.add_column(column, justify="left" if words else "right", overflow="fold")
    for line in lines:
        made.add_row(*(_cell(value) for value in line))
    return made


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else escape(str(value))


def simulated(console: Console, is_simulated: bool) -> None:  # noqa: FBT001  # a fact, not an option
    """Say so where what is shown is not about a real shop."""
    if is_simulated:
        console.print("[yellow]simulated data: nothing here is about a real shop[/yellow]")


def segments(console: Console, found: list[dict[str, Any]], floor: int) -> None:
    """One line a segment."""
    lines = [
        [
            row["segment_id"],
            row["members"],
            f"<{floor}" if row["active_members"] is None else row["active_members"],
            row["entered"],
            row["left"],
            "yes" if row["is_sendable"] else _held(row),
        ]
        for row in found
    ]
    console.print(table("Segments", ["segment", "members", "active", "entered", "left", "sendable"], lines))
    for row in found:
        if row["problem"]:
            console.print(
                f"{row['segment_id']} stands still: {row['problem']}", style="red", soft_wrap=True, markup=False
            )


def triggers(console: Console, found: list[dict[str, Any]], floor: int) -> None:
    """One line a trigger, with what became of the entries of the past 30 days."""
    columns = ["due", "told", "waiting", "cooled_down", "held_out", "no_consent", "below_floor"]
    lines = [
        [
            row["segment_id"],
            f"{row['cool_down_days']} days",
            "none" if row["quiet_from_hour"] is None else f"{row['quiet_from_hour']} to {row['quiet_to_hour']} UTC",
            *(f"<{floor}" if row[name] is None else row[name] for name in columns),
        ]
        for row in found
    ]
    head = ["segment", "cool-down", "quiet hours", *(name.replace("_", " ") for name in columns)]
    console.print(table("Triggers, past 30 days", head, lines))


def _held(row: dict[str, Any]) -> str:
    return f"no: {row['why_not']}" + (f"; sent as {row['rolls_up_to']}" if row["rolls_up_to"] else "")


def run(console: Console, found: dict[str, Any], floor: int) -> None:
    """The summary at the end of a run."""
    console.print(f"\n[bold]As of {found['as_of']} UTC[/bold]")
    simulated(console, found["simulated"])
    console.print()
    columns = ["source", "in", "loaded", "rejected", "duplicate", "suppressed"]
    names = ["source", *(f"rows_{name}" for name in columns[1:])]
    given = sorted((row for row in found["sources"] if row["status"] != "none"), key=lambda row: str(row["source"]))
    console.print(table("Rows", columns, [[row[name] for name in names] for row in given]))
    for problem in found["problems"]:
        console.print(f"[red]problem[/red] {escape(problem)}", soft_wrap=True)
    console.print()
    console.print(table("Customers", list(found["customers"]), [list(found["customers"].values())]))
    console.print()
    segments(console, found["segments"], floor)
    console.print()
    _models(console, found["models"])
    console.print()
    for delivery in found["deliveries"]:
        _delivery(console, delivery, floor)
    console.print(f"\npublished {found['published']}", soft_wrap=True)
    console.print(f"report {found['report']}", soft_wrap=True)
    console.print(f"{found['seconds']} s, peak memory of a step {found['peak_memory_mb']} MB")


def _models(console: Console, report: dict[str, Any]) -> None:
    lines = [[name, model["status"], model["reason"] or _quality(model)] for name, model in sorted(report.items())]
    console.print(table("Models", ["model", "status", "quality"], lines))


def _quality(model: dict[str, Any]) -> str:
    metrics, told = model["metrics"], [f"{model['rows']:,} people"]
    for name, value in {**metrics, **metrics.get("model", {})}.items():
        if isinstance(value, int | float):
            baseline = metrics.get("baseline", {}).get(name)
            against = "" if baseline is None or name == "base_rate" else f" (baseline {baseline:.3g})"
            told.append(f"{name} {value:.3g}{against}")
    return ", ".join(told)


def _delivery(console: Console, delivery: dict[str, Any], floor: int) -> None:
    sent, blocked = delivery["sent"], delivery["blocked"]
    told = f"{changes(sent)} → {delivery['path']}" if sent else "nothing changed, nothing sent"
    if blocked:
        told = f"[red]blocked, nothing sent:[/red] {escape(blocked)}"
    told += f"; {delivery['messages']:,} messages" if delivery["messages"] else ""
    console.print(f"[bold]{delivery['destination']}[/bold] {delivery['people']:,} people; {told}", soft_wrap=True)
    for segment, people in delivery["held_back_by_consent"].items():
        console.print(f"  held back without consent: {segment} {people:,} people")
    if held_out := delivery["held_out"]:
        console.print(f"  held out to compare: {sum(held_out.values()):,} members of {len(held_out)} segments")
    for segment in delivery["held_back_by_floor"]:
        console.print(f"  held back by the floor of {floor} active members: {segment}")


def changes(plan: dict[str, Any]) -> str:
    """Whom a plan would change."""
    return f"{plan['added']:,} added, {plan['changed']:,} changed, {plan['removed']:,} removed"


def plans(console: Console, found: list[dict[str, Any]]) -> None:
    """What each destination would be sent, and what stands in the way."""
    for plan in found:
        told = f"plan {plan['plan_id']}: {changes(plan)}" if plan["plan_id"] else "nothing changed, nothing to send"
        told += f"; {plan['messages']} messages" if plan["messages"] else ""
        console.print(f"[bold]{plan['destination']}[/bold] {told}", soft_wrap=True)
        for line in plan["blocked_by"]:
            console.print(f"  [red]blocked[/red] {escape(line)}", soft_wrap=True)


def calls(console: Console, found: list[dict[str, Any]]) -> None:
    """Calls that would be made; a body is what would be sent, byte for byte."""
    for call in found:
        console.print(f"[bold]{call['method']}[/bold] {escape(call['url'])}", soft_wrap=True)
        console.print(call["body"], soft_wrap=True, markup=False, highlight=False)
    if not found:
        console.print("nothing changed, nothing to send")


def rows(console: Console, found: list[dict[str, Any]]) -> None:
    """People, a line each."""
    names = list(found[0]) if found else []
    lines = [[", ".join(one) if isinstance(one, list) else one for one in row.values()] for row in found]
    console.print(table("People", names, lines) if found else "nobody")


def standing(console: Console, found: list[dict[str, Any]]) -> None:
    """A destination a line, and under it what waits for somebody."""
    for one in found:
        plan = one["plan"]
        told = f"plan {plan['plan_id']} {plan['status']}: {changes(plan)}" if plan else "no plan yet"
        told += f"; told {one['messages']} messages" if one["messages"] else ""
        console.print(f"[bold]{one['destination']}[/bold] holds {one['people']} people; {told}", soft_wrap=True)
        for code, people in one["dead_letters"].items():
            console.print(f"  [red]refused[/red] {people} people: {escape(code)}", soft_wrap=True)
        if one["open_batches"]:
            console.print(f"  [yellow]open[/yellow] {one['open_batches']} batches, settled by the next run")


def status(console: Console, found: dict[str, Any]) -> None:
    """What is published, a line a run, and a line an alert."""
    published = found["published"]
    simulated(console, bool(published and published["simulated"]))
    told = (
        f"{published['version']}, as of {published['as_of']} UTC, {published['path']}" if published else "nothing yet"
    )
    console.print(f"published: {told}", soft_wrap=True)
    for source in published["sources"] if published else []:
        if source["freshness"] == "stale":
            told = f"newest row {source['newest_at']}, allowed age {source['fresh_within_hours']} h"
            console.print(f"[red]stale[/red] {source['source']}: {told}", soft_wrap=True)
    for send in found["blocked"]:
        console.print(f"[red]blocked[/red] {send['destination']}: {escape(send['message'])}", soft_wrap=True)
    lines = [[run["run_id"], run["status"], run["started_at"], run["seconds"]] for run in found["runs"]]
    console.print(table("Runs", ["run", "status", "started", "seconds"], lines))
    for one in found["overrides"]:
        told = f"{one['kind']} {one['subject']}, {one['detail']}: {one['reason']}"
        console.print(f"[yellow]let pass[/yellow] {one['decided_at']} {escape(told)}", soft_wrap=True)
    for alert in found["alerts"]:
        console.print(f"[red]alert[/red] {alert['at']} {escape(Alert(**alert).text)}", soft_wrap=True)


def stages(console: Console, found: list[dict[str, Any]]) -> None:
    """One line a stage of a run; the digests are cut to what tells them apart."""
    columns = [
        "stage",
        "status",
        "seconds",
        "cpu s",
        "peak MB",
        "read MB",
        "written MB",
        "rows in",
        "loaded",
        "in",
        "out",
    ]
    lines = [
        [
            f"{row['stage']} {row['source']}".strip(),
            row["status"],
            _rounded(row["seconds"]),
            _rounded(row["cpu_seconds"]),
            _rounded(row["peak_memory_mb"]),
            _rounded(row["bytes_read"], 1e6),
            _rounded(row["bytes_written"], 1e6),
            row["rows_in"],
            row["rows_loaded"],
            (row["input_hash"] or "-")[:8],
            (row["output_hash"] or "-")[:8],
        ]
        for row in found
    ]
    console.print(table(f"Stages of {found[0]['run_id']}", columns, lines))


def _rounded(value: float | None, unit: float = 1) -> float | None:
    return None if value is None else round(value / unit, 1)
