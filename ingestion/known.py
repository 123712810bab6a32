"""What libraries know of texts: asked once for each distinct text of a group, then joined to its rows.

A user agent is matched with over a thousand patterns, so never for each row that has it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from ingestion import agents, countries, currencies, domains, mailboxes, phones
from ingestion.sql import quoted
from warehouse.contracts import Column, Contract
from warehouse.pseudonyms import hmac_sql

Answers = dict[str, Sequence[object]]


@dataclass(frozen=True)
class Library:
    """`key` is SQL for what is looked up of a text; `answer` takes distinct keys and gives a list for each name.

    What stands beside the column is an answer of that name, or `made` of answers and the column's value, in SQL.
    """

    key: Callable[[str], str]
    answer: Callable[[Sequence[str], Contract], Answers]
    types: dict[str, pa.DataType]
    made: dict[str, Callable[[Column], str]] = field(default_factory=dict)


def _canonical_hmac(column: Column) -> str:
    """Of the kind of the address itself: where there is nothing to leave out, both pseudonyms are the same."""
    address = quoted(f"_cast_{column.name}")
    return hmac_sql("email", mailboxes.canonical_sql(address, lambda name: answer(column, name)))


_LIBRARIES = {
    "user_agent": Library(
        key=lambda text: f"left({text}, {agents.LONGEST})",
        answer=lambda texts, _: agents.answers(texts),
        types={"is_bot": pa.bool_(), "device_class": pa.string()},
    ),
    "country": Library(
        key=lambda text: text,
        answer=lambda texts, _: countries.answers(texts),
        types={"code": pa.string()},
    ),
    "currency": Library(
        key=lambda text: text,
        answer=lambda texts, _: currencies.answers(texts),
        types={"code": pa.string()},
    ),
    "phone": Library(
        key=lambda text: text,
        answer=lambda texts, contract: phones.answers(texts, contract.region),
        types={"e164": pa.string()},
    ),
    "email": Library(
        key=lambda text: rf"nullif(lower(trim(regexp_extract({text}, '@([^@\s]+)', 1), '.')), '')",
        answer=lambda found, _: domains.answers(found) | mailboxes.answers(found),
        types={
            "is_disposable": pa.bool_(),
            "separator": pa.string(),
            "main": pa.string(),
            "ignores_dots": pa.bool_(),
        },
        made={"canonical_hmac": _canonical_hmac},
    ),
}


def ask(connection: duckdb.DuckDBPyConnection, contract: Contract) -> None:
    """Fill a table for each column of `delivered` that a library knows something of; `joins` reads it."""
    for column, library in _asked(contract):
        key = library.key(f"nullif(trim({quoted(column.name)}), '')")
        found = connection.execute(f"select distinct {key} as key from delivered where key is not null").fetchall()
        keys = [key for (key,) in found]
        fields = [pa.field("key", pa.string()), *(pa.field(*one) for one in library.types.items())]
        answers = pa.table({"key": keys, **library.answer(keys, contract)}, schema=pa.schema(fields))
        connection.register("answers", answers)
        connection.execute(f"create or replace temp table {_table(column)} as select * from answers")
        connection.unregister("answers")


def joins(contract: Contract) -> str:
    """SQL that joins the answers to `texts`, whose columns are trimmed."""
    return " ".join(
        f"left join {_table(column)} on {library.key(f'texts.{quoted(column.name)}')} = {_table(column)}.key"
        for column, library in _asked(contract)
    )


def answer(column: Column, name: str) -> str:
    """SQL for one answer on the column's text; null where the library knows nothing of it."""
    return f"{_table(column)}.{name}"


def beside(contract: Contract) -> dict[str, str]:
    """SQL for each column that stands in raw beside the one that it speaks of."""
    return {
        name: _said(column, library, name.removeprefix(f"{column.name}_"))
        for column, library in _asked(contract)
        for name in column.beside
    }


def _said(column: Column, library: Library, what: str) -> str:
    return library.made[what](column) if what in library.made else answer(column, what)


def _asked(contract: Contract) -> list[tuple[Column, Library]]:
    named = [(column, column.form or column.kind or "") for column in contract.delivered]
    return [(column, _LIBRARIES[name]) for column, name in named if name in _LIBRARIES]


def _table(column: Column) -> str:
    return quoted(f"_known_{column.name}")
