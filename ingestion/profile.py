"""What the raw data looks like, one row per source and column: all that the gates see, and no value of any text."""

from pathlib import Path

import duckdb

from ingestion.sql import quoted
from warehouse import contracts, manifest, raw
from warehouse.settings import Settings
from warehouse.sql import literal

_SHAPE = (
    'source varchar, "column" varchar, type varchar, rows bigint, nulls bigint, distinct_approx bigint, '
    "minimum double, maximum double, not_positive bigint"
)
_MEASURED = ("bigint", "integer", "decimal(18, 4)")
_TIMED = ("timestamp", "date")


def profile(settings: Settings, run_id: str, since_batch: int) -> Path:
    """Profile the raw Parquet that came after `since_batch`, the last one of a finished run; the path of the profile.

    What a run loaded that died before it was checked is so checked by the next one.
    Columns: source, column, type, rows, nulls, distinct_approx, minimum and maximum (numbers as they are,
    times in seconds since 1970, null for text), not_positive (numbers at or below 0, null for others): what is
    kept though it may be odd, as a price of 0, is so counted. One scan a source. It has no rows where nothing came.
    """
    target = settings.gates / run_id / "raw_profile.parquet"
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_suffix(".tmp")
    with duckdb.connect() as connection:
        connection.execute(f"set threads = {settings.threads}")
        connection.execute(f"set memory_limit = {literal(settings.memory_limit)}")
        connection.execute(f"set temp_directory = {literal(str(target.parent / 'spill'))}")
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"create temp table profile ({_SHAPE})")
        for folder in sorted(path.parent for path in settings.raw.glob("*/manifest.jsonl")):
            lines = manifest.read(folder)
            if any(line.batch > since_batch and line.rows_loaded for line in manifest.live(lines)):
                lines = [line for line in lines if line.batch > since_batch or line.status == "superseded"]
                _add(connection, folder, raw.rows(folder, lines))
        connection.execute(f"copy profile to {literal(str(temporary))} (format parquet)")
    temporary.replace(target)
    return target


def _add(connection: duckdb.DuckDBPyConnection, folder: Path, rows: str) -> None:
    contract = contracts.read(folder)
    described = connection.execute(f"describe {rows}").fetchall()
    columns = {str(name): str(kind).lower().replace(",", ", ") for name, kind, *_ in described}
    measures = ", ".join(
        f"count({quoted(name)}), approx_count_distinct({quoted(name)}), {_bound('min', name, kind)}, "
        f"{_bound('max', name, kind)}, {_not_positive(name, kind)}"
        for name, kind in columns.items()
    )
    count, *found = connection.execute(f"select count(*), {measures} from ({rows})").fetchall()[0]
    for number, (name, kind) in enumerate(columns.items()):
        present, *measured = found[5 * number : 5 * number + 5]
        values = [contract.source, name, kind, count, count - present, *measured]
        connection.execute("insert into profile values (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)


def _bound(function: str, name: str, kind: str) -> str:
    if kind in _MEASURED:
        return f"{function}({quoted(name)})::double"
    if kind in _TIMED:
        return f"epoch({function}({quoted(name)}))::double"
    return "null::double"


def _not_positive(name: str, kind: str) -> str:
    return f"count(*) filter ({quoted(name)} <= 0)" if kind in _MEASURED else "null::bigint"
