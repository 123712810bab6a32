"""Smalti: its own code and models, not a rewrite for the race; every statement that a full run of dbt sends for them.

- Repeats: `ingestion.duplicates`, as a load finds them. They are withheld as raw withholds them: named in a Parquet.
- Raw: the Parquet behind the columns of `web_events`, and its purchases behind those of `shop_orders` and
  `shop_order_lines`, for the product takes orders from the shop's books. The other sources are empty.
- The rest: `sessions`, `interests`, `customers`, `category_enthusiast`, and all models that these read but `LEFT_OUT`,
  whose answers nobody asked for. dbt builds them once from few events; what it sent, told by its log, is sent again
  over all of them. What is a view and an answer is then computed.

More than was asked, and counted: identity is by components over six kinds of identifier, with pseudonyms and rules;
addresses are taken apart for campaigns and referrers; `event_log` keeps 20 columns for other models; `sessions` knows
entry page and campaign; interests are prepared to be added to; `customers` has 60 columns. Not counted: the start of
dbt, and writing raw, which `make bench-ingest` measures. Everything stands in a file afterwards, as in a run.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

import duckdb

from benchmarks.peers import subset
from benchmarks.peers.work import NotMeasured, Work
from benchmarks.segments import settings_of, statements
from ingestion import load, source
from ingestion.duplicates import find_duplicates
from ingestion.write import Job
from segmentation import definition
from segmentation.examine import examine
from warehouse import arrivals, examined, pseudonyms, run
from warehouse.examined import Examined
from warehouse.settings import Settings
from warehouse.sql import literal

_FEW = 5_000
_TABLES = ("sessions", "interests", "customers")
_SEGMENT = "category_enthusiast"
_RELATIONS = (*(f"profiles.{name}" for name in _TABLES), f"segment_rules.{_SEGMENT}")
LEFT_OUT = {
    *("anomalies", "customer_activity", "customer_attributes", "customer_favourites", "customer_habits"),
    "customer_relationship",
}
_STAMPS = {"_file": "'events'", "_position": "_seq", "_arrived_at": "ts", "_batch": "1"}
_RAW = {
    "web_events": {
        **{name: name for name in ("event_id", "event_type", "anonymous_id", "user_id", "url")},
        "product_id": "product_id",
        "category": "category",
        "occurred_at": "ts",
        "platform": "case device when 'mobile' then 'ios' when 'tablet' then 'android' else 'web' end",
        "user_agent_is_bot": "false",
        "user_agent_device_class": "device",
    },
    "shop_orders": {
        "order_id": "event_id",
        "contact_id": "user_id",
        "ordered_at": "ts",
        "status": "'completed'",
        "channel": "'web'",
        "currency": "'GBP'",
    },
    "shop_order_lines": {
        "order_id": "event_id",
        "line_number": "1",
        "product_id": "product_id",
        "quantity": "1",
        "unit_price_amount": "price",
    },
}
_ONLY = {"web_events": "true", "shop_orders": "event_type = 'purchase'", "shop_order_lines": "event_type = 'purchase'"}
_ANSWERS = {
    "people": """
        select identifier_key as device, person from identity.customer_ids inner join persons using (customer_id)
        where identifier_type = 'anonymous_id'""",
    "sessions": "select * from profiles.sessions inner join persons using (customer_id)",
    "interests": """
        select person, value as category, score from profiles.interests inner join persons using (customer_id)
        where dimension = 'category'""",
    "rfm": """
        select
            person, orders_count, last_ordered_at, spend_total_amount * 100 as spend_cents,
            recency_quintile as recency, frequency_quintile as frequency, monetary_quintile as monetary
        from profiles.customers inner join persons using (customer_id) where orders_count > 0""",
    "segment": f"select person from segment_rules.{_SEGMENT} inner join persons using (customer_id)",
}
_PERSONS = """
create temp table persons as
select
    customer_id,
    coalesce(
        max(split_part(identifier_key, ':', 2)) filter (where identifier_type = 'user_id'),
        max(identifier_key) filter (where identifier_type = 'anonymous_id')
    ) as person
