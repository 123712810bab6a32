"""A published version built by hand, and the ledger and the outbox as they stand after a delivery."""

import json
import sqlite3
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from ingestion import vault
from reverse_etl.deliver import Delivered, deliver
from warehouse import pseudonyms
from warehouse.settings import Settings

AS_OF = datetime(2026, 9, 1, tzinfo=UTC).replace(tzinfo=None)
AT = datetime(2026, 9, 1, 4, tzinfo=UTC)
SCHEMA = """
create schema activation; create schema segments; create schema ops; create schema profiles;
create table profiles.identifiers (
    identifier_type text, identifier_hash text, customer_id text, first_seen_at timestamp
);
create table activation.audience (
    destination text, customer_id text, contact_id_crm text, segment_ids text[], attributes text
);
create table activation.audience_changes (
    destination text, customer_id text, contact_id_crm text, segment_ids text[], attributes text, change text
);
create table segments.catalog (
    segment_id text, owner text, tier text, purpose text, members bigint, active_members bigint,
    is_sendable boolean, why_not text
);
create table activation.consent_proofs (
    destination text, customer_id text, purpose text, channel text, segment_ids text[], basis text, source text
);
create table ops.control (run_id text, as_of timestamp);
insert into ops.control values ('run-1', timestamp '2026-09-01');
create table ops.sources (
    source text, is_simulated boolean, rows_loaded bigint, newest_at timestamp, fresh_within_hours int, freshness text
);
insert into ops.sources values ('shop_orders', true, 1, timestamp '2026-08-31', 48, 'fresh');
create table ops.audience_sources (destination text, segment_id text, source text);
"""
CHANGES = """
insert into activation.audience_changes
select $destination, coalesce(a.customer_id, b.customer_id), coalesce(a.contact_id_crm, 'c-' || b.customer_id),
    coalesce(a.segment_ids, []), a.attributes,
    case when b.customer_id is null then 'added' when a.customer_id is null then 'removed' else 'changed' end
from (from activation.audience where destination = $destination) as a
full join accepted as b on b.customer_id = a.customer_id
where a.segment_ids is distinct from b.segment_ids
"""
People = Mapping[str, Sequence[str]]
Attributes = Mapping[str, Mapping[str, str | None]]


