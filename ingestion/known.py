"""What libraries know of texts, as functions in SQL that ask once for each distinct text.

A user agent is matched with over a thousand patterns, so never for each row that has it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa
from duckdb.func import FunctionNullHandling, PythonUDFType
from duckdb.sqltypes import BOOLEAN, VARCHAR, DuckDBPyType

from ingestion import agents, countries, currencies, domains, mailboxes, phones
from ingestion.sql import quoted
from warehouse.contracts import Column, Contract
from warehouse.pseudonyms import hmac_sql

_REMEMBERED = 100_000  # distinct texts
_DUCKDB_TYPES: dict[pa.DataType, DuckDBPyType] = {pa.bool_(): BOOLEAN, pa.string(): VARCHAR}
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


def teach(connection: duckdb.DuckDBPyConnection, contract: Contract) -> None:
    """Give the connection a function for each column of `delivered` that a library knows something of."""
    for column, library in _asked(contract):
        types = {name: _DUCKDB_TYPES[kind] for name, kind in library.types.items()}
        connection.create_function(
            _function(column),
            _answering(library, contract),
            [VARCHAR],
            duckdb.struct_type(types),
            type=PythonUDFType.ARROW,
            null_handling=FunctionNullHandling.SPECIAL,
        )


def _answering(library: Library, contract: Contract) -> Callable[[pa.ChunkedArray], pa.Array]:
    """A function over arrays of texts that asks once for each distinct text, and remembers the last many."""
    memory: dict[str | None, dict[str, object]] = {None: {}}

    def answer(texts: pa.ChunkedArray) -> pa.Array:
        encoded = texts.combine_chunks().dictionary_encode(null_encoding="encode")
        keys = encoded.dictionary.to_pylist()
        if new := [key for key in keys if key not in memory]:
            if len(memory) > _REMEMBERED:
                memory.clear()
                new = [key for key in keys if key is not None]
                memory[None] = {}
            answers = library.answer(new, contract)
            memory.update((key, {name: answers[name][at] for name in answers}) for at, key in enumerate(new))
        type_ = pa.struct(list(library.types.items()))
        return pa.array([memory[key] for key in keys], type_).take(encoded.indices)

    return answer


def asked_sql(contract: Contract) -> str:
    """SQL that adds the answers to texts, one struct a column; a leading comma where there are any."""
    return "".join(
        f", {_function(column)}({library.key(quoted(column.name))}) as {_struct(column)}"
        for column, library in _asked(contract)
    )


def answer(column: Column, name: str) -> str:
    """SQL for one answer on the column's text; null where the library knows nothing of it."""
    return f"{_struct(column)}.{name}"


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


def _struct(column: Column) -> str:
    return quoted(f"_known_{column.name}")


def _function(column: Column) -> str:
    return f"known_{column.name}"
