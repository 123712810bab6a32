"""DuckDB by SQL as a good analyst writes it: window functions over the rows as they are, no tricks.

The rows without repeats, with their person, are a table in memory with all their columns; four queries read it. In
memory it is spared what a file costs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import duckdb

from benchmarks.events import AS_OF
from benchmarks.peers import subset
from benchmarks.peers.work import Work
from warehouse.sql import literal

_EVENTS = """
create table events as
with deduplicated as (
    select * from {events}
    qualify row_number() over (partition by event_id order by ts) = 1
),
users as (
    select anonymous_id, max(user_id) as known_user_id from deduplicated group by anonymous_id
)
select coalesce(users.known_user_id, deduplicated.anonymous_id) as person, deduplicated.*
from deduplicated inner join users using (anonymous_id)
"""
_PEOPLE = "create table people as select distinct anonymous_id as device, person from events"
_SESSIONS = """
create table sessions as
with marked as (
    select
        person, ts,
        coalesce(ts - lag(ts) over (partition by person order by ts) > interval 30 minute, true) as is_start
    from events
),
numbered as (
    select *, count(*) filter (where is_start) over (partition by person order by ts) as session_number
    from marked
)
select person, min(ts) as started_at, max(ts) as ended_at, count(*) as events_count
from numbered group by person, session_number
"""
_INTERESTS = """
create table interests as
with signals as (
    select
        person, category, epoch({as_of} - ts) / 86400 as age_days,
        case event_type {weights} end as weight, case event_type {half_lives} end as half_life_days
    from events
    where event_type in ({types})
)
select person, category, sum(weight * pow(2, -age_days / half_life_days)) as score
from signals group by person, category
"""
_RFM = """
create table rfm as
with orders as (
    select person, max(ts) as last_ordered_at, count(*) as orders_count, sum(price) as spend_amount
    from events where event_type = 'purchase' group by person
)
select
    *,
    ceil(5 * cume_dist() over (order by last_ordered_at)) as recency,
    ceil(5 * cume_dist() over (order by orders_count)) as frequency,
    ceil(5 * cume_dist() over (order by spend_amount)) as monetary
from orders
"""
_SEGMENT = """
create table segment as
with counted as (
    select
        person,
        count(distinct product_id) over (
            partition by person, category order by ts
            range between interval 10 minute preceding and current row
        ) as products_count
    from events
    where event_type = 'product_view' and category is not null and ts > {as_of} - interval 30 day
)
select distinct person from counted where products_count >= 5
"""


def interests(sql: str) -> str:
    """The query with the product's weights and half-lives in it."""
    known = subset.signals()
    return sql.format(
        as_of=AS_OF,
        types=", ".join(literal(name) for name in known),
        weights=" ".join(f"when {literal(name)} then {one.weight}" for name, one in known.items()),
        half_lives=" ".join(f"when {literal(name)} then {one.half_life_days}" for name, one in known.items()),
    )


def keep(db: duckdb.DuckDBPyConnection, answers: Path) -> None:
    """Write the tables as they are named."""
    for name in subset.ANSWERS:
        columns = "* exclude (spend_amount), spend_amount * 100 as spend_cents" if name == "rfm" else "*"
        db.execute(f"copy (select {columns} from {name}) to {literal(subset.path(answers, name))} (format parquet)")


@contextmanager
def ready(path: Path, folder: Path) -> Iterator[Work]:
    """A database in memory, of two threads, that may spill."""
    with duckdb.connect(config={"threads": 2, "temp_directory": str(folder / "spill")}) as db:
        queries = {
            "events": _EVENTS.format(events=literal(path)),
            "people": _PEOPLE,
            "sessions": _SESSIONS,
            "interests": interests(_INTERESTS),
            "rfm": _RFM,
            "segment": _SEGMENT.format(as_of=AS_OF),
        }
        steps = {name: partial(db.execute, sql) for name, sql in queries.items()}
        yield Work({"duckdb": duckdb.__version__}, steps, partial(keep, db))
