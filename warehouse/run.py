"""A run: the control row, what dbt reads beside its own tables, and the end."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from warehouse import (
    arrivals,
    contracts,
    dbt,
    durable,
    examined,
    keys,
    ledger,
    links,
    lookalikes,
    manifest,
    past,
    raw,
    scores,
    separations,
)
from warehouse.errors import Busy, NothingToDo, SmaltiError
from warehouse.examined import Examined, Still
from warehouse.settings import Settings
from warehouse.sql import literal

_TRIES, _PAUSE_SECONDS = 20, 0.2
_CONTROL = """
create table if not exists ops.control (
    run_id varchar, lo integer, hi integer, as_of timestamp, prev_as_of timestamp,
    segment_floor integer, scores_run_id varchar, done boolean,
    run_number integer, is_full boolean, fingerprint varchar, links_run_id varchar
)"""


@contextmanager
def working(settings: Settings, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """The working file; waits shortly for the lock of a process that was killed.

    A new file is created under a temporary name and renamed, the one step DuckDB does not do atomically.
    """
    if not settings.working.exists():
        settings.working.parent.mkdir(parents=True, exist_ok=True)
        temporary = settings.working.with_suffix(".tmp")
        temporary.unlink(missing_ok=True)
        # keeps repeated text as a dictionary; the default reads back to versions before 1.3, which know none
        duckdb.connect(temporary, config={"storage_compatibility_version": "v1.3.0"}).close()
        temporary.replace(settings.working)
    connection = _connect(settings, read_only=read_only)
    try:
        connection.execute("set TimeZone = 'UTC'")
        # as an option of the connection DuckDB 1.5 does not heed it
        connection.execute(f"set max_temp_directory_size = {literal(settings.spill_limit)}")
        yield connection
    finally:
        connection.close()


def _connect(settings: Settings, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    Path(str(settings.engine["temp_directory"])).parent.mkdir(parents=True, exist_ok=True)  # DuckDB makes the last only
    for attempt in range(1, _TRIES + 1):
        try:
            return duckdb.connect(settings.working, read_only=read_only, config=settings.engine)
        except duckdb.IOException:
            if attempt == _TRIES:
                raise Busy(f"busy: {settings.working} is held by another process") from None
            time.sleep(_PAUSE_SECONDS)
    raise AssertionError


def open_run(
    settings: Settings, run_id: str, as_of: datetime | None, *, is_full: bool = False, is_lookback: bool = False
) -> datetime:
    """Commit the control row and bind what dbt reads; return the moment that the run speaks of.

    Without `as_of` it is the time of the last event or export known, rounded up to the hour. With `is_full`
    everything is built again from raw; without, what earlier runs built is kept where nothing came or fell due. A
    lookback takes each source's first delivery for known all along.

    Raises:
        NothingToDo: no source has any row.
        SmaltiError: `as_of` lies before the last finished run, or currencies are mixed.
    """
    keys.hold(settings)
    batch = _last_batch(settings)
    _one_currency(settings)
    with working(settings) as connection:
        before = _control(connection)
        as_of = _moment(settings, as_of, _decided(settings, before))
        is_full = is_full or _corrected(settings, before.hi if before.done else before.lo)
        now = _next(before, run_id, batch, as_of, dbt.fingerprint(), is_full=is_full)
        connection.execute("begin")
        connection.execute("delete from ops.control")
        row = {**asdict(now), "segment_floor": settings.segment_floor}
        names, marks = ", ".join(row), ", ".join("?" for _ in row)
        connection.execute(f"insert into ops.control ({names}) values ({marks})", list(row.values()))
        connection.execute("create or replace table ops.changed_by_touched (node varchar)")
        _bind_raw(connection, settings, is_lookback=is_lookback)
        since = None if now.is_full else (now.lo, now.prev_as_of)
        arrivals.bind(connection, settings, since, is_lookback=is_lookback)
        _bind_accepted(connection, settings)
        separations.bind(connection, settings.ledger)
        durable.bind(connection, settings, as_of)
        past.bind(connection, settings)
        _bind_links(connection, settings, now.links_run_id)
        examined.bind(connection, map(Examined, dbt.segment_names()))
        connection.execute("commit")
    return as_of


@dataclass(frozen=True)
class _Control:
    """The control row as the last run left it; of a run that never was, where there is none."""

    run_id: str | None = None
    lo: int = 0
    hi: int = 0
    as_of: datetime | None = None
    prev_as_of: datetime | None = None
    scores_run_id: str | None = None
    done: bool = True
    run_number: int | None = None
    is_full: bool | None = None
    fingerprint: str | None = None
    links_run_id: str | None = None


def _next(before: _Control, run_id: str, hi: int, as_of: datetime, fingerprint: str, *, is_full: bool) -> _Control:
    """The row of this run: a run that died is repeated, under the same number.

    Everything is built again where it was never built, where the models have changed, and where a run that died had
    other bounds: what it left is then neither the old state nor the new one.
    """
    is_full = is_full or before.run_number is None or before.fingerprint != fingerprint
    if not before.done:
        is_full = is_full or bool(before.is_full) or (before.hi, before.as_of) != (hi, as_of)
    return replace(
        before,
        run_id=run_id,
        lo=before.hi if before.done else before.lo,
        hi=hi,
        as_of=as_of,
        prev_as_of=before.as_of if before.done else before.prev_as_of,
        done=False,
        run_number=(before.run_number or 0) + before.done,
        is_full=is_full,
        fingerprint=fingerprint,
    )


def _control(connection: duckdb.DuckDBPyConnection) -> _Control:
    """Read the control row, making its table where it is not there or lacks a column."""
    connection.execute("create schema if not exists ops")
    connection.execute(_CONTROL)
    for column in ("run_number integer", "is_full boolean", "fingerprint varchar", "links_run_id varchar"):
        connection.execute(f"alter table ops.control add column if not exists {column}")
    names = ", ".join(field.name for field in fields(_Control))
    row = connection.execute(f"select {names} from ops.control").fetchone()
    return _Control(*row) if row else _Control()


def _decided(settings: Settings, before: _Control) -> datetime | None:
    """The moment up to which history is decided: a run that died counts once it kept its decisions."""
    kept = settings.durable / "current"
    decided = before.run_id is not None and kept.exists() and kept.resolve().name.endswith(before.run_id)
    return before.as_of if before.done or decided else before.prev_as_of


def _last_batch(settings: Settings) -> int:
    loaded = [line for path in settings.raw.glob("*/manifest.jsonl") for line in manifest.read(path.parent)]
    if not any(line.rows_loaded for line in loaded):
        bad = sum(line.status == "quarantined" for line in loaded)
        why = f"none of the {bad} files given could be loaded" if bad else "no source has any row"
        raise NothingToDo(f"nothing to do: {why}; allowed are exports as docs/sources.md describes them")
    return max(line.last_batch for line in loaded)


def _corrected(settings: Settings, batch: int) -> bool:
    """Whether rows went since that batch, with a superseded file or by retention: then everything is built again."""
    every = (line for path in settings.raw.glob("*/manifest.jsonl") for line in manifest.read(path.parent))
    return any(max(line.superseded_by or 0, line.expired_by or 0) > batch for line in every)


def _one_currency(settings: Settings) -> None:
    for folder in sorted(path.parent for path in settings.raw.glob("*/manifest.jsonl")):
        currency = contracts.read(folder).currency
        if currency not in (None, settings.currency) and any(
            line.rows_loaded for line in manifest.live(manifest.read(folder))
        ):
            message = (
                f"source {folder.name} is in {currency}, SMALTI_CURRENCY is {settings.currency}; rates are not known"
            )
            raise SmaltiError(message)


def _moment(settings: Settings, asked: datetime | None, last: datetime | None) -> datetime:
    if asked is None:
        latest = _latest_known(settings)
        return max(latest, last) if last else latest
    refuse_earlier(asked, last)
    return asked


def refuse_earlier(asked: datetime, last: datetime | None) -> None:
    """Hold the moment asked for against the one up to which history is decided.

    Raises:
        SmaltiError: it lies before.
    """
    if last and asked < last:
        allowed = f"history is only appended: allowed is {last} or later"
        raise SmaltiError(f"--as-of {asked} lies before the last run's {last}; {allowed}")


def _latest_known(settings: Settings) -> datetime:
    """The last event or export, rounded up to the hour: an export of a day is known at the day's end."""
    every = [line for path in settings.raw.glob("*/manifest.jsonl") for line in manifest.read(path.parent)]
    known = [line for line in every if line.rows_loaded]
    latest = max(
        datetime.fromisoformat(time)
        for line in manifest.live(known) or known  # none is left where a correction withdrew all
        for time in (line.last_event_at, line.arrived_at)
        if time
    )
    whole = latest.replace(minute=0, second=0, microsecond=0)
    return whole if whole == latest else whole + timedelta(hours=1)


