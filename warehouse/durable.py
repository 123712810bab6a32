"""What raw cannot give back: ids, merges, spells, exposures, intents, versions; a folder a run, swapped whole.

What a decision says of a person is kept for so many days after it ended; what still holds is kept.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import yaml

from warehouse import atomic, published_tables
from warehouse.published_tables import Files
from warehouse.settings import CHECKOUT, Settings
from warehouse.sql import literal

_CUSTOMERS = CHECKOUT / "dbt_project" / "models" / "profiles" / "customers.yml"

_TABLES = {
    "customer_ids": {
        "identifier_type": "varchar",
        "identifier_hash": "varchar",
        "customer_id": "varchar",
        "minted_id": "varchar",
        "minted_at": "timestamp",
        "let_go_at": "timestamp",
    },
    "merges": {
        "merged_at": "timestamp",
        "from_customer_id": "varchar",
        "into_customer_id": "varchar",
        "evidence": "varchar",
    },
    "membership_history": {
        "segment_id": "varchar",
        "customer_id": "varchar",
        "entered_at": "timestamp",
        "started_at": "timestamp",
        "left_at": "timestamp",
        "left_reason": "varchar",
        "definition_version": "varchar",
        "is_continued": "boolean",
    },
    "measures_history": {
        "segment_id": "varchar",
        "customer_id": "varchar",
        "measures": "varchar",
        "valid_from": "timestamp",
        "valid_to": "timestamp",
    },
    "definitions_history": {
        "segment_id": "varchar",
        "definition_version": "varchar",
        "rule": "varchar",
        "thresholds": "varchar",
        "group_name": "varchar",
        "group_rank": "integer",
        "excludes": "varchar[]",
        "valid_from": "timestamp",
    },
    "segment_definitions": {
        **dict.fromkeys(("segment_id", "owner", "tier", "purpose"), "varchar"),
        "review_by": "date",
        **dict.fromkeys(("rule", "thresholds", "definition_version", "group_name"), "varchar"),
        "group_rank": "integer",
        "excludes": "varchar[]",
        "parent": "varchar",
        **dict.fromkeys(("cool_down_days", "quiet_from_hour", "quiet_to_hour"), "integer"),
        "trigger_destination": "varchar",
    },
    "segment_checks": {"segment_id": "varchar", "people": "bigint", "customers": "bigint"},
    "exposures": {
        "destination": "varchar",
        "segment_id": "varchar",
        "customer_id": "varchar",
        "arm": "varchar",
        "is_global_control": "boolean",
        "holdout_share": "double",
        "global_control_share": "double",
        "exposed_at": "timestamp",
        "ended_at": "timestamp",
        "ended_reason": "varchar",
    },
    "message_intents": {
        **dict.fromkeys(("intent_id", "segment_id", "customer_id"), "varchar"),
        **dict.fromkeys(("entered_at", "due_at"), "timestamp"),
        **dict.fromkeys(("reason", "destination", "purpose", "channel", "status"), "varchar"),
    },
}


@dataclass(frozen=True)
class Kept:
    """How long a decision about a person is kept once it ended: the days, from the time in that column."""

    ended_at: str
    days: int = 1_095


# the days are those that the published table of that name states (`config.meta`); an identifier that no record holds
# any more is kept so long that a corrected file may bring it back under its id
KEPT = {
    "customer_ids": Kept("let_go_at", 90),
    "merges": Kept("merged_at"),
    "membership_history": Kept("left_at"),
    "measures_history": Kept("valid_to"),
    "exposures": Kept("ended_at"),
    "message_intents": Kept("entered_at"),
    "customers_history": Kept("valid_to"),
}

# what each table keeps of the working file
_KEEP = {
    "customer_ids": """
        select
            now_assigned.identifier_type, now_assigned.identifier_hash, now_assigned.customer_id,
            coalesce(before.minted_id, if(now_assigned.is_new_anchor, now_assigned.customer_id, null)) as minted_id,
            coalesce(
                before.minted_at, if(now_assigned.is_new_anchor, (select as_of from ops.control), null)
            ) as minted_at,
            cast(null as timestamp) as let_go_at
        from identity.customer_ids as now_assigned
        left join durable.customer_ids as before using (identifier_type, identifier_hash)
        union all
        select before.* replace (coalesce(before.let_go_at, (select as_of from ops.control)) as let_go_at)
        from durable.customer_ids as before
        anti join identity.customer_ids using (identifier_type, identifier_hash)""",
    "merges": "select * from profiles.merges order by all",
    "membership_history": "select * from segments.membership_history order by all",
    "measures_history": "select * from segments.measures_history order by all",
    "definitions_history": "select * from segments.definitions_history order by segment_id, valid_from",
    "segment_definitions": "select * from segments.segment_definitions order by segment_id",
    "segment_checks": """
        select segment_id, people, customers from segments.segment_checks
        where people is not null order by segment_id""",
    "exposures": "select * from activation.exposures order by all",
    "message_intents": "select * from activation.message_intents order by intent_id",
    "customers_history": "select * from profiles.customers_history order by customer_id, valid_from",
}


# the published table that has the same rows
_SHOWN = {
    "merges": "profiles.merges",
    "membership_history": "segments.membership_history",
    "measures_history": "segments.measures_history",
    "definitions_history": "segments.definitions_history",
    "segment_definitions": "segments.segment_definitions",
    "exposures": "activation.exposures",
    "message_intents": "activation.message_intents",
    "customers_history": "profiles.customers_history",
}


def schemas() -> dict[str, dict[str, str]]:
    """Columns and types of each table; the versions of customers follow that model's contract."""
    model = yaml.safe_load(_CUSTOMERS.read_text())["models"][0]
    customers = {column["name"]: column["data_type"] for column in model["columns"]}
    return _TABLES | {"customers_history": customers | {"valid_from": "timestamp", "valid_to": "timestamp"}}


