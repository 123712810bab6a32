"""The seeds that name destinations, held against the files that are destinations: only here are both seen."""

import csv
from pathlib import Path

from reverse_etl import destination
from warehouse.activations import SEEDS

_NAMING = ("activations.csv", "destinations.csv")


def problems(folder: Path = SEEDS) -> list[str]:
    """One line for each thing wrong: file and line, what, what is allowed."""
    there = destination.every()
    return [
        f"{name}:{at}: no destination {row['destination']!r} in reverse_etl/destinations; there are: {', '.join(there)}"
        for name in _NAMING
        for at, row in _rows(folder / name)
        if row["destination"] not in there
    ]


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    with path.open(newline="") as file:
        return list(enumerate(csv.DictReader(file), start=2))
