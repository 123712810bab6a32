"""The thresholds that segments use, held against those that sidecars and the shared seed state: none out of range.

A misspelt name would be found by a run; a number out of range, or one that nothing reads any more, by nobody.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from smalti.yaml_lines import line
from warehouse import thresholds
from warehouse.dbt import SEGMENTS
from warehouse.thresholds import Bounded, Shared

_USED = re.compile(r"threshold\(\s*'([^']*)'\s*\)")
Stated = float | Bounded


@dataclass(frozen=True)
class Segment:
    """A segment's files and the thresholds that its sidecar states."""

    query: Path
    sidecar: Path
    stated: dict[str, Stated]

    @cached_property
    def used(self) -> dict[str, int]:
        """The thresholds that the SQL names, each with the first line where it does."""
        lines = enumerate(self.query.read_text().splitlines(), start=1)
        found = [(name, at) for at, text in lines for name in _USED.findall(text)]
        return dict(reversed(found))

    def place(self, name: str) -> str:
        """File, line and path of a threshold in the sidecar."""
        path = ("models", 0, "config", "meta", "thresholds", name)
        return f"{self.sidecar.name}:{line(self.sidecar, path)}: {'.'.join(map(str, path))}"


def problems(segments: list[tuple[str, dict[str, Stated]]], folder: Path = SEGMENTS) -> list[str]:
    """One line for each thing wrong in the seed or in these sidecars: file, line, what is allowed."""
    if malformed := thresholds.problems():
        return malformed
    return held_against(thresholds.shared(), segments, folder)


def held_against(shared: dict[str, Shared], stated: list[tuple[str, dict[str, Stated]]], folder: Path) -> list[str]:
    """Of these segments, by name with the thresholds that their sidecars state."""
    segments = [Segment(folder / f"{name}.sql", folder / f"{name}.yml", its) for name, its in stated]
    used = {name for segment in segments for name in segment.used}
    return [
        *(problem for segment in segments for problem in _of(segment, shared)),
        *(
            f"{thresholds.FILE.name}:{thresholds.line_of(name)}: no segment uses {name!r}; allowed: what one uses"
            for name in shared
            if name not in used
        ),
    ]


def _of(segment: Segment, shared: dict[str, Shared]) -> Iterator[str]:
    for name, at in segment.used.items():
        if name not in {*segment.stated, *shared}:
            allowed = ", ".join(sorted({*segment.stated, *shared}))
            yield f"{segment.query.name}:{at}: no threshold {name!r}; there are: {allowed}"
    for name, value in segment.stated.items():
        if name not in segment.used:
            yield f"{segment.place(name)}: {segment.query.name} does not use it; allowed: {_listed(segment.used)}"
        if name in shared:
            yield from _overriding(segment.place(name), value, shared[name])


def _overriding(place: str, value: Stated, shared: Shared) -> Iterator[str]:
    if isinstance(value, Bounded):
        yield f"{place}: its range is the shared one's ({thresholds.FILE.name}); allowed: a number"
    elif not shared.admits(value):
        yield f"{place}: {value:g} is out of range; allowed: {shared.range} ({thresholds.FILE.name})"


def _listed(names: dict[str, int]) -> str:
    return ", ".join(sorted(names)) or "none"
