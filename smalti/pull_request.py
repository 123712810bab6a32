"""An impact as Markdown, for whoever reviews a pull request."""

from segmentation.impact import Impact, SegmentImpact


def text(found: Impact) -> str:
    """A table of segments and one of destinations; numbers of people in whole floors."""
    lines = ["### Impact on segments", "", _about(found), ""]
    if not found.segments:
        return "\n".join([*lines, "No definition differs.", ""])
    lines += ["| segment | | before | after | enter | leave | sent |", "|---|---|---:|---:|---:|---:|---|"]
    lines += [_segment(one, found.floor) for one in found.segments]
    lines += ["", "| destination | added | changed | removed |", "|---|---:|---:|---:|"]
    for row in found.destinations:
        numbers = (people(row[name], found.floor) for name in ("added", "changed", "removed"))
        lines.append(f"| {row['destination']} | {' | '.join(numbers)} |")
    lines += ["", *_consents(found), *_stops(found)]
    return "\n".join(lines) + "\n"


def people(number: int | None, floor: int) -> str:
    """A number of people as it may be told."""
    return f"< {floor}" if number is None else f"{number:,}"


def _about(found: Impact) -> str:
    label = " Simulated data: nothing here is about a real shop." if found.is_simulated else ""
    return (
        f"Against `{found.against}`, over the version of {found.as_of} UTC, people in whole floors of {found.floor}."
        f"{label}"
    )


def _segment(one: SegmentImpact, floor: int) -> str:
    numbers = " | ".join(people(number, floor) for number in (one.before, one.after, one.entered, one.left))
    return f"| `{one.segment}` | {one.what} | {numbers} | {'yes' if one.is_sendable else 'no'} |"


def _consents(found: Impact) -> list[str]:
    lines = [
        f"- `{one.segment}` to {row['destination']}: {people(row['without_consent'], found.floor)} of its people"
        f" gave no consent to {row['purpose']} by {row['channel']}"
        for one in found.segments
        for row in one.consent
    ]
    return [*lines, ""] if lines else []


def _stops(found: Impact) -> list[str]:
    stops = [guard for one in found.segments for guard in one.guards]
    stops += [f"{row['destination']}: {guard}" for row in found.destinations for guard in row["guards"]]
    return [f"- **stops**: {stop}" for stop in stops]
