"""What may be sent where, as the reviewed seeds say: whatever a destination does not declare stops the build."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, Field, ValidationError

from warehouse import attributes, content, seeds
from warehouse.errors import SmaltiError
from warehouse.seeds import Line, Rows
from warehouse.settings import CHECKOUT

SEEDS = CHECKOUT / "dbt_project" / "seeds"

Name = Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")]
Share = Annotated[float, Field(ge=0, lt=1)]


class Purpose(Line):
    """A purpose and the channel it is pursued through, and whether Global Privacy Control refuses it."""

    purpose: Name
    channel: Name
    is_refused_by_gpc: bool


class Destination(Line):
    """What a destination may be used for; a line for each purpose and channel. Its own file says how it behaves."""

    destination: Name
    purpose: Name
    channel: Name
    holdout_share: Share


class Activation(Line):
    """A segment that is sent to a destination, for a purpose through a channel."""

    destination: Name
    segment: Name
    purpose: Name
    channel: Name


class DestinationAttribute(Line):
    """An attribute that a destination is told, by its name there, of people who are sent there for that purpose."""

    destination: Name
    attribute: Name
    name: Annotated[str, Field(pattern="^[A-Za-z_][A-Za-z0-9_]*$")]
    purpose: Name


class Holdout(Line):
    """The share of a control group where it is not the destination's."""

    destination: Name
    segment: Name
    holdout_share: Share


class _Global(BaseModel):
    global_control_share: Share


_FILES: dict[str, type[Line]] = {
    "purposes.csv": Purpose,
    "destinations.csv": Destination,
    "activations.csv": Activation,
    "destination_attributes.csv": DestinationAttribute,
    "holdouts.csv": Holdout,
}


def refuse(folder: Path = SEEDS) -> None:
    """Stop before anything is built that should not be sent.

    Raises:
        SmaltiError: a line of the seeds is wrong; each stands on a line of the message.
    """
    if found := problems(folder):
        raise SmaltiError("\n".join(found))


def problems(folder: Path = SEEDS) -> list[str]:
    """One line for each thing wrong: file and line, what, what is allowed."""
    rows = {name: seeds.rows(folder / name) for name in _FILES}
    malformed = [
        f"{name}:{at}: {why}"
        for name, lines in rows.items()
        for at, row in lines
        for why in seeds.faults(_FILES[name], row)
    ]
    malformed += _wrong_global(folder.parent / "dbt_project.yml")
    if malformed:
        return malformed
    purposes = {(row["purpose"], row["channel"]) for _, row in rows["purposes.csv"]}
    return [
        *(problem for name, lines in rows.items() for problem in _repeated(name, lines)),
        *_undeclared(rows["destinations.csv"], purposes),
        *_unsendable(rows["activations.csv"], rows["destinations.csv"]),
        *_without_activation(rows["holdouts.csv"], rows["activations.csv"]),
        *attributes.problems(rows["destination_attributes.csv"], rows["destinations.csv"], folder.parent),
        *content.problems(folder),
    ]


_OF_A_LINE = ("destination", "segment", "name", "purpose", "channel")


def _repeated(name: str, lines: Rows) -> Iterator[str]:
    seen: dict[tuple[str, ...], int] = {}
    # a segment goes to a destination by one right; a destination may have several
    parts = ("destination", "segment") if name == "activations.csv" else _OF_A_LINE
    for at, row in lines:
        first = seen.setdefault(tuple(row.get(part, "") for part in parts), at)
        if first != at:
            pair = " and ".join(part for part in parts if part in row)
            yield f"{name}:{at}: the same as line {first}; allowed: each {pair} once"


def _wrong_global(project: Path) -> list[str]:
    try:
        _Global.model_validate(yaml.safe_load(project.read_text())["vars"])
    except ValidationError as error:
        return [f"{project.name}: vars.global_control_share: {error.errors()[0]['msg']}"]
    return []


def _undeclared(destinations: Rows, purposes: set[tuple[str, str]]) -> list[str]:
    allowed = _listed(purposes)
    return [
        f"destinations.csv:{at}: no purpose {_use(row)} in purposes.csv; allowed: {allowed}"
        for at, row in destinations
        if (row["purpose"], row["channel"]) not in purposes
    ]


def _unsendable(activations: Rows, destinations: Rows) -> list[str]:
    declared: dict[str, set[tuple[str, str]]] = {}
    for _, row in destinations:
        declared.setdefault(row["destination"], set()).add((row["purpose"], row["channel"]))
    return [
        f"activations.csv:{at}: {row['segment']}: destination {row['destination']!r} does not declare {_use(row)}; "
        f"destinations.csv allows: {_listed(declared.get(row['destination'], set()))}"
        for at, row in activations
        if (row["purpose"], row["channel"]) not in declared.get(row["destination"], set())
    ]


def _without_activation(holdouts: Rows, activations: Rows) -> list[str]:
    known = {(row["destination"], row["segment"]) for _, row in activations}
    return [
        f"holdouts.csv:{at}: {row['segment']} does not go to {row['destination']!r}; allowed: as in activations.csv"
        for at, row in holdouts
        if (row["destination"], row["segment"]) not in known
    ]


def _use(row: dict[str, str]) -> str:
    return f"{row['purpose']}/{row['channel']}"


def _listed(uses: set[tuple[str, str]]) -> str:
    return ", ".join(sorted("/".join(use) for use in uses)) or "nothing"
