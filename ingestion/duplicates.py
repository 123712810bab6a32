"""Rows whose key was seen before: earlier in the same load, or in raw."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from ingestion.sql import quoted
from ingestion.write import Job
from warehouse import raw
from warehouse.contracts import Contract
from warehouse.manifest import Line

_AT_ONCE = 20_000_000  # hashes that are sorted at once: 160 MB


def find_duplicates(connection: duckdb.DuckDBPyConnection, job: Job, work: Path, before: Sequence[Line]) -> None:
    """Fill `duplicates` with the `_seq` of each row of `acceptable` that is not the first with its key.

    `before` are the manifest's lines that hold earlier keys, in raw or still in `work`.
    """
    contract = job.source.contract
    connection.execute("create or replace temp table duplicates (_seq bigint)")
    if contract.repeats == "load":
        return
    keys = ", ".join(quoted(name) for name in contract.key_in_raw)
    repeated = _repeated(connection, keys)
    if len(repeated):
        connection.register("repeated", pa.table({"hash": repeated}))
        connection.execute(
            f"""
            insert into duplicates
            select _seq from (
                select _seq, row_number() over (partition by {keys} order by _seq) as time
                from acceptable where hash({keys}) in (select hash from repeated)
            ) where time > 1
            """
        )
        connection.unregister("repeated")
    earlier = _earlier(connection, contract, before)
    if earlier:
        # where the whole row is the key, a null is a value like others
        same = " and ".join(f"rows.{quoted(k)} is not distinct from earlier.{quoted(k)}" for k in contract.key_in_raw)
        connection.execute(
            f"""
            insert into duplicates
            select _seq from acceptable as rows
            where exists (select 1 from ({raw.rows(job.raw, earlier, work)}) as earlier where {same})
                and _seq not in (select _seq from duplicates)
            """
        )


def _repeated(connection: duckdb.DuckDBPyConnection, keys: str) -> np.ndarray:
    """The hashes of keys that more than one row has: sorting numbers costs a tenth of grouping texts."""
    counted = connection.execute("select count(*) from acceptable").fetchone()
    parts = 1 + (counted[0] if counted else 0) // _AT_ONCE
    found = []
    for part in range(parts):
        some = f"where hash({keys}) % {parts} = {part}" if parts > 1 else ""
        hashes = connection.execute(f"select hash({keys}) as hash from acceptable {some}").fetchnumpy()["hash"]
        hashes = np.sort(np.asarray(hashes, dtype=np.uint64))
        found.append(np.unique(hashes[1:][hashes[1:] == hashes[:-1]]))
    return np.concatenate(found)


def _earlier(connection: duckdb.DuckDBPyConnection, contract: Contract, before: Sequence[Line]) -> list[Line]:
    """Lines whose rows can have a key of these.

    Where the event time is part of the key, those whose span of events overlaps; otherwise all of them,
    since a row may come again with another time.
    """
    lines = [line for line in before if line.parquet or line.status == "superseded"]
    if contract.event_time and contract.event_time in contract.key_in_raw:
        moment = quoted(contract.event_time)
        first, last = connection.execute(f"select min({moment}), max({moment}) from acceptable").fetchall()[0]
        if first is None:
            return []
        lines = [line for line in lines if _overlap(line, first, last)]
    return lines if any(line.status == "loaded" for line in lines) else []


def _overlap(line: Line, first: datetime, last: datetime) -> bool:
    if line.status == "superseded" or line.first_event_at is None or line.last_event_at is None:
        return True
    return datetime.fromisoformat(line.first_event_at) <= last and datetime.fromisoformat(line.last_event_at) >= first
