"""A published version of so many people, as delivery reads it, and the same people for another tool to read."""

from pathlib import Path

import duckdb

from warehouse.sql import literal

_SEGMENTS = (
    "big_spenders", "cart_abandoned", "category_enthusiast", "frequent_cart_abandoners", "high_engagement",
    "high_value", "loyal_customers", "new_visitors", "price_sensitive", "repeat_buyers",
)  # fmt: skip
_SCHEMA = """
create schema activation; create schema segments; create schema ops; create schema profiles;
create table profiles.identifiers (
    identifier_type text, identifier_hash text, customer_id text, first_seen_at timestamp
);
create table activation.audience (
    destination text, customer_id text, contact_id_crm text, segment_ids text[], attributes text
);
create table activation.audience_changes (
    destination text, customer_id text, contact_id_crm text, segment_ids text[], change text
);
create table activation.consent_proofs (
    destination text, customer_id text, purpose text, channel text, segment_ids text[], basis text, source text
);
create table segments.catalog (segment_id text, is_sendable boolean);
create table ops.control (run_id text, as_of timestamp);
insert into ops.control values ('run-1', timestamp '2026-09-01');
create table ops.sources (
    source text, is_simulated boolean, rows_loaded bigint, newest_at timestamp, fresh_within_hours int, freshness text
);
insert into ops.sources values ('shop_orders', true, 1, timestamp '2026-08-31', 48, 'fresh');
create table ops.audience_sources (destination text, segment_id text, source text);
"""


def members(people: int, *, changed: int = 0, removed: int = 0, each: int = 0) -> str:
    """SQL of (number, customer_id, segment_ids): `each` of ten segments, without it one to three.

    The first `changed` people have other segments than without it, the last `removed` are not there.
    """
    names = f"[{', '.join(map(literal, _SEGMENTS))}]"
    first = f"(i + (i < {changed})::int) % {len(_SEGMENTS)}"
    name, count = f"{names}[1 + (start + 3 * j) % {len(_SEGMENTS)}]", each or "1 + i % 3"
    return f"""
        select i as number, cast(cast(md5('person ' || i) as uuid) as text) as customer_id,
            list_sort([{name} for j in range({count})]) as segment_ids
        from (select i, {first} as start from range({people - removed}) as people (i))
    """


def publish(home: Path, version: str, wanted: str, destination: str = "webhook") -> None:
    """Let `home` serve a version with these people in the destination's audience."""
    path = home / "published" / f"{version}.duckdb"
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(path)) as connection:
        connection.execute("set memory_limit = '4GB'")
        connection.execute(_SCHEMA)
        connection.execute(
            f"insert into activation.audience by name select '{destination}' as destination, customer_id, segment_ids"
            f" from ({wanted})"
        )
        connection.execute(
            "insert into activation.consent_proofs select destination, customer_id, 'personalisation', 'web',"
            " segment_ids, 'stated', 'crm' from activation.audience"
        )
        for segment_id in _SEGMENTS:
            connection.execute("insert into segments.catalog values (?, true)", [segment_id])
            connection.execute(
                "insert into ops.audience_sources values (?, ?, 'shop_orders')", [destination, segment_id]
            )
    aside = path.parent / ".current"
    aside.symlink_to(path.name)
    aside.replace(path.parent / "current.duckdb")


def table(path: Path, wanted: str) -> None:
    """The people as the table `members` of a DuckDB file."""
    with duckdb.connect(str(path)) as connection:
        connection.execute("set memory_limit = '4GB'")
        connection.execute(f"create or replace table members as select customer_id, segment_ids from ({wanted})")


def expected(wanted: str) -> dict[str, list[str]]:
    """What must stand at a destination."""
    with duckdb.connect() as connection:
        return dict(connection.execute(f"select customer_id, segment_ids from ({wanted})").fetchall())
