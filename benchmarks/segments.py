"""What the segments cost beside one scan of the events: each of them, all of them, and two without their sieve.

Ten million web events of 200,000 people in the past 30 days, so that every window sees all of them: 50 a person in
visits of ten, products by Zipf. One visit in twelve stays in a category and one in sixty with a product: 20 % of the
people are enthusiasts and 7 % engaged, in a real shop's morning (REES46) it is 11 % and 6 %. The scan counts and sums
all 11 columns of the Parquet (zstd). The segments are dbt's compiled SQL over `event_log` and the other tables that
they read, filled from the same events. CPU-seconds are user and system time; figures of one run are compared with
each other only.
"""

import argparse
import re
import resource
import tempfile
from pathlib import Path

import duckdb

from warehouse import compiled, dbt
from warehouse.settings import Settings
from warehouse.sql import literal

AS_OF = "timestamp '2026-08-31'"
_SIEVED = ("category_enthusiast", "high_engagement")
_COLUMNS = (
    *("event_id", "anonymous_id", "user_id", "event_type", "product_id", "category"),
    *("price", "url", "device", "city", "ts"),
)
_DRAWN = "(hash(i) % 1000003) / 1000003.0"  # evenly from 0 to 1
_EVENTS = """
    select
        md5(i::varchar) as event_id, md5((i // 50)::varchar) as anonymous_id,
        if(i // 50 % 3 = 0, 'u' || (i // 50), null) as user_id,
        case
            when kind < 11 then 'product_view' when kind < 15 then 'page_view' when kind < 17 then 'search'
            when kind < 19 then 'add_to_cart' else 'purchase'
        end as event_type,
        'P' || lpad(product::varchar, 5, '0') as product_id, 'c' || (product % 40) as category,
        ((hash(product) % 20000) / 100.0)::decimal(18, 2) as price,
        'https://shop.example/c' || (product % 40) || '/' || md5((hash(i + 7) % 500000)::varchar) as url,
        (['desktop', 'mobile', 'tablet'])[1 + (hash(i // 50 + 3) % 3)::bigint] as device,
        (['London', 'Leeds', 'Hull', 'York', 'Bath', 'Ely'])[1 + (hash(i // 50 + 4) % 6)::bigint] as city,
        {as_of} - interval 30 day + to_microseconds(
            (hash(i // 10 + 5) % (30 * 86400 - 1200) * 1000000 + i % 10 * (20 + hash(i) % 100) * 1000000 + 1)::bigint
        ) as ts
    from (
        select
            i, hash(i + 1) % 20 as kind,
            case
                when hash(i // 10) % 12 = 0 then 40 * floor(pow(500.0, {drawn})) + (hash(i // 10 + 9) % 40)::integer
                when hash(i // 10) % 60 = 1 then floor(pow(20000.0, (hash(i // 10) % 1000003) / 1000003.0))
                else floor(pow(20000.0, {drawn}))
            end::integer as product
        from range({rows}) as r (i)
    )
"""
_TABLES = """
    create schema identity; create schema profiles; create schema input; create schema scores; create schema ops;
    create table ops.control as select {as_of} as as_of;
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
        from {events} inner join identity.customer_ids using (anonymous_id);
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
    create table scores.clusters as select customer_id, 'browsers' as persona from profiles.customers;
"""


def models(folder: Path) -> dict[str, str]:
    """Compiled SQL by name of the segments, of what unites them, and of the view on events that they read."""
    secrets = {"hmac_key": "5a" * 32, "namespace": "0d4a0f6e-7c5d-4f8c-9a53-3c6d8f5f2b11"}
    settings = Settings(home=folder, _env_file=None, **secrets)  # type: ignore[arg-type, call-arg]
    (folder / "warehouse").mkdir(parents=True)
    wanted = {*dbt.segment_names(), "segment_hits", "customer_events"}
    return {model.name: model.sql for model in compiled.models(settings, "segment_hits") if model.name in wanted}


def plain(sql: str) -> str:
    """The segment without its sieve: the window over every view."""
    found = re.sub(r"from close_together\b", "from product_views", sql)
    if found == sql:
        raise SystemExit("no step close_together to leave out")
    return found


def cpu_of(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[float, list[tuple[object, ...]]]:
    """CPU-seconds of a query, and its answer."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    answer = connection.execute(sql).fetchall()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, answer


def fill(connection: duckdb.DuckDBPyConnection, events: str, found: dict[str, str]) -> None:
    """The tables that the segments read, and the segments as views."""
    connection.execute(_TABLES.format(as_of=AS_OF, events=events))
    connection.execute(f"create view identity.customer_events as {found['customer_events']}")
    connection.execute("create schema segment_rules")
    for name in dbt.segment_names():
        connection.execute(f"create view segment_rules.{name} as {found[name]}")


def main() -> None:
    """Print the scan, each segment, the two without their sieve, and all in one statement."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rows", type=int, default=10_000_000)
    rows = arguments.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="smalti-bench-") as made:
        folder = Path(made)
        found = models(folder)
        (folder / "bench").mkdir()
        # compiled SQL names the database `working`
        with duckdb.connect(str(folder / "bench" / "working.duckdb")) as db:
            db.execute(f"set threads = 2; set memory_limit = '6GB'; set temp_directory = {literal(folder / 'spill')}")
            parquet = literal(folder / "events.parquet")
            db.execute(f"copy ({_EVENTS.format(as_of=AS_OF, rows=rows, drawn=_DRAWN)}) to {parquet} (compression zstd)")
            sums = ", ".join(f"bit_xor(hash({column}))" for column in _COLUMNS)
            scan, _ = cpu_of(db, f"select count(*), {sums} from {parquet}")
            print(f"{rows:,} events · one scan of 11 columns {scan:.2f} CPU-s", flush=True)
            fill(db, parquet, found)
            report(db, found, scan)


def report(db: duckdb.DuckDBPyConnection, found: dict[str, str], scan: float) -> None:
    """A line for each measurement, with its ratio to the scan."""
    sums = "select count(*), bit_xor(hash(customer_id)) from ({})"
    for name in dbt.segment_names():
        cost, answer = cpu_of(db, sums.format(found[name]))
        print(f"{name:32} {cost:6.2f} CPU-s  {cost / scan:5.2f} scans  {answer[0][0]:>9,} people", flush=True)
        if name in _SIEVED:
            whole, same = cpu_of(db, sums.format(plain(found[name])))
            alike = "the same people" if same == answer else "OTHER PEOPLE"
            print(f"{'  without the sieve':32} {whole:6.2f} CPU-s  {whole / scan:5.2f} scans  {alike}", flush=True)
    cost, _ = cpu_of(db, f"create table hits as {found['segment_hits']}")
    print(f"{'all in one statement':32} {cost:6.2f} CPU-s  {cost / scan:5.2f} scans", flush=True)


if __name__ == "__main__":
    main()
