"""Thresholds that segments share: a named number with its owner and the range that it may be changed within."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from warehouse.errors import SmaltiError
from warehouse.settings import CHECKOUT

FILE = CHECKOUT / "dbt_project" / "seeds" / "thresholds.csv"

Name = Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")]
Number = Annotated[float, Field(allow_inf_nan=False)]


class Bounded(BaseModel):
    """A value and the range that it may be changed within, both ends included."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: Number
    minimum: Number
    maximum: Number

    @model_validator(mode="after")
    def _is_within(self) -> Self:
        if not self.admits(self.value):
            raise ValueError(f"{self.value:g} is out of range; allowed: {self.range}")
        return self

    def admits(self, value: float) -> bool:
        """Whether the threshold may have this value."""
        return self.minimum <= value <= self.maximum

    @property
    def range(self) -> str:
        """In words, for messages."""
        return f"{self.minimum:g} to {self.maximum:g}"


class Shared(Bounded):
    """A threshold of several segments, a line of the seed."""

    name: Name
    unit: Annotated[str, Field(min_length=1)]
    owner: Name
    description: Annotated[str, Field(min_length=20)]


def shared(path: Path = FILE) -> dict[str, Shared]:
    """The shared thresholds by name.

    Raises:
        SmaltiError: a line is wrong; each stands on a line of the message.
    """
    if found := problems(path):
        raise SmaltiError("\n".join(found))
    lines = (Shared.model_validate(row) for _, row in _rows(path))
    return {line.name: line for line in lines}


def values(path: Path = FILE) -> dict[str, int | float]:
    """The shared values by name as SQL shows them: a whole number without a point.

    Raises:
        SmaltiError: as `shared`.
    """
    return {name: plain(line.value) for name, line in shared(path).items()}


def plain(value: float) -> int | float:
    """A whole number as such."""
    return int(value) if value == int(value) else value


def line_of(name: str, path: Path = FILE) -> int:
    """The line on which a shared threshold stands."""
    return next(at for at, row in _rows(path) if row.get("name") == name)


def problems(path: Path = FILE) -> list[str]:
    """One line for each thing wrong: file and line, what, what is allowed."""
    rows = _rows(path)
    return [f"{path.name}:{at}: {why}" for at, row in rows for why in _why(row)] + list(_repeated(path.name, rows))


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(enumerate(csv.DictReader(file, restkey="more_columns"), start=2))


def _why(row: dict[str, str]) -> Iterator[str]:
    try:
        Shared.model_validate(row)
    except ValidationError as error:
        for problem in error.errors():
            yield ": ".join(filter(None, (".".join(map(str, problem["loc"])), problem["msg"])))


def _repeated(file: str, rows: list[tuple[int, dict[str, str]]]) -> Iterator[str]:
    first: dict[str, int] = {}
    for at, row in rows:
        if first.setdefault(row["name"], at) != at:
            yield f"{file}:{at}: {row['name']!r} stands on line {first[row['name']]} already; allowed: each name once"
