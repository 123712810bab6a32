"""Raw rows and the vault → one clear record a person of a source, in memory only."""

from datetime import datetime
from pathlib import Path

import duckdb

from linkage import forms
from warehouse import contracts, manifest, raw
from warehouse.contracts import Column, Contract, Person
from warehouse.errors import Busy
from warehouse.settings import Settings
from warehouse.sql import literal

_LEAST_KINDS = 2  # of identifiers; of one alone the deterministic graph knows all there is to know
_SHAPE = {"record_id": "varchar", **dict.fromkeys(forms.FIELDS, "varchar"), "is_gone": "boolean"} | {
    "changed_at": "timestamp",
    "arrived_at": "timestamp",
}
_NO_ROWS = f"select {', '.join(f'cast(null as {type_}) as {name}' for name, type_ in _SHAPE.items())} where false"


def sources(settings: Settings) -> list[Contract]:
    """The contracts in raw whose rows are people with at least two kinds of direct identifier."""
    found = [contracts.read(path.parent) for path in sorted(settings.raw.glob("*/contract.json"))]
    return [one for one in found if one.person and len({c.kind for c in one.columns if c.kind}) >= _LEAST_KINDS]


def read(connection: duckdb.DuckDBPyConnection, settings: Settings, as_of: datetime) -> int:
    """Make `records`, and `known` (record_id, arrived_at), of what was known at `as_of` (UTC); the number of records.

    A person's newest row counts; people whom it marks as deleted are left out, as in staging.

    Raises:
        Busy: another process holds the vault.
    """
    forms.teach(connection)
    parts = [_NO_ROWS]
    if settings.vault.exists():
        _attach(connection, settings.vault)
        parts += [_rows_sql(settings, one, one.person, as_of) for one in sources(settings) if one.person]
    connection.execute(f"""
        create table latest as
        select * from ({" union all by name ".join(parts)})
        qualify row_number() over (partition by record_id order by changed_at desc, arrived_at desc) = 1
    """)
    connection.execute("delete from latest where coalesce(is_gone, false)")
    connection.execute(f"create table records as {forms.compared_sql('from latest')}")
    connection.execute("create table known as select record_id, arrived_at from latest order by record_id")
    connection.execute("drop table latest")
    return int(connection.execute("select count(*) from records").fetchall()[0][0])


def _attach(connection: duckdb.DuckDBPyConnection, vault: Path) -> None:
    try:
        connection.execute(f"attach {literal(vault)} as vault (read_only)")
    except duckdb.IOException:
        raise Busy(f"vault busy · {vault.name} · one process at a time") from None


def _rows_sql(settings: Settings, contract: Contract, person: Person, as_of: datetime) -> str:
    """SQL for the clear rows of one source, all versions of each person."""
    folder = settings.raw / contract.source
    known = " and ".join(f"\"{name}\" <= timestamp '{as_of}'" for name in ("_arrived_at", contract.event_time) if name)
    columns = {field: column for column in reversed(contract.columns) if (field := _field(column))}
    values = [f"{_clear(column)} as {field}" for field, column in columns.items()]
    deleted = "is_deleted" if any(column.name == "is_deleted" for column in contract.columns) else "false"
    return f"""
        select '{person.prefix}:' || "{person.column}" as record_id, {", ".join(values)},
            {deleted} as is_gone, "{contract.event_time or "_arrived_at"}" as changed_at, _arrived_at as arrived_at
        from ({raw.rows(folder, manifest.read(folder))}) where {known}
    """


def _field(column: Column) -> str | None:
    return column.part or (column.kind if column.kind in forms.FIELDS else None)


def _clear(column: Column) -> str:
    """SQL for the clear value of a column: from the vault where raw has its pseudonym only."""
    if not column.kind:
        return f'"{column.name}"'
    return (
        f"(select value from vault.identifiers as clear where clear.kind = '{column.kind}' "
        f'and clear.hmac = "{column.in_raw}")'
    )
