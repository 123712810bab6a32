"""A published version made by hand: few tables, a handful of people, so that the floor is small."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
from pydantic import SecretStr

from warehouse.settings import Settings

AS_OF = datetime.fromisoformat("2026-09-01 00:00:00")
_TABLES = """
create schema profiles; create schema segments; create schema ops; create schema scores; create schema activation;
create table profiles.customers as
select
    printf('%08d-person', i) as customer_id,
    i as number,
    i % 10 = 9 as is_anomalous,
    true as is_active,
    i * 10.0 as spend_365d_amount,
    timestamp '2026-05-01' as last_ordered_at,
    cast(i // 10 as integer) as orders_count,
    timestamp '2026-09-01' - to_hours(cast(i as integer)) as last_cart_at
from range(1000) as numbers(i);
create table profiles.customer_events as
select
    printf('%08d-person', i) as customer_id, 'product_view' as event_type, 'P' || j as product_id, 'mugs' as category,
    timestamp '2026-08-20' + to_minutes(cast(j as integer)) as occurred_at
from range(1000) as people(i), range(10) as views(j)
where j < i % 10;
create table profiles.customer_orders (customer_id varchar, order_id varchar, ordered_at timestamp);
create table scores.propensity (customer_id varchar, model varchar, probability double, tier varchar);
create table profiles.customer_consents as
select customer_id, 'marketing_email' as purpose, 'email' as channel, number % 2 = 0 as is_granted
from profiles.customers;
create table profiles.activations (destination varchar, segment varchar, purpose varchar, channel varchar);
create table ops.control as select timestamp '2026-09-01' as as_of;
create table ops.sources (is_simulated boolean, rows_loaded bigint);
create table segments.memberships (segment_id varchar, customer_id varchar, entered_at timestamp);
create table segments.catalog (
    segment_id varchar, owner varchar, review_by date, is_sendable boolean, members bigint, active_members bigint
);
create table segments.segment_checks (segment_id varchar, problem varchar);
create table segments.kept_out (segment_id varchar, customer_id varchar, reason varchar, other_segment_id varchar);
create table segments.segment_definitions (
    segment_id varchar, group_name varchar, group_rank integer, excludes varchar[]
);
create table segments.membership_history (
    segment_id varchar, customer_id varchar, started_at timestamp, left_at timestamp
);
"""


@dataclass(frozen=True)
class Published:
    """Settings of a home in which such a version is published, and how segments get into it."""

    settings: Settings

    def segment(self, name: str, where: str) -> None:
        """Publish a segment of those people to whom a condition on `customers` applies."""
        with duckdb.connect(self.settings.current) as connection:
            connection.execute(
                f"insert into segments.memberships select '{name}', customer_id, timestamp '2026-08-01'"
                f" from profiles.customers where not is_anomalous and ({where})"
            )
            connection.execute(
                "insert into segments.catalog select segment_id, 'crm', date '2027-06-01', count(*) >= ?, count(*),"
                " count(*) from segments.memberships where segment_id = ? group by segment_id",
                [self.settings.segment_floor, name],
            )
            connection.execute(
                "insert into segments.membership_history"
                " select segment_id, customer_id, entered_at, null from segments.memberships where segment_id = ?",
                [name],
            )


def publish(folder: Path, floor: int = 100) -> Published:
    """A home with the version; nobody is in a segment yet."""
    settings = Settings(
        home=folder,
        hmac_key=SecretStr("ab" * 32),
        namespace=SecretStr("6f3c1a52-6f0e-4d5e-9d54-2f6d8f2b7a10"),
        segment_floor=floor,
    )
    settings.published.mkdir(parents=True)
    with duckdb.connect(settings.current) as connection:
        connection.execute(_TABLES)
    return Published(settings)
