"""Rows whose key was seen before: earlier in the same load, or in raw."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import duckdb

from ingestion.sql import quoted
from warehouse.contracts import Contract
from warehouse.manifest import Line


def find_duplicates(
    connection: duckdb.DuckDBPyConnection, contract: Contract, raw: Path, work: Path, before: Sequence[Line]
) -> None:
    """Fill `duplicates` with the `_seq` of each acceptable row of `judged` that is not the first with its key.

    `before` names the Parquet files, in `work` or `raw`, that hold earlier keys.
    """
    connection.execute("create or replace temp table duplicates (_seq bigint)")
    if contract.repeats == "load":
        return
    keys = [quoted(name) for name in contract.key_in_raw]
    listed = ", ".join(keys)
    # where the whole row is the key, a null is a value like others
    same_key = " and ".join(f"judged.{key} is not distinct from {{0}}.{key}" for key in keys).format
    connection.execute(
        f"""
        insert into duplicates
        select judged._seq
        from judged
        join (
            select {listed}, min(_seq) as first_seq from judged where _reason is null group by all having count(*) > 1
        ) as repeated on {same_key("repeated")}
        where judged._reason is null and judged._seq > repeated.first_seq
        """
    )
    earlier = _earlier_files(connection, contract, raw, work, before)
    if earlier:
        connection.execute(
            f"""
            insert into duplicates
            select _seq from judged
            where _reason is null and _seq not in (select _seq from duplicates)
                and exists (select 1 from read_parquet(?, union_by_name = true) as earlier where {same_key("earlier")})
            """,
            [earlier],
        )


def _earlier_files(
    connection: duckdb.DuckDBPyConnection, contract: Contract, raw: Path, work: Path, before: Sequence[Line]
) -> list[str]:
    """Parquet files that can hold a key of this group.

    Where the event time is part of the key, those whose span of events overlaps; otherwise all of them,
    since a row may come again with another time.
    """
    spans: dict[str, list[tuple[str | None, str | None]]] = {}
    for line in before:
        for name in line.parquet:
            spans.setdefault(name, []).append((line.first_event_at, line.last_event_at))
    names = sorted(spans)
    if contract.event_time and contract.event_time in contract.key_in_raw:
        moment = quoted(contract.event_time)
        query = f"select min({moment}), max({moment}) from judged where _reason is null"
        first, last = connection.execute(query).fetchall()[0]
        if first is None:
            return []
        names = [name for name in names if any(_overlap(span, first, last) for span in spans[name])]
    return [str(work / name if (work / name).exists() else raw / name) for name in names]


def _overlap(span: tuple[str | None, str | None], first: datetime, last: datetime) -> bool:
    begin, end = span
    if begin is None or end is None:
        return True
    return datetime.fromisoformat(begin) <= last and datetime.fromisoformat(end) >= first
