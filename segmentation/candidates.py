"""Whom a definition would take, over the published version: everybody it looks at, and what each condition says."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

from segmentation.definition import Definition
from segmentation.render import Published, render
from segmentation.shape import Condition, Misshapen, Shape, shape
from warehouse.errors import SmaltiError
from warehouse.settings import Settings
from warehouse.version import open_version, refuse_earlier

# whoever is a bot or anomalous otherwise is in no segment, as in `segments.segment_hits`
_PEOPLE = "create temp table people as select * from published.profiles.customers where not is_anomalous"
_AS_OF = "create temp macro as_of() as (select as_of from published.ops.control)"
_CANDIDATES = """
create or replace temp table {table} as
select
    relation.customer_id,
    {conditions},
    {rule} as is_member
from ({steps}) as relation
semi join people on relation.customer_id = people.customer_id
"""


@dataclass(frozen=True)
class Candidates:
    """A temporary table: `customer_id`, `is_member`, and `met_<i>` for each condition; one row a person looked at."""

    table: str
    shape: Shape

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """All of which have to be met, in their order."""
        return self.shape.conditions


@contextmanager
def opened(settings: Settings) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
    """The current version as `published`, its people who may be in a segment as `people`, and its name.

    Raises:
        NothingPublished: there is no current version.
        SmaltiError: the current version was published before segments could be asked.
    """
    with open_version(settings) as (connection, version):
        refuse_earlier(connection, version)
        connection.execute(_AS_OF)
        connection.execute(_PEOPLE)
        yield connection, version


def evaluate(
    connection: duckdb.DuckDBPyConnection, definition: Definition, published: Published, table: str = "candidates"
) -> Candidates:
    """Evaluate a definition into a temporary table.

    Raises:
        SmaltiError: its SQL fails, has not the shape of a segment, or returns a person twice; the message says where.
    """
    found = shape(definition.name, render(definition, published))
    met = [f"coalesce({condition.sql}, false)" for condition in found.conditions]
    query = _CANDIDATES.format(
        table=table,
        conditions=", ".join(f"{sql} as met_{number}" for number, sql in enumerate(met)),
        rule=" and ".join(met),
        steps=found.steps,
    )
    with plain(definition.name):
        connection.execute(query)
    twice = connection.execute(f"select count(*) - count(distinct customer_id) from {table}").fetchall()[0][0]
    if twice:
        raise Misshapen(
            f"{definition.name}.sql: the step {found.relation} has people twice; allowed is one row a person: "
            "group by customer_id"
        )
    return Candidates(table, found)


@contextmanager
def plain(name: str) -> Iterator[None]:
    """DuckDB's error as ours; of one that may quote a value, only its kind."""
    try:
        yield
    except (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException) as error:
        told = str(error).partition("\n")[0]
        raise SmaltiError(f"{name}.sql: {told}; allowed are columns of the tables that it reads") from None
    except duckdb.Error as error:
        kind = type(error).__name__.removesuffix("Exception")
        raise SmaltiError(
            f"{name}.sql: fails on some rows ({kind}); allowed is SQL that no value can make fail"
        ) from None