@dataclass(frozen=True)
class Shop:
    """One `SMALTI_HOME` in a temporary folder; people are customer id → segment ids."""

    settings: Settings
    destination: str = "files"

    def publish(
        self, version: str, people: People, sendable: Iterable[str] | None = None, told: Attributes | None = None
    ) -> None:
        """Publish a version whose changes are against the ledger as it stands now; `told` are people's attributes."""
        path = self.settings.published / f"{version}.duckdb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        with duckdb.connect(str(path)) as connection:
            connection.execute(SCHEMA)
            self._fill(connection, people, sendable)
            connection.executemany(
                "update activation.audience set attributes = ? where customer_id = ?",
                [(json.dumps(named, separators=(",", ":"), sort_keys=True), one) for one, named in (told or {}).items()]
                or [(None, "")],
            )
            connection.execute(CHANGES, {"destination": self.destination})
        self.serve(version)

    def _fill(self, connection: duckdb.DuckDBPyConnection, people: People, sendable: Iterable[str] | None) -> None:
        ids = sorted({segment_id for segments in people.values() for segment_id in segments})
        allowed = [sendable is None or segment_id in sendable for segment_id in ids]
        schema = {"segment_id": pl.String, "is_sendable": pl.Boolean}
        catalog = pl.DataFrame({"segment_id": ids, "is_sendable": allowed}, schema=schema)
        held = {"customer_id": pl.String, "segment_ids": pl.List(pl.String)}
        wanted = pl.DataFrame({"customer_id": list(people), "segment_ids": list(people.values())}, schema=held)
        before = self.accepted()
        accepted = pl.DataFrame({"customer_id": list(before), "segment_ids": list(before.values())}, schema=held)
        for name, frame in (("catalog", catalog), ("wanted", wanted), ("accepted", accepted)):
            connection.register(name, frame)
        connection.execute("insert into segments.catalog by name from catalog")
        connection.execute(
            "insert into activation.audience select ?, customer_id, "
            "case when not ends_with(customer_id, '0') then 'c-' || customer_id end, segment_ids, null from wanted",
            [self.destination],
        )
        connection.execute(
            "insert into ops.audience_sources select ?, segment_id, 'shop_orders' from catalog", [self.destination]
        )
        connection.execute(
            "insert into activation.consent_proofs"
            " select ?, customer_id, 'personalisation', 'web', segment_ids, 'stated', 'crm' from wanted",
            [self.destination],
        )
        connection.execute("insert into activation.audience values ('elsewhere', 'nobody', null, ['other'], null)")

    def know(self, customer_id: str, identifier_type: str, identifier_hash: str) -> None:
        """The published version knows the person by this, too."""
        with duckdb.connect(str(self.settings.current.resolve())) as connection:
            row = [identifier_type, identifier_hash, customer_id]
            connection.execute("insert into profiles.identifiers values (?, ?, ?, timestamp '2026-08-01')", row)

    def know_emails(self, addresses: Mapping[str, str]) -> None:
        """People of the published version are known by these addresses, which stand in the vault."""
        people = pl.DataFrame({"customer_id": list(addresses), "value": list(addresses.values())})
        with duckdb.connect() as connection:
            pseudonyms.bind(connection, self.settings)
            connection.register("people", people)
            connection.execute(
                "create temp table found as select customer_id, 'email' as kind, value, timestamp '2026-01-01' as"
                f" first_seen_at, {pseudonyms.hmac_sql('email', 'value')} as hmac from people"
            )
            connection.execute("create temp table kept (file text, position bigint, value text)")
            connection.execute(f"attach '{self.settings.current.resolve()}' as version")
            connection.execute(
                "insert into version.profiles.identifiers select kind, hmac, customer_id, first_seen_at from found"
            )
            connection.execute("alter table found drop column customer_id")
            vault.remember(connection, self.settings, "crm_contacts")

    def serve(self, version: str) -> None:
        """Let `current.duckdb` point to that version."""
        aside = self.settings.published / ".current"
        aside.symlink_to(f"{version}.duckdb")
        aside.replace(self.settings.current)

    def deliver(self, run_id: str = "run-1") -> Delivered:
        """Deliver to the destination."""
        return deliver(self.settings, self.destination, run_id, AT)

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """Rows of the ledger; none where there is no ledger."""
        if not self.settings.ledger.exists():
            return []
        connection = sqlite3.connect(self.settings.ledger)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def accepted(self) -> dict[str, list[str]]:
        """What the ledger says the destination holds."""
        rows = self.rows(f"select customer_id, segment_ids from accepted where destination = '{self.destination}'")
        return {str(customer_id): json.loads(str(segment_ids)) for customer_id, segment_ids in rows}

    @property
    def latest(self) -> Path:
        """Where the files destination delivers."""
        return self.settings.outbox / "files" / "latest"

    def delivered(self) -> dict[str, list[str]]:
        """What stands in the member file that readers open."""
        frame = pl.read_parquet(self.latest / "members.parquet")
        return dict(zip(frame["customer_id"].to_list(), frame["segment_ids"].to_list(), strict=True))


def shop_in(home: Path) -> Shop:
    """An empty shop whose state lives under `home`."""
    keys = {"hmac_key": "00" * 32, "namespace": str(uuid.UUID(int=1))}
    return Shop(Settings(_env_file=None, home=home, threads=2, **keys))


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """An empty shop."""
    return shop_in(tmp_path / "home")


@pytest.fixture
def new_shop(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Empty shops, one a call, for tests that need many."""
    return lambda: shop_in(tmp_path_factory.mktemp("shop") / "home")
