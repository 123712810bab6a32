"""A corrected file takes the place of the one with its name: which rows go with the old one, and which come back."""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from ingestion.sql import quoted
from ingestion.write import Job
from warehouse import raw
from warehouse.contracts import Contract
from warehouse.manifest import Line


def corrected(contract: Contract, lines: Sequence[Line], added: Sequence[Line]) -> list[Line]:
    """The lines, those superseded whose file one of `added` brought again with other content."""
    if contract.redelivery == "adds":
        return list(lines)
    newer = {line.file: line for line in added if line.status == "loaded"}
    return [_superseded(line, newer.get(line.file)) for line in lines]


def _superseded(line: Line, newer: Line | None) -> Line:
    if newer is None or line.status != "loaded" or line.sha256 == newer.sha256:
        return line
    return line.model_copy(update={"status": "superseded", "superseded_by": newer.batch})


def note_lost(
    connection: duckdb.DuckDBPyConnection, job: Job, work: Path, gone: Sequence[Line], every: Sequence[Line]
) -> bool:
    """Fill `lost` with the keys that stood in files which are superseded now, and stand in no other; whether any do.

    `every` line of the manifest is asked, `gone` ones among them: rows of a file that was superseded long ago may
    still lie in Parquet that others share.
    """
    if job.source.contract.repeats == "load":
        return False
    keys = job.source.contract.key_in_raw
    listed = ", ".join(quoted(key) for key in keys)
    same = " and ".join(f"old.{quoted(key)} is not distinct from new.{quoted(key)}" for key in keys)
    before = raw.rows(job.raw, [line.model_copy(update={"status": "loaded"}) for line in gone], work)
    shas = ", ".join(f"'{line.sha256}'" for line in gone)
    connection.execute(
        f"""
        create or replace temp table lost as
        select distinct {listed} from ({before}) as old where _file in ({shas})
            and not exists (select 1 from ({raw.rows(job.raw, every, work)}) as new where {same})
        """
    )
    return bool(connection.execute("select 1 from lost limit 1").fetchall())


def is_lost(contract: Contract) -> str:
    """SQL that holds for a row of `judged` whose key is in `lost`."""
    same = " and ".join(f"lost.{quoted(key)} is not distinct from judged.{quoted(key)}" for key in contract.key_in_raw)
    return f"_reason is null and exists (select 1 from lost where {same})"


def untold(job: Job, line: Line) -> str:
    """The line that reports a file whose duplicates could not be looked at again."""
    return (
        "duplicates not looked at again, though a file that they repeated is superseded · "
        f"{job.source.contract.source}, {line.file} · allowed: the same file in drop/done or in the folder of exports"
    )


def moved(lines: Sequence[Line], found: Line) -> tuple[dict[Line, Line], Line]:
    """The lines of a file without the duplicates that are none any more, and the line that has them."""
    changed, back = {}, found.rows_loaded
    for line in lines:
        some = min(back, line.rows_duplicate)
        left = {"rows_in": line.rows_in - some, "rows_duplicate": line.rows_duplicate - some}
        changed[line], back = line.model_copy(update=left), back - some
    brought = {"rows_in": found.rows_loaded, "rejects": None, "withheld": None}
    brought |= dict.fromkeys(("rows_rejected", "rows_duplicate", "rows_suppressed"), 0)
    return changed, found.model_copy(update=brought)
