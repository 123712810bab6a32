"""A definition as SQL over the published version: its Jinja rendered as dbt would, in a sandbox, without dbt.

A segment may say `ref`, `source`, `as_of` and `threshold`; anything else is refused by name.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import duckdb
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from segmentation.definition import Definition
from warehouse.dbt import PROJECT
from warehouse.errors import SmaltiError
from warehouse.sql import literal

_FAULTS = (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, RecursionError)
_NO_SIEVE = "{% macro crowded(views, group_by, least, seconds) %}select * from {{ views }}{% endmacro %}"
AS_OF = "as_of()"  # a macro of the connection that the SQL is run on


class Refused(SmaltiError):
    """The definition asks for something that a segment may not have."""


@dataclass(frozen=True)
class Published:
    """What a segment can name, each with the relation it stands for: tables of profiles and scores, other segments."""

    profiles: Mapping[str, str]
    scores: Mapping[str, str]
    segments: Mapping[str, str]

    @classmethod
    def of(cls, connection: duckdb.DuckDBPyConnection) -> "Published":
        """What the attached version `published` holds."""
        found: dict[str, dict[str, str]] = {"profiles": {}, "scores": {}}
        for schema, table in connection.execute(
            "select table_schema, table_name from information_schema.tables where table_catalog = 'published'"
        ).fetchall():
            found.setdefault(schema, {})[table] = f'published.{schema}."{table}"'
        segments = connection.execute("select segment_id from published.segments.catalog").fetchall()
        return cls(found["profiles"], found["scores"], {name: _members(name) for (name,) in segments})


def _members(segment: str) -> str:
    return f"(select customer_id from published.segments.memberships where segment_id = {literal(segment)})"


def render(definition: Definition, published: Published, *, with_sieve: bool = True) -> str:
    """The SQL of a definition, to be run where the version is attached as `published` and `as_of()` is a macro.

    A sieve only saves work: without it the SQL says the same, of each person by their own rows.

    Raises:
        Refused: it names what is not there, or says what a segment may not say.
    """
    names = _Names(definition, published)
    allowed = {"ref": names.ref, "source": names.source, "threshold": names.threshold, "as_of": lambda: AS_OF}
    if "{%" in definition.sql:
        raise Refused(f"{definition.name}.sql: has {{% … %}}; {_allowed(allowed)}")
    try:
        macros = _macros() + ("" if with_sieve else _NO_SIEVE)
        return _environment().from_string(macros + definition.sql).render(allowed).strip()
    except _FAULTS as error:
        raise Refused(f"{definition.name}.sql: {error}; {_allowed(allowed)}") from None


def _allowed(names: Iterable[str]) -> str:
    return f"allowed in braces are {', '.join(sorted(names))}"


@dataclass(frozen=True)
class _Names:
    definition: Definition
    published: Published

    def ref(self, name: str) -> str:
        if found := self.published.profiles.get(name) or self.published.segments.get(name):
            return found
        known = ", ".join(sorted(self.published.profiles.keys() | self.published.segments.keys()))
        raise Refused(f"{self.definition.name}.sql: ref({name!r}) is not published; allowed are: {known}")

    def source(self, schema: str, name: str) -> str:
        if schema == "scores" and name in self.published.scores:
            return self.published.scores[name]
        known = ", ".join(f"source('scores', '{one}')" for one in sorted(self.published.scores))
        raise Refused(f"{self.definition.name}.sql: source({schema!r}, {name!r}) is none; allowed are: {known}")

    def threshold(self, name: str) -> Any:
        found = self.definition.thresholds
        if name not in found:
            known = ", ".join(sorted(found)) or "none"
            raise Refused(f"{self.definition.name}.sql: no threshold {name!r} in its sidecar; there are: {known}")
        return found[name]


def _environment() -> ImmutableSandboxedEnvironment:
    # what it renders is SQL, not HTML: nothing is escaped
    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)


@cache
def _macros() -> str:
    """Macros that segments may use beside these names: those of one file, without dbt in them."""
    path = PROJECT / "macros" / "windows.sql"
    return path.read_text() if path.exists() else ""
