"""What loading costs beside DuckDB's own reader: the same events, read and written by each, in CPU-seconds.

The reader reads every column as text, casts with `try_cast`, numbers the rows and writes the same Parquet. Loading
also hashes the file, counts its records without DuckDB, checks the contract and finds duplicates. Each step runs in a
process of its own; `ratio` is the reader's CPU-seconds over loading's, 1 where the contract costs nothing.
"""

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from unittest import mock

import duckdb

from ingestion import load as loading
from ingestion.delivery import identify, inspect
from ingestion.filesystem import Contents
from ingestion.source import Source
from ingestion.sql import quoted
from ingestion.unpack import Room
from warehouse import manifest, raw
from warehouse.contracts import DUCKDB_TYPES, Column, Contract
from warehouse.settings import Settings
from warehouse.sql import literal

_TYPES = ("page_view", "product_view", "search", "add_to_cart", "purchase")
_COLUMNS = (
    Column(name="event_id", nullable=False),
    Column(name="anonymous_id", nullable=False, pii="indirect"),
    Column(name="user_id", pii="indirect"),
    Column(name="event_type", nullable=False, allowed=_TYPES),
    Column(name="product_id"),
    Column(name="category"),
    Column(name="price", type="decimal", minimum=0),
    Column(name="url", form="url"),
    Column(name="device", allowed=("desktop", "mobile", "tablet")),
    Column(name="city"),
    Column(name="ts", type="timestamp", nullable=False),
)
_FILES: dict[str, Literal["jsonl", "csv", "parquet"]] = {"jsonl.gz": "jsonl", "csv": "csv", "parquet": "parquet"}
_AT = datetime(2026, 9, 1, tzinfo=UTC).replace(tzinfo=None)


def source(kind: str, *, is_personal: bool = False) -> Source:
    """The source that claims the benchmark's file of that kind; personal, `user_id` is a direct identifier."""
    known = Column(name="user_id", pii="direct", kind="name") if is_personal else None
    contract = Contract(
        source="bench_events",
        description="Web events of the benchmark.",
        format=_FILES[kind],
        columns=tuple(known if known and column.name == "user_id" else column for column in _COLUMNS),
        key=("event_id",),
        event_time="ts",
        arrival="load",
        purpose="personalisation",
        retention_days=400,
    )
    return Source(contract, re.compile(rf"events\.{re.escape(kind)}"))


def simulate(folder: Path, rows: int) -> None:
    """Write `rows` events into each kind of file: 50 a visitor, products by Zipf, one in a hundred a duplicate."""
    visitors = max(1, rows // 50)
    with duckdb.connect() as connection:
        connection.execute("set memory_limit = '2GB'; set preserve_insertion_order = true")
        pick = "(list_value({values}))[1 + (hash(i + {salt}) % {size})::integer]".format
        choices = {
            "event_type": (_TYPES, 1),
            "category": (("shoes", "hats", "coats", "bags", "toys", "books"), 2),
            "device": (("desktop", "mobile", "tablet"), 3),
            "city": (("London", "Leeds", "Hull", "York", "Bath", "Ely"), 4),
        }
        chosen = {
            name: pick(values=", ".join(map(literal, values)), salt=salt, size=len(values))
            for name, (values, salt) in choices.items()
        }
        connection.execute(
            f"""
            create view events as select
                md5((if(i % 100 = 7, i - 1, i))::varchar) as event_id, md5((i % {visitors})::varchar) as anonymous_id,
                if(hash(i) % 3 = 0, 'u' || (i % {visitors})::varchar, null) as user_id,
                {chosen["event_type"]} as event_type,
                'p' || floor(pow((hash(i + 5) % 1000000) / 1e6, 3) * 5000)::integer as product_id,
                {chosen["category"]} as category, ((hash(i + 6) % 20000) / 100.0)::decimal(18, 2) as price,
                'https://shop.example/' || {chosen["category"]} || '/' || md5((hash(i + 7) % 500000)::varchar) as url,
                {chosen["device"]} as device, {chosen["city"]} as city,
                strftime(timestamp '2026-08-01' + to_seconds(i * 2592000 // {rows}), '%Y-%m-%dT%H:%M:%S.000Z') as ts
            from range({rows}) as events (i)
            """
        )
        options = {"jsonl.gz": "format json, compression gzip", "csv": "header", "parquet": "compression zstd"}
        for kind, how in options.items():
            connection.execute(f"copy (from events) to {literal(folder / f'events.{kind}')} ({how})")


def native(folder: Path, kind: str) -> None:
    """DuckDB's own reader: all columns as text, `try_cast`, the rows numbered, the same Parquet."""
    path, columns = literal(folder / f"events.{kind}"), ", ".join(f"'{c.name}': 'varchar'" for c in _COLUMNS)
    reader = {
        "jsonl.gz": f"read_json({path}, format = 'newline_delimited', columns = {{{columns}}})",
        "csv": f"read_csv({path}, columns = {{{columns}}}, header = true, auto_detect = false)",
        "parquet": f"read_parquet({path})",
    }[kind]
    values = ", ".join(
        f"try_cast({c.name}::varchar as {DUCKDB_TYPES[c.type]}) as {c.name}" if c.type != "text" else c.name
        for c in _COLUMNS
    )
    stamps = f"'{'5a' * 32}' as _file, row_number() over () as _position, timestamp '{_AT}' as _arrived_at, 1 as _batch"
    query = f"select {values}, {stamps}, null::varchar as _extra from {reader}"
    settings = _settings(folder)
    with duckdb.connect() as connection:
        connection.execute(f"set threads = {settings.threads}; set memory_limit = {literal(settings.memory_limit)}")
        connection.execute("set TimeZone = 'UTC'")
        target = literal(folder / f"native.{kind}.parquet")
        connection.execute(f"copy ({query}) to {target} (format parquet, compression zstd)")


def tight(folder: Path, kind: str) -> None:
    """Loading within 500 MB."""
    ours(folder, kind, memory_limit="500MB")


def clear(folder: Path, kind: str) -> None:
    """Loading within 500 MB what has a direct identifier, and so does not stream."""
    ours(folder, kind, memory_limit="500MB", is_personal=True)


def ours(folder: Path, kind: str, memory_limit: str = "4GB", *, is_personal: bool = False) -> None:
    """Loading, as `smalti run` does it."""
    with mock.patch.object(loading, "load_source", return_value=source(kind, is_personal=is_personal)):
        settings = _settings(folder, f"{kind}-{memory_limit}-{is_personal}", memory_limit)
        outcome = loading.load(settings, "bench_events", folder, "bench", _AT)
    if outcome.problems:
        raise SystemExit("; ".join(outcome.problems))


def digest(folder: Path, kind: str) -> None:
    """The file's SHA-256 alone."""
    identify(source(kind), folder / f"events.{kind}", folder)


def count(folder: Path, kind: str) -> None:
    """The content unpacked with an independent count of its records, and the SHA-256."""
    room = Room.of(_settings(folder), folder, Contents())
    inspect(identify(source(kind), folder / f"events.{kind}", folder), source(kind).contract, room)


def _settings(folder: Path, home: str = "", memory_limit: str = "4GB") -> Settings:
    secrets = {"hmac_key": "5a" * 32, "namespace": "0d4a0f6e-7c5d-4f8c-9a53-3c6d8f5f2b11"}
    return Settings(home=folder / f"home-{home}", memory_limit=memory_limit, _env_file=None, **secrets)  # type: ignore[arg-type, call-arg]


_STEPS = {step.__name__: step for step in (native, ours, digest, count, tight, clear)}


def measured(step: str, folder: Path, kind: str) -> dict[str, float]:
    """CPU-seconds, seconds and peak memory (MB) of one step in a process of its own, imports left out."""
    command = [sys.executable, "-m", "benchmarks.ingest", "--step", step, "--folder", str(folder), "--kind", kind]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(told.splitlines()[-1])
    return found


def _step(step: str, folder: Path, kind: str) -> None:
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    _STEPS[step](folder, kind)
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"cpu": cpu, "seconds": time.monotonic() - began, "mb": after.ru_maxrss / 1024}))