def bind(connection: duckdb.DuckDBPyConnection, settings: Settings, as_of: datetime) -> None:
    """Create the schema `durable`: a view per table, empty where nothing was decided yet.

    What is past its days at `as_of` is not there, so that neither this run nor a later one has it. A column that the
    table has gained since is null in what was written before.
    """
    connection.execute("create schema if not exists durable")
    for name, columns in schemas().items():
        empty = ", ".join(f'cast(null as {kind}) as "{column}"' for column, kind in columns.items())
        rows = _rows(settings.durable / "current", name)
        known = f"union all by name select * from ({rows})" if rows else ""
        wanted = ", ".join(f'"{column}"' for column in columns)
        body = f"select {wanted} from (select {empty} where false {known}){_past(name, as_of)}"  # names are our own
        connection.execute(f"create or replace view durable.{name} as {body}")


def _past(name: str, as_of: datetime) -> str:
    """The condition that leaves out what is past its days."""
    if not (kept := KEPT.get(name)):
        return ""
    return f" where coalesce({kept.ended_at} > timestamp '{as_of - timedelta(days=kept.days)}', true)"


def _rows(folder: Path, name: str) -> str | None:
    """SQL for what that folder has of a table; none where it has nothing."""
    path, parts = folder.resolve() / f"{name}.parquet", folder.resolve() / name
    if path.exists():
        return f"from read_parquet({literal(path)})"
    if not parts.exists():
        return None
    index = parts / "index.parquet"
    deltas = sorted(parts.glob("delta-*.parquet"))
    key = published_tables.KEYS.get(f"durable.{name}", "customer_id")
    return published_tables.rows(parts / "base.parquet", index if index.exists() else None, deltas, key)


def undisclosed(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Tables, by name and rows in SQL, that are kept but not shown to readers."""
    connection.execute(f"create or replace temp table kept_customer_ids as {_KEEP['customer_ids']}")
    return {"customer_ids": "kept_customer_ids"}


def write(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    version: str,
    published: Mapping[str, Files] | None = None,
) -> None:
    """Write all tables aside and swap the folder in by one rename; earlier folders of kept versions stay.

    What is published as files of its own is the same file under a second name: a folder is whole by itself.
    """
    folder = settings.durable / version
    aside = settings.durable / f"{version}.tmp"
    for stale in (folder, *settings.durable.glob("*.tmp")):  # also of a run that was killed, under its own name
        shutil.rmtree(stale, ignore_errors=True)
    aside.mkdir(parents=True)
    for name, query in _KEEP.items():
        if files := (published or {}).get(_SHOWN.get(name, f"durable.{name}")):
            _link(settings.data, files, aside / name)
            continue
        path = aside / f"{name}.parquet"
        connection.execute(f"copy ({query}) to {literal(path)} ({published_tables.PARQUET})")
        atomic.sync(path)
    atomic.sync(aside)
    aside.replace(folder)
    atomic.point(settings.durable / "current", folder)
    for old in sorted(path for path in settings.durable.iterdir() if path.is_dir() and not path.is_symlink())[
        : -settings.keep_versions
    ]:
        if old != folder:
            shutil.rmtree(old)


def _link(data: Path, files: Files, folder: Path) -> None:
    folder.mkdir()
    names = {"base": files.base_file, "index": files.index_file}
    names |= {f"delta-{number:03}": name for number, name in enumerate(files.delta_files, 1)}
    for kind, name in names.items():
        if name:
            _same_file(data / name, folder / f"{kind}.parquet")
    atomic.sync(folder)


def _same_file(path: Path, link: Path) -> None:
    try:
        os.link(path, link)
    except OSError:  # another disk, or one that knows no second name
        shutil.copy2(path, link)
        atomic.sync(link)
