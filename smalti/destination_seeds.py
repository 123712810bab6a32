"""The seeds that name destinations, held against the files that are destinations: only here are both seen."""

import csv
from collections.abc import Iterator
from pathlib import Path

from reverse_etl import destination
from warehouse.activations import SEEDS

_NAMING = ("activations.csv", "destination_attributes.csv", "destinations.csv")


def problems(folder: Path = SEEDS) -> list[str]:
    """One line for each thing wrong: file and line, what, what is allowed."""
    there = destination.every()
    unknown = [
        f"{name}:{at}: no destination {row['destination']!r} in reverse_etl/destinations; there are: {', '.join(there)}"
        for name in _NAMING
        for at, row in _rows(folder / name)
        if row["destination"] not in there
    ]
    return unknown or list(_misnamed(folder / "destination_attributes.csv"))


def _misnamed(path: Path) -> Iterator[str]:
    """Attributes that a destination cannot be told, or not under that name."""
    for at, row in _rows(path):
        names = destination.attribute_names(row["destination"])
        if names is None:
            takes = ", ".join(one for one in destination.every() if destination.attribute_names(one))
            yield f"{path.name}:{at}: {row['destination']} can be told no attributes; allowed: {takes}"
        elif not names.fullmatch(row["name"]):
            yield f"{path.name}:{at}: {row['name']!r} is no name at {row['destination']}; allowed: {names.pattern}"


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    with path.open(newline="") as file:
        return list(enumerate(csv.DictReader(file), start=2))