def agree(folder: Path, kind: str) -> bool:
    """Whether loading wrote what the reader wrote, without the second of two rows with one id."""
    home = _settings(folder, f"{kind}-4GB-False").raw / "bench_events"
    sums = ", ".join(f"bit_xor(hash({quoted(column.name)}, _position))" for column in _COLUMNS)
    loaded = raw.rows(home, manifest.read(home))
    read = f"from read_parquet({literal(folder / f'native.{kind}.parquet')})"
    first = f"select * {read} where (_position - 1) % 100 <> 7"
    with duckdb.connect() as connection:
        connection.execute("set memory_limit = '2GB'")
        results = [connection.execute(f"select count(*), {sums} from ({q})").fetchall() for q in (loaded, first)]
    return results[0] == results[1]


def main() -> None:
    """Print a line for each kind of file."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rows", type=int, default=10_000_000)
    arguments.add_argument("--kind", choices=_FILES)
    arguments.add_argument("--step", choices=_STEPS, help=argparse.SUPPRESS)
    arguments.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.step:
        _step(given.step, given.folder, given.kind)
        return
    with tempfile.TemporaryDirectory(prefix="smalti-bench-") as made:
        folder = Path(made)
        simulate(folder, given.rows)
        for kind in [given.kind] if given.kind else _FILES:
            found = {step: measured(step, folder, kind) for step in ("native", "ours", "digest", "count")}
            size = (folder / f"events.{kind}").stat().st_size / 1e6
            same = "the same rows" if agree(folder, kind) else "OTHER ROWS"
            print(
                f"{kind:9} {given.rows:,} rows, {size:,.0f} MB · native {found['native']['cpu']:.1f} CPU-s · ours "
                f"{found['ours']['cpu']:.1f} (digest {found['digest']['cpu']:.1f}, count "
                f"{found['count']['cpu'] - found['digest']['cpu']:.1f}) · ratio "
                f"{found['native']['cpu'] / found['ours']['cpu']:.2f} · peak {found['ours']['mb']:,.0f} MB · "
                f"{found['ours']['seconds']:.0f} s beside {found['native']['seconds']:.0f} s · {same}",
                flush=True,
            )
        if not given.kind:
            size = (folder / "events.csv").stat().st_size / 1e6
            for step in ("tight", "clear"):
                one = measured(step, folder, "csv")
                print(
                    f"{_STEPS[step].__doc__} {size:,.0f} MB of CSV · {one['cpu']:.1f} CPU-s · "
                    f"peak {one['mb']:,.0f} MB · {one['seconds']:.0f} s",
                    flush=True,
                )


if __name__ == "__main__":
    main()
