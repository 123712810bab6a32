"""What a preview and an impact cost at 10 million events: a published version, its people many times over.

    python -m benchmarks.asking --home .smalti --events 10000000

Prints, for each segment, wall and CPU-seconds of its preview, and of the impact of one changed definition.
"""

import argparse
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from segmentation import definition, impact, preview
from warehouse import settings as configuration
from warehouse.dbt import PROJECT
from warehouse.settings import Settings
from warehouse.sql import literal

_WITH_PEOPLE = """
select table_schema, table_name, bool_or(column_name = 'customer_id')
from information_schema.tables join information_schema.columns using (table_catalog, table_schema, table_name)
where table_catalog = 'small' and table_name <> 'customer_events'
group by all
order by all
"""
_COPIED = "create table {table} as from small.{table}"
_TIMES = """
create table {table} as
select * replace (customer_id || '-' || copy as customer_id)
from small.{table} cross join (select unnest(range({times})) as copy)
"""
_EVENTS = """
copy (
    select * replace (customer_id || '-' || copy as customer_id)
    from small.profiles.customer_events cross join (select unnest(range({times})) as copy)
    order by occurred_at
) to {path} (format parquet, compression zstd)
"""


def enlarge(small: Path, large: Path, events: int) -> tuple[int, int]:
    """Write a version with the same people over and over until there are so many events; events and people."""
    with duckdb.connect(large) as connection:
        connection.execute(f"attach {literal(small)} as small (read_only)")
        [(there,)] = connection.execute("select count(*) from small.profiles.customer_events").fetchall()
        times = max(1, round(events / there))
        for schema, name, has_people in connection.execute(_WITH_PEOPLE).fetchall():
            connection.execute(f"create schema if not exists {schema}")
            sql = _TIMES if has_people else _COPIED
            connection.execute(sql.format(table=f'{schema}."{name}"', times=times))
        path = large.with_name("events.parquet")
        connection.execute(_EVENTS.format(times=times, path=literal(path)))
        connection.execute(f"create view profiles.customer_events as from read_parquet({literal(path)})")
        [(people,)] = connection.execute("select count(*) from profiles.customers").fetchall()
    return there * times, people


def measured(act: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU-seconds of this process."""
    begun, used = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF)
    act()
    now = resource.getrusage(resource.RUSAGE_SELF)
    return time.monotonic() - begun, now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime


def main() -> None:
    """Enlarge the version of a home, and ask."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--events", type=int, default=10_000_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = configuration.load().model_copy(update={"home": Path(folder)})
        home.published.mkdir()
        current = (given.home / "published" / "current.duckdb").resolve()
        events, people = enlarge(current, home.current, given.events)
        print(f"{events:,} events of {people:,} people")
        _ask(home)


def _ask(home: Settings) -> None:
    print(f"{'':32}{'wall s':>8}{'CPU s':>8}")
    for name, one in definition.read_all().items():
        _print(f"preview {name}", *measured(lambda one=one: preview.preview(home, one)))  # type: ignore[misc]
    for name in ("category_enthusiast", "repeat_buyers"):
        with tempfile.TemporaryDirectory() as folder:
            project = Path(folder) / PROJECT.name
            shutil.copytree(PROJECT, project, ignore=shutil.ignore_patterns("target", "logs"))
            path = project / "models" / "segments" / f"{name}.sql"
            path.write_text(path.read_text().replace(">=", ">"))
            _print(f"impact of {name}", *measured(lambda project=project: impact.impact(home, "HEAD", project)))  # type: ignore[misc]


def _print(what: str, wall: float, cpu: float) -> None:
    print(f"{what:32}{wall:8.1f}{cpu:8.1f}")


if __name__ == "__main__":
    main()
