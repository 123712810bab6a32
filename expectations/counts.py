"""Score files of millions of rows, held against the same run's features by DuckDB: one row of counts of faults."""

from collections.abc import Mapping
from pathlib import Path

import duckdb

from expectations.gate import GateFailed, Rule
from warehouse.settings import Settings
from warehouse.sql import literal


def faults(settings: Settings, query: str, columns: Mapping[str, str], paths: Mapping[str, Path]) -> dict[str, object]:
    """The columns of the file `scores` as they are, and where they are as they should be what `query` counts.

    `query` names each of `paths` in braces.

    Raises:
        GateFailed: a file of features that the scores are held against is missing.
    """
    if absent := [path.name for path in paths.values() if not path.exists()]:
        run_id = paths["scores"].parent.name
        raise GateFailed(f"run {run_id} has no {', '.join(absent)}; build_profiles, which exports them, comes first")
    with duckdb.connect() as connection:
        connection.execute(f"set memory_limit = {literal(settings.memory_limit)}")
        connection.execute(f"set threads = {settings.threads}")
        given = {name: literal(path) for name, path in paths.items()}
        described = connection.execute(f"describe from read_parquet({given['scores']})").fetchall()
        found = {"columns": ", ".join(f"{name} {kind}" for name, kind, *_ in described)}
        if found["columns"] != spelled(columns):
            return dict(found)
        [counts] = connection.execute(query.format(**given)).pl().to_dicts()
    return found | counts


def rules(
    seen: Mapping[str, object], columns: Mapping[str, str], meant: Mapping[str, str], statuses: list[str]
) -> tuple[Rule, ...]:
    """That columns are as specified, and no fault of `meant` was counted; no rows where the status is not `ok`."""
    allowed = ", ".join(statuses)
    known = [
        _is("columns", [spelled(columns)], "columns and types are as specified"),
        _is("status", statuses, f"the report's status is one of {allowed}"),
    ]
    if seen["status"] == "ok":
        known += [_is(name, [0], says) for name, says in meant.items() if name in seen]
    elif "rows" in seen:
        known.append(_is("rows", [0], "there are no rows, for the report says that no model counts"))
    return tuple(known)


def spelled(columns: Mapping[str, str]) -> str:
    """Columns and their types in DuckDB's words, in one text."""
    return ", ".join(f"{name} {kind}" for name, kind in columns.items())


def _is(column: str, allowed: list[str] | list[int], says: str) -> Rule:
    return Rule("ExpectColumnValuesToBeInSet", {"column": column, "value_set": allowed}, says)
