"""Publish: build a version aside, audit it, keep the decisions, swap by rename."""

import re
import shutil
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import duckdb

from warehouse import (
    atomic,
    dbt_lineage,
    durable,
    freshness,
    ledger,
    manifest,
    published_digest,
    published_events,
    published_place,
    published_tables,
    raw,
    rebuild,
    run,
)
from warehouse.errors import SmaltiError
from warehouse.pseudonyms import key_id
from warehouse.settings import Settings
from warehouse.sql import literal

SCHEMAS = ("profiles", "scores", "segments", "activation")
_ASKED = ("identity.customer_orders", "input.products")  # what segments read beside these
_RUNS = {
    "run_id": "varchar",
    "stage": "varchar",
    "source": "varchar",
    "started_at": "timestamp",
    "seconds": "double",
    "rows_in": "bigint",
    "rows_loaded": "bigint",
    "rows_rejected": "bigint",
    "rows_duplicate": "bigint",
    "rows_suppressed": "bigint",
    "status": "varchar",
    "message": "varchar",
    "bytes_read": "bigint",
    "bytes_written": "bigint",
    "cpu_seconds": "double",
    "peak_memory_mb": "double",
    "input_hash": "varchar",
    "output_hash": "varchar",
}

# each query counts what must not be; a count above 0 stops the publication
_FILES = {
    **dict.fromkeys(("file", "sha256", "status", "reason", "run_id"), "varchar"),
    **dict.fromkeys(("bytes", "batch", "superseded_by"), "bigint"),
    **dict.fromkeys(("rows_in", "rows_loaded", "rows_rejected", "rows_duplicate", "rows_suppressed"), "bigint"),
    **dict.fromkeys(("arrived_at", "first_event_at", "last_event_at"), "timestamp"),
}
_AUDIT = {
    "customers: a customer_id stands twice": "select count(*) - count(distinct customer_id) from profiles.customers",
    "identifiers: one identifier has two customers": """
        select count(*) - count(distinct (identifier_type, identifier_hash)) from profiles.identifiers""",
    "identity: a limit of `profiles.identity_quality` is passed": """
        select count(*) from profiles.identity_quality where not is_within_limit""",
    "memberships: a member is no customer": """
        select count(*) from segments.memberships anti join profiles.customers using (customer_id)""",
    "memberships: a bot or another anomalous person is a member": """
        select count(*) from segments.memberships join profiles.customers using (customer_id)
        where is_bot or is_anomalous""",
    "memberships: a pair stands twice": """
        select count(*) - count(distinct (segment_id, customer_id)) from segments.memberships""",
    "memberships: a person is in two segments of a group": """
        select count(*) from (
            select group_name, customer_id
            from segments.memberships join segments.segment_definitions using (segment_id)
            where group_name is not null group by all having count(*) > 1)""",
    "audience: a segment below the floor": """
        select count(*) from (select unnest(segment_ids) as segment_id from activation.audience)
        join segments.catalog using (segment_id) where not is_sendable""",
    "audience: a person without consent": """
        select count(*) from (select *, unnest(segment_ids) as segment from activation.audience) as sent
        join profiles.activations using (destination, segment)
        anti join (select * from profiles.customer_consents where is_granted)
            using (customer_id, purpose, channel)""",
    "audience: a person of a control group": """
        select count(*) from (select *, unnest(segment_ids) as segment_id from activation.audience) as sent
        join activation.assignments using (destination, segment_id, customer_id) where arm <> 'treated'""",
    "audience: a person without proof of consent": """
        select count(*) from (
            select destination, customer_id, unnest(segment_ids) from activation.audience
            except all select destination, customer_id, unnest(segment_ids) from activation.consent_proofs)""",
    "content: of a person who may not be sent, or who is sent and has none": """
        select count(*) from activation.content
        full join (select distinct destination, channel, customer_id from activation.consent_proofs) as sent
            using (destination, channel, customer_id)
        where content.customer_id is null or sent.customer_id is null""",
    "changes: a set is sent that is not the audience's": """
        select count(*) from (
            select destination, customer_id, segment_ids from activation.audience_changes where change <> 'removed'
            except all select destination, customer_id, segment_ids from activation.audience)""",
    "intents: one entry has two": """
        select count(*) - count(distinct (segment_id, customer_id, entered_at)) from activation.message_intents""",
    "intents: one is due to a person who may not be sent": """
        select count(*) from activation.message_intents join ops.control on entered_at = as_of
        anti join (
            select * from activation.activated_memberships where is_sendable and has_consent and arm = 'treated')
            using (destination, segment_id, customer_id)
        where status = 'due'""",
    # scores may be older than this version: whoever was merged since stands in them under the id that ended
    "scores: a scored person is no customer and was not merged": """
        select count(*) from scores.propensity
        anti join profiles.customers using (customer_id)
        anti join (select from_customer_id as customer_id from profiles.merges) using (customer_id)""",
    "runs: rows in are not loaded + rejected + duplicate + suppressed": """
        select count(*) from ops.runs where stage = 'load_raw'
        and rows_in <> rows_loaded + rows_rejected + rows_duplicate + rows_suppressed""",
    "catalog: no segment is defined": "select 1 - least(1, count(*)) from segments.catalog",
}

