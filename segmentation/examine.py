"""Whether the segments of the folder can be used by a run: looked at before dbt builds any of them.

dbt stops everything where one definition cannot be parsed, bound or ordered; here it is that one that is set aside.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

import duckdb

from segmentation.alone import stands_alone, tells_apart
from segmentation.candidates import plain
from segmentation.definition import Definition
from segmentation.render import AS_OF, Published, render
from segmentation.shape import shape
from warehouse import scores
from warehouse.errors import SmaltiError
from warehouse.sql import literal

_TABLES = """
select table_schema, table_name from information_schema.tables
where table_schema in ('input', 'identity', 'profiles')
"""
_SCORES = "select table_name from information_schema.tables where table_schema = 'scores'"
_AS_OF = f"create or replace temp macro {AS_OF} as (select as_of from ops.control)"
_NOBODY = "(select cast(null as varchar) as customer_id where false)"


@dataclass(frozen=True)
class Finding:
    """What is wrong with a definition, if anything, and what its steps ask of people (`segmentation.alone`)."""

    problem: str | None = None
    stands_alone: bool = False
    tells_apart: bool = False


def unreadable(definitions: Mapping[str, Definition], tables: Iterable[str]) -> dict[str, str]:
    """What is wrong with definitions as texts, by name: dbt could not even read the project with one of these.

    `tables` are the models that there are; whether one has the columns asked for is not looked at.
    """
    known = Published(
        {name: name for name in tables}, dict.fromkeys(scores.TABLES, "scores"), dict.fromkeys(definitions, _NOBODY)
    )
    found = {name: _finding(one, known, lambda _: None) for name, one in definitions.items()}
    return {name: one.problem for name, one in found.items() if one.problem} | _circles(definitions, known)


def examine(connection: duckdb.DuckDBPyConnection, definitions: Mapping[str, Definition]) -> dict[str, Finding]:
    """Hold each definition against the tables of the working file that it would read; no row is read."""
    connection.execute(_AS_OF)
    known = _known(connection, definitions)

    def bind(sql: str) -> None:
        connection.execute(f"explain {sql}")

    found = {name: _finding(one, known, bind) for name, one in definitions.items()}
    return found | {name: Finding(told) for name, told in _circles(definitions, known).items()}


def _finding(definition: Definition, known: Published, bind: Callable[[str], None]) -> Finding:
    try:
        rendered = render(definition, known)
        shape(definition.name, rendered)
        with plain(definition.name):
            bind(rendered)
        steps = shape(definition.name, render(definition, known, with_sieve=False)).steps
        return Finding(None, stands_alone(steps), tells_apart(steps))
    except SmaltiError as error:
        return Finding(str(error))


def _known(connection: duckdb.DuckDBPyConnection, definitions: Mapping[str, Definition]) -> Published:
    """The tables of the working file by the names that segments know them by; of other segments only that they are."""
    tables = {name: f'{schema}."{name}"' for schema, name in connection.execute(_TABLES).fetchall()}
    scores = {name: f'scores."{name}"' for (name,) in connection.execute(_SCORES).fetchall()}
    return Published(tables, scores, dict.fromkeys(definitions, _NOBODY))


def _circles(definitions: Mapping[str, Definition], known: Published) -> dict[str, str]:
    reads = {name: _read_by(one, known) for name, one in definitions.items()}
    found = dict[str, str]()
    while True:
        try:
            TopologicalSorter(reads).prepare()
        except CycleError as error:
            circle = error.args[1]
            found |= {name: f"{name}.sql: reads itself: {' → '.join(circle)}; allowed: no circle" for name in circle}
            reads = {name: others - found.keys() for name, others in reads.items() if name not in found}
        else:
            return found


def _read_by(definition: Definition, known: Published) -> set[str]:
    """Other segments that it names in `ref`."""
    named = {name: literal(f"is {name}") for name in known.segments}
    try:
        text = render(definition, Published(known.profiles, known.scores, named))
    except SmaltiError:
        return set()
    return {name for name, mark in named.items() if mark in text}
