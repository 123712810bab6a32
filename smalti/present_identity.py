"""Who is who on a terminal; what is shown is the same as `--json`."""

from typing import Any

from rich.console import Console

from smalti.identity import Difference, Explanation
from smalti.present import table


def difference(console: Console, found: Difference) -> None:
    """The totals, then the largest changes."""
    columns = ["people", "after", "merge", "split", "identifiers moved"]
    figures = (found.people_before, found.people_after, found.people_merged, found.people_split)
    console.print(table("People", columns, [[f"{n:,}" for n in (*figures, found.identifiers_moved)]]))
    rows = [
        [
            change.kind,
            " ".join(one[:8] for one in change.customer_ids[:4]) + (" …" if len(change.customer_ids) > 4 else ""),  # noqa: PLR2004
            f"{len(change.customer_ids)} → {change.people_after}",
            ", ".join(f"{count} {kind}" for kind, count in change.identifiers.items()),
        ]
        for change in found.changes
    ]
    if rows:
        console.print(table("Largest changes", ["what", "customer ids", "people", "identifiers"], rows))


def explanation(console: Console, found: Explanation) -> None:
    """The links one below the other."""
    if found.is_joined:
        console.print(f"one person, {found.customer_ids[0]}", soft_wrap=True)
        title, columns = "What joins them", ["from", "to", "since", "evidence"]
    else:
        console.print(f"two people, {' and '.join(found.customer_ids)}", soft_wrap=True)
        title, columns = "What does not", ["from", "to", "since", "evidence", "why not"]
    rows = [
        [
            step.from_identifier,
            step.to_identifier,
            f"{step.first_seen_at:%Y-%m-%d %H:%M}",
            step.evidence,
            step.why_not or "",
        ]
        for step in found.steps
    ]
    if rows:
        console.print(table(title, columns, [row[: len(columns)] for row in rows]))
    else:
        console.print("it is the same identifier" if found.is_joined else "no record has anything of both")


def measures(console: Console, found: list[dict[str, Any]]) -> None:
    """One line a measure."""
    columns = ["measure", "found", "of", "share", "limit", ""]
    rows = [
        [
            row["measure"],
            f"{row['found_count']:,}",
            f"{row['of_count']:,}",
            "-" if row["share"] is None else f"{row['share']:.2%}",
            f"{row['most_share']:.2%}",
            "ok" if row["is_within_limit"] else "over its limit",
        ]
        for row in found
    ]
    console.print(table("Quality of identity", columns, rows))
