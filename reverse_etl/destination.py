"""What a destination is: something that renders a package aside, then sends it and answers for each person.

A destination is one module under `reverse_etl/destinations/`; there is no registry. One that is handed files defines
`DESTINATION`, as below; one that is told of people, call by call, defines `connect` (see `connector.py`). It never
compares, retries or keeps a ledger: that is done once, here, for all of them.
"""

import csv
import importlib
import pkgutil
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import duckdb

from reverse_etl import destinations
from reverse_etl.connector import Connector
from warehouse import dbt
from warehouse.errors import SmaltiError

_BATCH = 10_000


class NoDestination(SmaltiError):
    """No module of that name defines a destination."""


class Refused(SmaltiError):
    """The published audience must not be sent as it stands."""


class Receipt(NamedTuple):
    """What a destination answered for one person: `rejected` carries a code, never a value."""

    customer_id: str
    outcome: Literal["accepted", "rejected"]
    code: str | None = None


@dataclass(frozen=True)
class Sent:
    """What writing came to; going through `receipts` sends nothing any more."""

    receipts: Iterable[Receipt]
    path: Path | None = None


@dataclass(frozen=True)
class Package:
    """What one plan hands to a destination.

    The connection holds two tables, each unique in `customer_id` and in no order that holds: `audience`
    (customer_id, contact_id_crm, segment_ids, attributes: everyone the destination may hold) and `changes`
    (the same columns and `change`: whom the plan is about; no segments means that the person leaves).
    `attributes` is a JSON object of texts by the names that they have there, null where none are told.
    `is_simulated`: some of it is about people who do not exist, and whoever receives it is told.
    """

    plan_id: str
    version: str
    as_of: datetime
    is_simulated: bool
    outbox: Path
    connection: duckdb.DuckDBPyConnection

    def changed(self) -> Iterator[tuple[str, str]]:
        """Customer id and the segment ids as JSON array text, of each person whom the plan is about."""
        cursor = self.connection.cursor()
        cursor.execute("select customer_id, cast(to_json(segment_ids) as varchar) from changes order by customer_id")
        while rows := cursor.fetchmany(_BATCH):
            yield from rows


class Destination(Protocol):
    """Somewhere the audience goes. Writing the same package twice must leave what writing it once leaves."""

    @property
    def name(self) -> str:
        """The module's name, which is also the audience's `destination`."""

    def render(self, package: Package, folder: Path) -> None:
        """Write into the empty `folder` what would be sent, and send nothing: this is what a dry run shows."""

    def write(self, package: Package, folder: Path) -> Sent:
        """Send what was rendered. A refused person is a receipt; a destination that is down is an exception."""


@runtime_checkable
class Posting(Protocol):
    """A destination of files that takes messages too; its module says so: `TAKES_MESSAGES = True`."""

    def post(self, outbox: Path, messages: Iterable[Mapping[str, Any]], at: datetime) -> Path:
        """Put each there under its `id`, so that one put again is the same; returns where they stand."""


def every() -> list[str]:
    """The destinations there are, in alphabetical order."""
    return sorted(module.name for module in pkgutil.iter_modules(destinations.__path__))


def names() -> list[str]:
    """Those that a segment is sent to, by `activations.csv`."""
    with (dbt.PROJECT / "seeds" / "activations.csv").open(newline="") as file:
        activated = {row["destination"] for row in csv.DictReader(file)}
    return [name for name in every() if name in activated]


def attribute_names(name: str) -> re.Pattern[str] | None:
    """What attributes may be called there: `ATTRIBUTE_NAMES` of its module; None where it can be told none."""
    found: re.Pattern[str] | None = getattr(_module(name), "ATTRIBUTE_NAMES", None)
    return found


def takes_messages(name: str) -> bool:
    """Whether it can be told of entries into trigger segments."""
    return bool(getattr(_module(name), "TAKES_MESSAGES", False))


def load_destination(name: str) -> Destination | Connector:
    """The destination of that name; a connector is made with its options of now.

    Raises:
        NoDestination: there is none; the message lists those there are.
        Refused: an option of it is missing.
    """
    module = _module(name)
    found: Destination | Connector = module.DESTINATION if hasattr(module, "DESTINATION") else module.connect()
    return found


def _module(name: str) -> ModuleType:
    if name not in every():
        raise NoDestination(f"no destination {name!r}; there are: {', '.join(every())}")
    return importlib.import_module(f"{destinations.__name__}.{name}")
