"""PostgreSQL: unlogged tables with statistics, only the columns that are needed, `distinct on`, window functions.

Its windows count no distinct values: the products within ten minutes are gathered, then counted where they are five.
CPU is that of all processes of the server; loading the events by COPY is measured apart and not part of the sum.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from benchmarks import events
from benchmarks.events import AS_OF
from benchmarks.peers import duckdb_naive, postgres_server, subset
from benchmarks.peers.work import Work
from warehouse.sql import literal

_DELIVERED = """
create unlogged table delivered (
    event_id text, anonymous_id text, user_id text, event_type text, product_id text, category text,
    price numeric(18, 2), url text, device text, city text, ts timestamp
)
"""
_EVENTS = """
create unlogged table deduplicated as
select distinct on (event_id) anonymous_id, user_id, event_type, product_id, category, price, ts
from delivered order by event_id;
analyze deduplicated;
create unlogged table people as
select anonymous_id as device, coalesce(max(user_id), anonymous_id) as person
from deduplicated group by anonymous_id;
analyze people;
create unlogged table events as
select people.person, event_type, product_id, category, price, ts
from deduplicated inner join people on deduplicated.anonymous_id = people.device;
analyze events
"""
_SESSIONS = """
create unlogged table sessions as
with marked as (
    select person, ts, coalesce(ts - lag(ts) over w > interval '30 minutes', true) as is_start
    from events window w as (partition by person order by ts)
),
numbered as (
    select *, count(*) filter (where is_start) over (partition by person order by ts) as session_number from marked
)
select person, min(ts) as started_at, max(ts) as ended_at, count(*) as events_count
from numbered group by person, session_number
"""
_INTERESTS = """
create unlogged table interests as
with signals as (
    select
        person, category, date_part('epoch', {as_of} - ts) / 86400 as age_days,
        cast(case event_type {weights} end as float8) as weight,
        cast(case event_type {half_lives} end as float8) as half_life_days
    from events
    where event_type in ({types})
)
select person, category, sum(weight * power(2, -age_days / half_life_days)) as score
from signals group by person, category
"""
_RFM = """
create unlogged table rfm as
with orders as (
    select
        person, max(ts) as last_ordered_at, count(*) as orders_count, cast(sum(price) * 100 as bigint) as spend_cents
    from events where event_type = 'purchase' group by person
)
select
    *,
    cast(ceil(5 * cume_dist() over (order by last_ordered_at)) as integer) as recency,
    cast(ceil(5 * cume_dist() over (order by orders_count)) as integer) as frequency,
    cast(ceil(5 * cume_dist() over (order by spend_cents)) as integer) as monetary
from orders
"""
_SEGMENT = """
create unlogged table segment as
with gathered as (
    select
        person,
        array_agg(product_id) over (
            partition by person, category order by ts
            range between interval '10 minutes' preceding and current row
        ) as products
    from events
    where event_type = 'product_view' and category is not null and ts > {as_of} - interval '30 days'
)
select distinct person from gathered
where cardinality(products) >= 5 and (select count(distinct product) from unnest(products) as product) >= 5
"""


def _load(connection: Any, path: Path, folder: Path) -> None:
    """COPY what another process wrote as CSV."""
    file = folder / "events.csv"
    duckdb.sql(f"copy (select {', '.join(events.COLUMNS)} from {literal(path)}) to {literal(file)} (header false)")
    connection.execute(_DELIVERED)
    with file.open("rb") as rows, connection.cursor().copy("copy delivered from stdin (format csv)") as copy:
        while part := rows.read(1 << 20):
            copy.write(part)
    connection.execute("analyze delivered")
    file.unlink()


def _keep(connection: Any, answers: Path) -> None:
    for name in subset.ANSWERS:
        file = answers / f"{name}.csv"
        with file.open("wb") as kept, connection.cursor().copy(f"copy {name} to stdout (format csv, header)") as copy:
            for part in copy:
                kept.write(part)
        rows = f"select * from read_csv({literal(file)}, header = true, all_varchar = true)"
        duckdb.sql(f"copy ({rows}) to {literal(subset.path(answers, name))} (format parquet)")


@contextmanager
def ready(path: Path, folder: Path) -> Iterator[Work]:
    """A server with the events in a table."""
    queries = {
        "events": _EVENTS,
        "sessions": _SESSIONS,
        "interests": duckdb_naive.interests(_INTERESTS),
        "rfm": _RFM,
        "segment": _SEGMENT.format(as_of=AS_OF),
    }
    with postgres_server.running(folder) as server, server.connect() as connection:
        before = server.cpu()
        _load(connection, path, folder)
        loaded = server.cpu() - before
        version = connection.execute("show server_version").fetchone()[0]
        steps = {name: partial(connection.execute, sql) for name, sql in queries.items()}
        yield Work(
            {"postgresql": version.split()[0]},
            steps,
            partial(_keep, connection),
            cpu=server.cpu,
            peak=server.peak,
            load_cpu=loaded,
        )