_READ = re.compile(r"\b(?:from|join)\s+([a-z_]+\.[a-z_]+)")


@dataclass(frozen=True)
class Version:
    """A published version: its name, its file, and the moment that it speaks of."""

    name: str
    path: Path
    as_of: datetime
    is_current: bool


def publish(settings: Settings, run_id: str) -> str:
    """Publish the working file's marts as a new version and return its name.

    Every step may be repeated: what a killed publication left behind is overwritten.

    Raises:
        SmaltiError: a gate did not pass or the audit found something; the last version stays.
    """
    is_nightly = _gated(settings, run_id)
    settings.data.mkdir(parents=True, exist_ok=True)
    published_place.follow(settings)
    with run.working(settings, read_only=True) as connection:
        name = _name(connection, run_id)
        aside = settings.published / f"{name}.duckdb.tmp"
        kept = _build(connection, settings, aside, folds=is_nightly or _is_full(connection))
        _audit(aside, _settled(settings, kept))
        durable.write(connection, settings, name, {of: written.files for of, written in kept.items()})
    atomic.sync(settings.data)
    atomic.sync(aside)
    path = settings.published / f"{name}.duckdb"
    aside.chmod(0o444)
    aside.replace(path)
    rebuild.record(settings, replace(_record(path), key_id=key_id(settings.hmac_key)))
    atomic.point(settings.current, path)
    _prune(settings, run.finish(settings, run_id))
    return name


def _gated(settings: Settings, run_id: str) -> bool:
    """Refuse a run whose gates are not green; whether it scored people, as a night does."""
    states = {row["stage"]: row["status"] for row in ledger.stages(settings.ledger, run_id)}
    is_nightly = "score_customers" in states
    # an hourly run scores nobody: the scores that it reads passed their gate when they were written
    gates = {"check_raw"} | ({"check_scores"} if is_nightly else set())
    if missing := sorted(gate for gate in gates if states.get(gate) != "ok"):
        raise SmaltiError(
            f"run {run_id} did not pass {' and '.join(missing)}; nothing is published, the last version stays"
        )
    return is_nightly


