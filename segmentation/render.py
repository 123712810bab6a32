"""A definition as SQL over the published version: its Jinja rendered as dbt would, in a sandbox, without dbt.

A segment may say `ref`, `source`, `as_of` and `threshold`; anything else is refused by name.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import duckdb
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from segmentation.definition import Definition
from warehouse.dbt import PROJECT
from warehouse.errors import SmaltiError

_FAULTS = (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, RecursionError)
AS_OF = "as_of()"  # a macro of the connection that the SQL is run on


class Refused(SmaltiError):
    """The definition asks for something that a segment may not have."""


@dataclass(frozen=True)
class Published:
    """What a segment can name: tables of profiles and scores, and other segments."""

    profiles: frozenset[str]
    scores: frozenset[str]
    segments: frozenset[str]

    @classmethod
    def of(cls, connection: duckdb.DuckDBPyConnection) -> "Published":
        """What the attached version `published` holds."""
        found: dict[str, set[str]] = {"profiles": set(), "scores": set()}
        for schema, table in connection.execute(
            "select table_schema, table_name from information_schema.tables where table_catalog = 'published'"
        ).fetchall():
            found.setdefault(schema, set()).add(table)
        segments = connection.execute("select segment_id from published.segments.catalog").fetchall()
        return cls(
            profiles=frozenset(found["profiles"]),
            scores=frozenset(found["scores"]),
            segments=frozenset(one for (one,) in segments),
        )


def render(definition: Definition, published: Published) -> str:
    """The SQL of a definition, to be run where the version is attached as `published` and `as_of()` is a macro.

    Raises:
        Refused: it names what is not there, or says what a segment may not say.
    """
    names = _Names(definition, published)
    allowed = {"ref": names.ref, "source": names.source, "threshold": names.threshold, "as_of": lambda: AS_OF}
    if "{%" in definition.sql:
        raise Refused(f"{definition.name}.sql: has {{% … %}}; {_allowed(allowed)}")
    try:
        return _environment().from_string(_macros() + definition.sql).render(allowed).strip()
    except _FAULTS as error:
        raise Refused(f"{definition.name}.sql: {error}; {_allowed(allowed)}") from None


def _allowed(names: Iterable[str]) -> str:
    return f"allowed in braces are {', '.join(sorted(names))}"


@dataclass(frozen=True)
class _Names:
    definition: Definition
    published: Published

    def ref(self, name: str) -> str:
        if name in self.published.profiles:
            return f'published.profiles."{name}"'
        if name in self.published.segments:
            quoted = name.replace("'", "''")
            return f"(select customer_id from published.segments.memberships where segment_id = '{quoted}')"
        known = ", ".join(sorted(self.published.profiles | self.published.segments))
        raise Refused(f"{self.definition.name}.sql: ref({name!r}) is not published; allowed are: {known}")

    def source(self, schema: str, name: str) -> str:
        if schema == "scores" and name in self.published.scores:
            return f'published.scores."{name}"'
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
