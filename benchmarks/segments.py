"""What the segments cost beside one scan of the events: each of them, all memberships, and two without their sieve.

Ten million web events of 200,000 people in the past 30 days, so that every window sees all of them: 50 a person in
visits of ten, products by Zipf. One visit in twelve stays in a category and one in sixty with a product: 20 % of the
people are enthusiasts and 7 % engaged, in a real shop's morning (REES46) it is 11 % and 6 %. The scan counts and sums
all 11 columns of the Parquet (zstd). `event_log`, in order of time, and the other tables that segments read are filled
from the same events, in a working file as a run makes it. What is measured is every statement that a full run of dbt
sends for these models, as its log tells from a run over few events: measures are written, rules become views,
memberships a table. CPU-seconds are user and system time; figures of one run are compared with each other only.
"""

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
from collections import defaultdict
from datetime import datetime
from pathlib import Path

import duckdb

from benchmarks import events as made_up
from benchmarks.events import AS_OF
from segmentation import definition
from segmentation.examine import examine
from warehouse import compiled, dbt, durable, examined, run
from warehouse.examined import Examined
from warehouse.settings import Settings
from warehouse.sql import literal

_MOMENT = datetime.fromisoformat("2026-08-31")
_SIEVED = ("category_enthusiast", "high_engagement")
_MEMBERSHIPS = (
    *("stated_definitions", "rule_results", "segment_checks", "segment_definitions", "spells_before"),
    *("rule_hits", "kept_out", "segment_hits"),
)
_TABLES = """
    create schema identity; create schema profiles; create schema input; create schema scores; create schema ops;
    create table ops.control as
        select {as_of} as as_of, null::timestamp as prev_as_of, true as is_full, 1 as run_number, 100 as segment_floor;
    create table profiles.merges (
        merged_at timestamp, from_customer_id varchar, into_customer_id varchar, evidence varchar
    );
    create table identity.customer_ids as
        select
            row_number() over () as identifier_number,
            cast(cast(md5('person ' || anonymous_id) as uuid) as varchar) as customer_id, anonymous_id
        from (select distinct anonymous_id from {events} order by anonymous_id);
    create table identity.event_log as
        select
            identifier_number, 1 as run_number, event_id, event_type,
            case when event_type in ('product_view', 'add_to_cart') then product_id end as product_id,
            case when event_type in ('product_view', 'add_to_cart') then category end as category,
            case device when 'mobile' then 'ios' when 'tablet' then 'android' else 'web' end as platform,
            false as is_bot, ts as occurred_at
        from {events} inner join identity.customer_ids using (anonymous_id) order by occurred_at;
    create table input.products as select distinct product_id, price as price_amount from {events};
    create table profiles.sessions as
        select customer_id, min(occurred_at) as started_at, max(occurred_at) as ended_at
        from identity.event_log inner join identity.customer_ids using (identifier_number)
        group by customer_id, occurred_at::date;
    create table profiles.customers as
        select
            customer_id, false as is_anomalous, max(occurred_at) as last_event_at, min(occurred_at) as first_seen_at,
            (hash(customer_id) % 5)::integer as orders_count, min(occurred_at) as first_ordered_at,
            max(occurred_at) as last_ordered_at, (hash(customer_id, 1) % 1000)::decimal(18, 2) as spend_365d_amount,
            (1 + hash(customer_id, 2) % 5)::integer as recency_quintile,
            (1 + hash(customer_id, 3) % 5)::integer as frequency_quintile,
            (1 + hash(customer_id, 4) % 5)::integer as monetary_quintile, 0.5 as discounted_orders_share,
            (['North East', 'North West', 'Wales', 'London', 'Scotland'])[1 + (hash(customer_id, 5) % 5)::bigint]
                as region
        from identity.event_log inner join identity.customer_ids using (identifier_number)
        group by customer_id;
    create table scores.propensity as
        select
            customer_id, 'purchase' as model,
            (['high', 'medium', 'low'])[1 + (hash(customer_id) % 3)::bigint] as tier
        from profiles.customers;
    create table scores.affinities as
        select
            customer_id, 'c' || category as category, if(category = 1, 'high', 'low') as tier,
            category = 2 as has_bought
        from profiles.customers cross join (values (1), (2)) as categories (category);
    create table scores.clusters as select customer_id, 'browsers' as persona from profiles.customers;
"""


def settings_of(home: Path) -> Settings:
    """Settings of a warehouse of its own."""
    secrets = {"hmac_key": "5a" * 32, "namespace": "0d4a0f6e-7c5d-4f8c-9a53-3c6d8f5f2b11"}
    return Settings(home=home, threads=2, memory_limit="6GB", _env_file=None, **secrets)  # type: ignore[arg-type, call-arg]


