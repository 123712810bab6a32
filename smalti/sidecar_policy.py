"""What sidecars say of other segments, held against each other: nothing that is not there, and nothing in a circle.

dbt would build all of it: a misspelt name excludes nobody, and of two segments with one rank chance would decide.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from reverse_etl import destination as destinations
from smalti.yaml_lines import line
from warehouse import activations
from warehouse.dbt import SEGMENTS


class Triggering(Protocol):
    """The part of a trigger that says where its messages go."""

    destination: str | None


class Stated(Protocol):
    """The part of a sidecar's `config.meta` that speaks of other segments."""

    group: str | None
    rank: int | None
    excludes: list[str]
    parent: str | None
    lookalike_of: str | None
    lookalike_without: list[str]

    @property
    def trigger(self) -> Triggering | None:
        """What follows when somebody enters."""


def problems(
    stated: Mapping[str, Stated],
    folder: Path = SEGMENTS,
    seeds: Path = activations.SEEDS,
    taking: Sequence[str] | None = None,
) -> list[str]:
    """One line for each thing wrong: file, line, what is allowed; `taking` are destinations that take messages."""
    excludes = {name: one.excludes for name, one in stated.items()}
    parent = {name: [one.parent] if one.parent else [] for name, one in stated.items()}
    seed = {name: [one.lookalike_of] if one.lookalike_of else [] for name, one in stated.items()}
    return [
        *(problem for name, one in stated.items() for problem in _place(folder, name, one)),
        *_same_rank(folder, stated),
        *_unknown(folder, excludes, "excludes"),
        *_circles(folder, excludes, "excludes"),
        *_unknown(folder, parent, "parent"),
        *_circles(folder, parent, "parent"),
        *_unknown(folder, seed, "lookalike_of"),
        *_lookalikes(folder, stated),
        *_triggers(folder, stated, seeds, _taking() if taking is None else taking),
    ]


def _at(folder: Path, name: str, key: str) -> str:
    path = ("models", 0, "config", "meta", key)
    return f"{name}.yml:{line(folder / f'{name}.yml', path)}: {'.'.join(map(str, path))}"


def _place(folder: Path, name: str, one: Stated) -> Iterator[str]:
    if one.rank is not None and one.group is None:
        yield f"{_at(folder, name, 'rank')}: ranks in no group; allowed: with a group, or no rank"
    if one.group is not None and one.rank is None:
        yield f"{_at(folder, name, 'group')}: has no rank in it; allowed: `rank`, a whole number from 1"


def _same_rank(folder: Path, stated: Mapping[str, Stated]) -> Iterator[str]:
    first: dict[tuple[str, int], str] = {}
    for name, one in stated.items():
        if one.group is None or one.rank is None:
            continue
        other = first.setdefault((one.group, one.rank), name)
        if other != name:
            taken = ", ".join(str(rank) for group, rank in sorted(first) if group == one.group)
            told = f"{other} has rank {one.rank} of group {one.group!r}; allowed: any but {taken}"
            yield f"{_at(folder, name, 'rank')}: {told}"


def _unknown(folder: Path, named: Mapping[str, Sequence[str]], key: str) -> Iterator[str]:
    for name, others in named.items():
        for other in others:
            if other not in named and not (folder / f"{other}.sql").is_file():
                yield f"{_at(folder, name, key)}: no segment {other!r}; there are: {', '.join(sorted(named))}"


def _circles(folder: Path, named: Mapping[str, Sequence[str]], key: str) -> Iterator[str]:
    for name in named:
        if way := _way_back(named, name):
            yield f"{_at(folder, name, key)}: comes back to itself: {' → '.join(way)}; allowed: no circle"


def _lookalikes(folder: Path, stated: Mapping[str, Stated]) -> Iterator[str]:
    """Look-alikes have a seed that is none of themselves, keep its members out, and are the only ones of it."""
    first: dict[str, str] = {}
    for name, one in stated.items():
        if one.lookalike_without and not one.lookalike_of:
            yield f"{_at(folder, name, 'lookalike_without')}: has no seed; allowed: with `lookalike_of`"
        if not (seed := one.lookalike_of):
            continue
        other = first.setdefault(seed, name)
        if other != name:
            yield f"{_at(folder, name, 'lookalike_of')}: {other} is that of {seed!r} already; allowed: another seed"
        elif seed in stated and stated[seed].lookalike_of:
            yield f"{_at(folder, name, 'lookalike_of')}: {seed!r} holds look-alikes itself; allowed: any other segment"
        elif seed not in one.excludes:
            told = f"does not keep the people of {seed!r} out; allowed: with it in `excludes`"
            yield f"{_at(folder, name, 'lookalike_of')}: {told}"


def _taking() -> list[str]:
    return [name for name in destinations.every() if destinations.takes_messages(name)]


def _triggers(folder: Path, stated: Mapping[str, Stated], seeds: Path, taking: Sequence[str]) -> Iterator[str]:
    """A trigger's message goes by one line of the activations, which gives it purpose and channel."""
    with (seeds / "activations.csv").open(newline="") as file:
        lines = [(row["segment"], row["destination"]) for row in csv.DictReader(file)]
    for name, one in stated.items():
        if one.trigger is None:
            continue
        sent_to = sorted(destination for segment, destination in lines if segment == name)
        listed = ", ".join(sent_to) or "none: activations.csv sends it nowhere"
        if one.trigger.destination is None and len(sent_to) != 1:
            yield f"{_at(folder, name, 'trigger')}: is sent to no one destination; allowed as `destination`: {listed}"
        elif one.trigger.destination not in (None, *sent_to):
            told = f"is not sent to {one.trigger.destination!r}; allowed as `destination`: {listed}"
            yield f"{_at(folder, name, 'trigger')}: {told}"
        elif (goes_to := one.trigger.destination or sent_to[0]) not in taking:
            told = f"goes to {goes_to!r}, which takes no messages; allowed: {', '.join(taking)}"
            yield f"{_at(folder, name, 'trigger')}: {told}"


def _way_back(named: Mapping[str, Sequence[str]], start: str) -> list[str]:
    """The shortest way from a segment to itself; empty where there is none."""
    ways, seen = [[start]], set[str]()
    while ways:
        way = ways.pop(0)
        for other in named.get(way[-1], ()):
            if other == start:
                return [*way, other]
            if other not in seen:
                seen.add(other)
                ways.append([*way, other])
    return []
