"""Lines of the reviewed seeds, and what is wrong with one: so that a message names file and line."""

import csv
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

Rows = list[tuple[int, dict[str, str]]]


class Line(BaseModel):
    """A line of a seed; a column that is not named is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def rows(path: Path) -> Rows:
    """Each line by its number in the file, as texts."""
    with path.open(newline="") as file:
        return list(enumerate(csv.DictReader(file), start=2))


def faults(line: type[Line], row: dict[str, str]) -> Iterator[str]:
    """What of the row is not as the line says: column and why."""
    try:
        line.model_validate(row)
    except ValidationError as error:
        for problem in error.errors():
            yield f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