def _is_full(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether everything was built again, as after rows were removed: then no file keeps what is no longer shown."""
    return connection.execute("select is_full from ops.control").fetchall() == [(True,)]


def _name(connection: duckdb.DuckDBPyConnection, run_id: str) -> str:
    row = connection.execute("select as_of, run_id from ops.control").fetchone()
    if row is None or row[1] != run_id:
        raise SmaltiError(f"run {run_id} does not own the working file; start it again")
    return f"{row[0]:%Y%m%dT%H%M}-{run_id}"


def _build(
    connection: duckdb.DuckDBPyConnection, settings: Settings, path: Path, *, folds: bool
) -> published_tables.Kept:
    for leftover in path.parent.glob(f"{path.name}*"):
        leftover.unlink()
    settings.data.mkdir(parents=True, exist_ok=True)
    connection.execute(f"attach {literal(path)} as version (read_write)")
    for schema in (*SCHEMAS, "ops"):
        connection.execute(f"create schema version.{schema}")
    unshown = {f"durable.{name}": rows for name, rows in durable.undisclosed(connection).items()}
    kept = published_tables.write(connection, settings, _tables(connection), unshown, folds=folds)
    _build_ops(connection, settings, published_digest.write(connection, settings, kept))
    published_events.write(connection, settings)
    published_place.write(connection, settings)
    connection.execute("checkpoint version")
    connection.execute("detach version")
    return kept


def _tables(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """What is published, and where it stands in the working file."""
    found = connection.execute(
        "select table_schema, table_name from information_schema.tables"
        " where table_catalog = 'working' and list_contains(?, table_schema) order by all",
        [list(SCHEMAS)],
    ).fetchall()
    others = ("seeds.activations", "seeds.destinations", *_ASKED)
    return {f"{schema}.{name}": f'working.{schema}."{name}"' for schema, name in found} | {
        f"profiles.{name.partition('.')[2]}": f"working.{name}" for name in others
    }


def _build_ops(connection: duckdb.DuckDBPyConnection, settings: Settings, said: str) -> None:
    connection.execute(
        "create table version.ops.control as"
        " select run_id, as_of, segment_floor, scores_run_id, hi as batch, fingerprint, ? as digest, links_run_id"
        " from working.ops.control",
        [said],
    )
    [(as_of,)] = connection.execute("select as_of from version.ops.control").fetchall()
    freshness.write(connection, settings, "version.ops.sources", as_of)
    _build_audience_sources(connection, settings)
    folders = [path.parent for path in settings.raw.glob("*/contract.json")]
    connection.execute(
        "create table version.ops.rejects"
        ' (source varchar, file varchar, "position" bigint, reason varchar, raw varchar)'
    )
    for folder in folders:
        if rejected := raw.rejects(folder, manifest.read(folder)):
            connection.execute(f"insert into version.ops.rejects by name {rejected}")
    connection.execute("create table version.ops.audited (rule varchar, query varchar)")
    connection.executemany("insert into version.ops.audited values (?, ?)", [list(rule) for rule in _AUDIT.items()])
    _build_moments(connection, settings, as_of)
    _copy_runs(connection, settings)
    _copy_manifests(connection, settings)


def _build_moments(connection: duckdb.DuckDBPyConnection, settings: Settings, as_of: datetime) -> None:
    """Every moment that was published, this one included: between them nothing was decided."""
    moments = sorted({record.as_of for record in rebuild.records(settings)} | {as_of})
    connection.execute("create table version.ops.moments as select unnest($moments) as as_of", {"moments": moments})


def _copy_manifests(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Every delivered file with its digest, size and rows, as the manifests beside raw have it."""
    columns = ", ".join(f"{name} {kind}" for name, kind in _FILES.items())
    connection.execute(f"create table version.ops.files (source varchar, {columns})")
    shape = ", ".join(f"'{name}': '{kind}'" for name, kind in _FILES.items())
    for path in sorted(settings.raw.glob("*/manifest.jsonl")):
        connection.execute(
            f"insert into version.ops.files by name select ? as source, * "
            f"from read_json(?, format = 'newline_delimited', columns = {{{shape}}})",
            [path.parent.name, str(path)],
        )


def _build_audience_sources(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """What a send waits for: the sources of each segment that a destination is sent."""
    connection.execute(
        "create table version.ops.audience_sources (destination varchar, segment_id varchar, source varchar)"
    )
    for segment, sources in sorted(dbt_lineage.sources_of_segments(settings.home / "dbt").items()):
        connection.execute(
            "insert into version.ops.audience_sources select distinct destination, segment, unnest(?)"
            " from version.profiles.activations where segment = ?",
            [sorted(sources), segment],
        )


def _copy_runs(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    columns = ", ".join(f"{name} {kind}" for name, kind in _RUNS.items())
    connection.execute(f"create table version.ops.runs ({columns})")
    rows = [[row[name] for name in _RUNS] for row in ledger.stages(settings.ledger)]
    if rows:
        values = ", ".join("nullif(?, '')" if name == "source" else "?" for name in _RUNS)
        connection.executemany(f"insert into version.ops.runs values ({values})", rows)


def _record(path: Path) -> rebuild.Record:
    """What the version says of itself, for when its file is gone."""
    with duckdb.connect(path, read_only=True) as connection:
        names = "run_id, as_of, batch, fingerprint, digest, links_run_id"
        [row] = connection.execute(f"select {names} from ops.control").fetchall()
    return rebuild.Record(path.stem, *row)


def _settled(settings: Settings, kept: published_tables.Kept) -> set[str]:
    """Rules that the last version passed and that read nothing but files which that version has too."""
    if not settings.current.exists():
        return set()
    with duckdb.connect(settings.current, read_only=True) as connection:
        there = connection.execute("select 1 from duckdb_tables() where table_name = 'audited'").fetchall()
        passed = set(connection.execute("from ops.audited").fetchall() if there else [])
    same = {name for name, written in kept.items() if written.is_same}
    return {rule for rule, query in _AUDIT.items() if (rule, query) in passed and set(_READ.findall(query)) <= same}


def _audit(path: Path, settled: set[str] | None = None) -> None:
    with duckdb.connect(path, read_only=True) as connection:
        for rule, query in _AUDIT.items():
            if rule in (settled or set()):
                continue
            found = connection.execute(query).fetchone()
            if found is None or found[0] != 0:
                raise SmaltiError(f"audit: {rule} ({found[0] if found else 'nothing'} cases); the last version stays")


def versions(settings: Settings) -> list[Version]:
    """The published versions, newest last."""
    current = settings.current.resolve() if settings.current.exists() else None
    found = []
    for path in sorted(settings.published.glob("*.duckdb"), key=lambda path: path.stat().st_mtime_ns):
        if path.is_symlink():
            continue
        with duckdb.connect(path, read_only=True) as connection:
            row = connection.execute("select as_of from ops.control").fetchone()
        if row:
            found.append(Version(path.stem, path, row[0], path == current))
    return found


def _prune(settings: Settings, scores_run_id: str | None) -> None:
    for leftover in settings.published.glob("*.tmp*"):
        leftover.unlink()
    for version in versions(settings)[: -settings.keep_versions]:
        if not version.is_current:
            version.path.unlink()
    kept = [version.path for version in versions(settings)]
    published_events.prune(settings, kept)
    published_tables.prune(settings, kept)
    for stage in (settings.features, settings.scores):
        folders = (
            sorted(stage.iterdir(), key=lambda path: (path.stat().st_mtime_ns, path.name)) if stage.exists() else []
        )
        for folder in folders[: -settings.keep_versions]:
            if folder.name != scores_run_id:
                shutil.rmtree(folder)