from identity.customer_ids group by customer_id
"""
_VIEWS = "select schema_name, view_name, 'view' as kind from duckdb_views() where not internal"
_RELATIONS_OF_MODELS = f"select schema_name, table_name, 'table' as kind from duckdb_tables() union all {_VIEWS}"


def _open(settings: Settings, folder: Path) -> None:
    """A run is open, as the driver opens it; for that one event has to be loaded."""
    drop = folder / "drop"
    drop.mkdir()
    day = subset.AS_OF - timedelta(days=1)
    event = {"event_id": "e", "event_type": "page_view", "platform": "web", "occurred_at": f"{day:%Y-%m-%dT%H:%M:%SZ}"}
    (drop / f"events_{day:%Y-%m-%dT%H}.jsonl").write_text(json.dumps(event) + "\n")
    for name in source.names():
        load.load(settings, name, drop, "race", day)
    run.open_run(settings, "race", subset.AS_OF, is_full=True)
    run.bind_scores(settings)


def open_run(settings: Settings, events: Path, folder: Path) -> None:
    """Open a full run that sees these events; what it needs beside them lies in that folder."""
    _open(settings, folder)
    with run.working(settings) as db:
        _withhold(db, settings, events)
        _bind(db, settings, events)


def _withhold(db: duckdb.DuckDBPyConnection, settings: Settings, events: Path) -> None:
    """Find what came before, and name it."""
    db.execute(f"create or replace temp view acceptable as {_numbered(events)}")
    job = Job(source.load_source("web_events"), settings.raw, "race", subset.AS_OF, 1)
    find_duplicates(db, job, settings.raw, [])
    named = "select 'events' as file, _seq as position, 1 as batch from duplicates order by all"
    db.execute(f"copy ({named}) to {literal(_withheld(settings))} (format parquet)")


def _numbered(events: Path) -> str:
    return f"select *, file_row_number as _seq from read_parquet({literal(events)}, file_row_number = true)"


def _withheld(settings: Settings) -> Path:
    return settings.home / "withheld.parquet"


def _bind(db: duckdb.DuckDBPyConnection, settings: Settings, events: Path) -> None:
    """Let raw be these events, cut as a run cuts raw."""
    for name, given in _RAW.items():
        contract, known = source.load_source(name).contract, _STAMPS | given
        typed = contract.raw_columns().items()
        listed = ", ".join(f"cast({known.get(column, 'null')} as {kind}) as {column}" for column, kind in typed)
        body = f"""
            select * from (
                select {listed} from ({_numbered(events)}) as loaded
                where {_ONLY[name]} and not exists (
                    select 1 from read_parquet({literal(_withheld(settings))}) as withheld
                    where withheld.position = loaded._seq
                )
            ) where {arrivals.condition(contract, None)}"""
        for schema in ("raw", "arrivals"):
            db.execute(f"create or replace view {schema}.{name} as {body}")


def sent(settings: Settings) -> dict[str, list[str]]:
    """By model, in order, what dbt sends for those that are asked for; the segment's once its steps were examined."""
    found = statements(settings, *(f"+{name}" for name in (*_TABLES, _SEGMENT)))
    with run.working(settings) as db:
        known = examine(db, definition.read_all())
        examined.bind(db, (Examined(name, None, one.stands_alone, one.tells_apart) for name, one in known.items()))
    found = {name: sql for name, sql in found.items() if name != _SEGMENT} | statements(settings, _SEGMENT)
    wanted = _asked_for(settings)
    return {name: sql for name, sql in found.items() if name in wanted}


def _asked_for(settings: Settings) -> set[str]:
    """The models that give the answers, with all that they read, but not through what is left out."""
    every = json.loads((settings.home / "dbt" / "manifest.json").read_text())["nodes"]
    models = {node["name"]: node for node in every.values() if node["resource_type"] == "model"}
    if unknown := LEFT_OUT - set(models):
        raise NotMeasured(f"no model {', '.join(sorted(unknown))} to leave out")
    found, new = set[str](), {*_TABLES, _SEGMENT}
    while new:
        found |= new
        read = {every[key]["name"] for name in new for key in models[name]["depends_on"]["nodes"] if key in every}
        new = (read & set(models)) - found - LEFT_OUT
    return found


def _compute_views(db: duckdb.DuckDBPyConnection) -> None:
    """An answer that is a view costs what reading it costs."""
    views = {f"{schema}.{name}" for schema, name, _ in db.execute(_VIEWS).fetchall()}
    for relation in views.intersection(_RELATIONS):
        db.execute(f"create or replace temp table computed as select * from {relation}")


def _send(db: duckdb.DuckDBPyConnection, every: list[str]) -> None:
    for sql in every:
        db.execute(sql).fetchall()


def _keep(db: duckdb.DuckDBPyConnection, answers: Path) -> None:
    db.execute(_PERSONS)
    for name, query in _ANSWERS.items():
        columns = ", ".join((*(one := subset.ANSWERS[name]).key, *one.exact, *one.near))
        file = literal(subset.path(answers, name))
        db.execute(f"copy (select {columns} from ({query})) to {file} (format parquet)")


def _prepare(settings: Settings, path: Path, folder: Path) -> dict[str, list[str]]:
    """Build the models once from few events, and empty what is left out."""
    few = folder / "few.parquet"
    duckdb.sql(f"copy (from {literal(path)} limit {_FEW}) to {literal(few)} (format parquet)")
    open_run(settings, few, folder)
    found = sent(settings)
    with run.working(settings) as db:
        _clear(db, set(found))
        _bind(db, settings, path)
    return found


def _clear(db: duckdb.DuckDBPyConnection, built: set[str]) -> None:
    """What is built again is gone, as before a first run; what is left out has no rows."""
    for schema, name, kind in db.execute(_RELATIONS_OF_MODELS).fetchall():
        if name in built and schema not in ("raw", "arrivals", "durable"):
            db.execute(f"drop {kind} {schema}.{name}")
        elif name in LEFT_OUT and kind == "table":
            db.execute(f"truncate {schema}.{name}")


@contextmanager
def ready(path: Path, folder: Path) -> Iterator[Work]:
    """A working file with an open full run over these events."""
    settings = settings_of(folder / "home").model_copy(update={"memory_limit": "4GB"})
    every = _prepare(settings, path, folder)
    with run.working(settings) as db:
        pseudonyms.bind(db, settings)
        steps = {"repeats": partial(_withhold, db, settings, path)}
        steps |= {name: partial(_send, db, sql) for name, sql in every.items()}
        steps |= {"views": partial(_compute_views, db)}
        yield Work({"duckdb": duckdb.__version__}, steps, partial(_keep, db))
