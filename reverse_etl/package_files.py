"""The files of a package: the complete audience as CSV, JSONL and Parquet, and a manifest.

Rendered here once for every destination that takes files, wherever they are put. The set is complete each time, so
writing it again is harmless and whoever left is simply not there. Machine feeds: values stand as they are, nothing is
escaped for spreadsheets.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb

from reverse_etl.destination import Package, Receipt, Refused
from warehouse import atomic
from warehouse.sql import literal

SEGMENT = re.compile(r"[a-z][a-z0-9_]{0,62}")
KEPT_PLANS = 5
MANIFEST = "manifest.json"
ATTRIBUTE_NAMES = re.compile("(?!customer_id$|contact_id_crm$|segment_ids$)[a-z][a-z0-9_]{0,62}")
_ATTRIBUTES = "select distinct unnest(json_keys(attributes)) as name from audience order by name"
_MEMBERS = "select customer_id, contact_id_crm, segment_ids{} from audience order by customer_id"
_MEMBERS_CSV = """
select customer_id, contact_id_crm, array_to_string(segment_ids, '|') as segment_ids{}
from audience order by customer_id
"""
_BY_SEGMENT = """
create or replace table by_segment as
select unnest(segment_ids) as segment_id, customer_id, contact_id_crm
from audience order by segment_id, customer_id
"""
_SEGMENT_IDS = "select distinct segment_id from by_segment order by segment_id"
_ONE_SEGMENT = "select customer_id, contact_id_crm from by_segment where segment_id = {} order by customer_id"
_OPTIONS = {"csv": "format csv, header", "jsonl": "format json", "parquet": "format parquet, compression zstd"}


def render(package: Package, folder: Path) -> None:
    """Write members, segments and `manifest.json` into `folder`, and make them durable.

    Raises:
        Refused: a segment id cannot be a file name.
    """
    rows, attributes = {}, _attributes(package.connection)
    for suffix in _OPTIONS:
        query = (_MEMBERS_CSV if suffix == "csv" else _MEMBERS).format(attributes)
        rows[f"members.{suffix}"] = _copy(package.connection, query, folder / f"members.{suffix}")
    (folder / "segments").mkdir()
    for segment_id in _segment_ids(package.connection):
        for suffix in _OPTIONS:
            name = f"segments/{segment_id}.{suffix}"
            rows[name] = _copy(package.connection, _ONE_SEGMENT.format(literal(segment_id)), folder / name)
    _write_manifest(package, folder, rows)
    for path in (*(folder / name for name in rows), folder / MANIFEST, folder / "segments", folder):
        atomic.sync(path)


def accept_all(package: Package) -> Iterator[Receipt]:
    """Everybody whom the plan is about is accepted: files refuse nobody."""
    return (Receipt(customer_id, "accepted") for customer_id, _ in package.changed())


def _attributes(connection: duckdb.DuckDBPyConnection) -> str:
    """A column for each that is told, as SQL; their names are held against `ATTRIBUTE_NAMES` when the plan is made."""
    names = [name for (name,) in connection.execute(_ATTRIBUTES).fetchall()]
    return "".join(f""", attributes ->> '$."{name}"' as "{name}\"""" for name in names)


def _segment_ids(connection: duckdb.DuckDBPyConnection) -> list[str]:
    connection.execute(_BY_SEGMENT)
    found = [str(segment_id) for (segment_id,) in connection.execute(_SEGMENT_IDS).fetchall()]
    for segment_id in found:
        if not SEGMENT.fullmatch(segment_id):
            raise Refused(f"segment {segment_id!r} cannot be a file name; allowed is {SEGMENT.pattern}")
    return found


def _copy(connection: duckdb.DuckDBPyConnection, query: str, path: Path) -> int:
    options = _OPTIONS[path.suffix.removeprefix(".")]
    copied = connection.execute(f"copy ({query}) to {literal(path)} ({options})")
    return int(copied.fetchall()[0][0])


def _write_manifest(package: Package, folder: Path, rows: dict[str, int]) -> None:
    files = {}
    for name in sorted(rows):
        with (folder / name).open("rb") as file:
            files[name] = {"rows": rows[name], "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
    manifest = {
        "plan_id": package.plan_id,
        "version": package.version,
        "as_of": package.as_of.isoformat(),
        "simulated": package.is_simulated,
        "files": files,
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