def _bind_raw(connection: duckdb.DuckDBPyConnection, settings: Settings, *, is_lookback: bool) -> None:
    # the one place that cuts on as_of: by arrival and, where there is one, by event time
    connection.execute("create schema if not exists raw")
    connection.execute("create or replace table ops.lawful_bases (source varchar, purpose varchar, channel varchar)")
    for folder in sorted(path.parent for path in settings.raw.glob("*/contract.json")):
        contract = contracts.read(folder)
        lines = manifest.read(folder)
        known = arrivals.condition(contract, None, arrivals.begun(lines) if is_lookback else None)
        body = f"select * from ({raw.rows(folder, lines)}) where {known}"  # names are our own
        connection.execute(f'create or replace view raw."{folder.name}" as {body}')
        for purpose in contract.lawful_basis.purposes if contract.lawful_basis else ():
            for channel in contract.lawful_basis.channels if contract.lawful_basis else ():
                connection.execute("insert into ops.lawful_bases values (?, ?, ?)", [folder.name, purpose, channel])


def _bind_accepted(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    connection.execute("create schema if not exists ledger")
    connection.execute(
        "create or replace table ledger.accepted"
        " (destination varchar, customer_id varchar, segment_ids varchar[], attributes varchar)"
    )
    with ledger.connect(settings.ledger) as book:
        rows = book.execute(
            # messages are told once, and no set that stands somewhere
            "select destination, customer_id, segment_ids, attributes from accepted where instr(destination, '.') = 0"
        ).fetchall()
    columns = [list(column) for column in zip(*map(tuple, rows), strict=True)] or [[], [], [], []]
    connection.execute(
        "insert into ledger.accepted"
        " select destination, customer_id, cast(segment_ids as json)::varchar[], attributes"
        " from (select unnest(?::varchar[]) as destination, unnest(?::varchar[]) as customer_id,"
        " unnest(?::varchar[]) as segment_ids, unnest(?::varchar[]) as attributes)",
        columns,
    )


# what is handed over beside the customers' rows, each in the order in which it is read: people and categories, and what
# recommendations are learnt from
BESIDE = {
    "category_features": "cutoff_at, customer_id, category",
    "shoppers": "shopper_number",
    "catalogue": "product_number",
    "interactions": "shopper_number, product_number, period",
    "co_occurrences": "product_number, other_number, period",
}

_RELATIONS = {
    "category_features": "(select *, false as is_scored from features.category_examples"
    " union all by name select *, true as is_scored from features.category_features)"
}


def export_features(settings: Settings, run_id: str) -> int:
    """Hand the features to the models as Parquet in `features/<run_id>/`; return the rows of `features.parquet`."""
    folder = settings.features / run_id
    folder.mkdir(parents=True, exist_ok=True)
    examples = "select *, false as is_scored from features.training_examples"
    scored = "select * exclude (identifier_hashes), true as is_scored from features.customer_features"
    # groups of the card, no features: what they are told apart by is of today
    groups = "select customer_id, region, primary_device_class from profiles.customers"
    rows = f"({examples} union all by name {scored}) left join ({groups}) using (customer_id)"
    query = f"select * from {rows} order by cutoff_at, customer_id"
    relations = {name: f"features.{name}" for name in BESIDE} | _RELATIONS
    tables = {name: f"select * from {relations[name]} order by {by}" for name, by in BESIDE.items()}
    tables[lookalikes.FILE] = lookalikes.spells([one.seed for one in lookalikes.declared()])
    with working(settings, read_only=True) as connection:
        for name, wanted in ({"features": query} | tables).items():
            temporary = folder / f"{name}.parquet.tmp"
            connection.execute(f"copy ({wanted}) to {literal(temporary)} (format parquet, compression zstd)")
            temporary.replace(folder / f"{name}.parquet")
        found = connection.execute(f"select count(*) from ({query})").fetchone()
    return int(found[0]) if found else 0


def accept_scores(settings: Settings, run_id: str) -> None:
    """Let the scores of this run count from now on: they passed their gate."""
    with working(settings) as connection:
        connection.execute("update ops.control set scores_run_id = ?", [run_id])


# scores are older than the profiles of an hourly run: whoever left since, rows and all, has none
_STILL_KNOWN = """customer_id in (
    select customer_id from profiles.customers union all select from_customer_id from profiles.merges
)"""


def accept_links(settings: Settings, run_id: str) -> None:
    """Let the links that linkage found in this run count from now on, in hourly runs too."""
    with working(settings) as connection:
        connection.execute("update ops.control set links_run_id = ?", [run_id])
        _bind_links(connection, settings, run_id)


def _bind_links(connection: duckdb.DuckDBPyConnection, settings: Settings, run_id: str | None) -> None:
    connection.execute("create schema if not exists links")
    connection.execute(f"create or replace view links.record_links as {links.rows(settings, run_id)}")


def bind_scores(settings: Settings) -> None:
    """Let `scores.*` name the scores accepted last, of people still known; zero rows where none were yet."""
    with working(settings) as connection:
        connection.execute("create schema if not exists scores")
        run_id = _control(connection).scores_run_id
        built = connection.execute("select 1 from duckdb_tables() where schema_name = 'profiles' limit 1").fetchall()
        known = _STILL_KNOWN if built else "true"
        scores.bind(connection, settings.scores / run_id if run_id else None, known)


def examine_segments(settings: Settings, look: Callable[[duckdb.DuckDBPyConnection], list[Examined]]) -> None:
    """Let dbt's models read what a look at each segment finds; it may look at the tables, and is to write none."""
    with working(settings) as connection:
        examined.bind(connection, look(connection))


def standing_still(settings: Settings) -> list[Still]:
    """The segments in which the open run found something wrong."""
    with working(settings, read_only=True) as connection:
        return examined.still(connection)


def scored_by(settings: Settings) -> str | None:
    """The run whose scores count; None before the first."""
    return _before(settings).scores_run_id


def linked_by(settings: Settings) -> str | None:
    """The run whose links count; None before the first."""
    return _before(settings).links_run_id


def finish(settings: Settings, run_id: str) -> str | None:
    """Mark the run done and write everything into the file; return the run whose scores count."""
    with working(settings) as connection:
        connection.execute("update ops.control set done = true where run_id = ?", [run_id])
        connection.execute("checkpoint")
        return _control(connection).scores_run_id


def finished_batch(settings: Settings) -> int:
    """The last batch that a finished run has seen; 0 before the first."""
    before = _before(settings)
    return before.hi if before.done else before.lo


def finished_at(settings: Settings) -> datetime | None:
    """The moment up to which history is decided: no run may speak of an earlier one; None before the first."""
    return _decided(settings, _before(settings))


def _before(settings: Settings) -> _Control:
    if not settings.working.exists():
        return _Control()
    with working(settings) as connection:
        return _control(connection)


def as_of(settings: Settings) -> datetime:
    """The moment that the open run speaks of."""
    with working(settings, read_only=True) as connection:
        row = connection.execute("select as_of from ops.control").fetchone()
    if row is None:
        raise SmaltiError("no run is open; open_run comes first")
    moment: datetime = row[0]
    return moment