def fill(settings: Settings, rows: int) -> str:
    """Make the events and, in a new working file, the tables that segments read; return the Parquet's name in SQL."""
    with run.working(settings):
        events = literal(settings.home / "events.parquet")
    sql = {model.name: model.sql for model in compiled.models(settings, "customer_events")}
    with run.working(settings) as db:
        db.execute(f"copy ({made_up.sql(rows, days=30)}) to {events} (compression zstd)")
        db.execute(_TABLES.format(as_of=AS_OF, events=events))
        db.execute(f"create view identity.customer_events as {sql['customer_events']}")
        durable.bind(db, settings, _MOMENT)
        found = examine(db, definition.read_all())
        examined.bind(
            db, (Examined(name, None, how.stands_alone, how.tells_apart) for name, how in sorted(found.items()))
        )
    return events


def statements(settings: Settings, *selected: str) -> dict[str, list[str]]:
    """By model what dbt sends to DuckDB in a full run, from its log; of the models selected, else of all segments."""
    command = [str(Path(sys.executable).with_name("dbt")), "--no-version-check", "--log-format-file", "json", "build"]
    command += ["--exclude-resource-type", "test", "unit_test"]
    given = [*dbt.arguments(settings.home / "dbt"), "--select"]
    given += selected or ("path:models/segments", *_MEMBERSHIPS)
    told = settings.logs / "sent"
    (told / "dbt.log").unlink(missing_ok=True)  # dbt would add to it
    environment = dbt.environment(settings) | {"DBT_LOG_PATH": str(told)}
    subprocess.run([*command, *given], env=environment, check=True, stdout=subprocess.DEVNULL)
    sent = defaultdict[str, list[str]](list)
    for line in (told / "dbt.log").read_text().splitlines():
        event = json.loads(line)
        if event["info"]["name"] == "SQLQuery" and (node := event["data"].get("node_info", {}).get("node_name")):
            sent[node].append(event["data"]["sql"])
    return sent


def plain(sql: str) -> str:
    """The segment without its sieve: the window over every view."""
    return re.sub(r"from close_together\b", "from product_views", sql)


def cpu_of(connection: duckdb.DuckDBPyConnection, sent: list[str]) -> float:
    """CPU-seconds of statements."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    for sql in sent:
        connection.execute(sql).fetchall()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print the scan, each segment, the two without their sieve, and all memberships."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rows", type=int, default=10_000_000)
    rows = arguments.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="smalti-bench-") as made:
        few, many = settings_of(Path(made) / "few"), settings_of(Path(made) / "many")
        fill(few, 5_000)
        sent = statements(few)
        events = fill(many, rows)
        with run.working(many) as db:
            sums = ", ".join(f"bit_xor(hash({column}))" for column in made_up.COLUMNS)
            scan = cpu_of(db, [f"select count(*), {sums} from {events}"])
            print(f"{rows:,} events · one scan of 11 columns {scan:.2f} CPU-s", flush=True)
            report(db, sent, scan)


def report(db: duckdb.DuckDBPyConnection, sent: dict[str, list[str]], scan: float) -> None:
    """A line for each measurement, with its ratio to the scan."""
    db.execute("create schema segment_rules; create schema segments")
    whole = 0.0
    for name in dbt.segment_names():
        without = [plain(sql) for sql in sent[name]]
        if name in _SIEVED:
            if without == sent[name]:
                raise SystemExit("no step close_together to leave out")
            tell(f"{name}, without its sieve", cpu_of(db, without), scan, people(db, name))
        cost = cpu_of(db, sent[name])
        whole += cost
        tell(name, cost, scan, people(db, name))
    cost = cpu_of(db, [sql for name in _MEMBERSHIPS for sql in sent[name]])
    tell("memberships from all rules", cost, scan, people(db, "rule_hits"))
    tell("all memberships", whole + cost, scan)


def tell(what: str, cost: float, scan: float, found: str = "") -> None:
    """One line."""
    print(f"{what:40} {cost:6.2f} CPU-s  {cost / scan:5.2f} scans  {found}", flush=True)


def people(db: duckdb.DuckDBPyConnection, name: str) -> str:
    """How many a rule finds, and a checksum of who they are."""
    [(count, who)] = db.execute(f"select count(*), sum(hash(customer_id)) from segment_rules.{name}").fetchall()
    return f"{count:>9,} people · {int(who or 0) % 10**6:06d}"


if __name__ == "__main__":
    main()
