"""Durable decisions: written as one, read back with the columns of today."""

import duckdb
import pytest

from warehouse import durable
from warehouse.settings import Settings

TABLES = {
    "segments": (
        *("membership_history", "measures_history", "definitions_history"),
        *("segment_definitions", "segment_checks"),
    ),
    "activation": ("exposures", "message_intents"),
}


def _row(table: str) -> str:
    columns = durable.schemas()[table]
    return "select " + ", ".join(f'cast(null as {kind}) as "{name}"' for name, kind in columns.items())


def _working(settings: Settings, customer: str = "c1") -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    durable.bind(connection, settings)
    connection.execute(f"""
        create schema activation; create schema ops; create schema identity; create schema profiles;
        create schema segments;
        create table ops.control as select timestamp '2026-09-01' as as_of;
        create table identity.customer_ids as select 'email' as identifier_type, 'h1' as identifier_hash,
            '{customer}' as customer_id, true as is_new_anchor;
        create table profiles.merges as from durable.merges;
        create table profiles.customers_history as {_row("customers_history")};""")
    for schema, tables in TABLES.items():
        for table in tables:
            connection.execute(f"create table {schema}.{table} as {_row(table)}")
    return connection


def test_before_the_first_run_every_table_is_empty(settings: Settings):
    connection = duckdb.connect()
    durable.bind(connection, settings)
    assert {
        name: connection.execute(f"select count(*) from durable.{name}").fetchone() for name in durable.schemas()
    } == dict.fromkeys(
        ("customer_ids", "merges", *TABLES["segments"], *TABLES["activation"], "customers_history"), (0,)
    )


def test_what_was_decided_is_read_back(settings: Settings):
    durable.write(_working(settings), settings, "v1")
    connection = _working(settings)
    found = connection.execute("select customer_id, minted_id, cast(minted_at as varchar) from durable.customer_ids")
    assert found.fetchall() == [("c1", "c1", "2026-09-01 00:00:00")]


def test_an_identifier_that_is_no_longer_seen_keeps_its_id(settings: Settings):
    durable.write(_working(settings), settings, "v1")
    connection = _working(settings)
    connection.execute("update identity.customer_ids set identifier_hash = 'h2'")
    durable.write(connection, settings, "v2")
    rows = _working(settings).execute("select identifier_hash, customer_id from durable.customer_ids order by 1")
    assert rows.fetchall() == [("h1", "c1"), ("h2", "c1")]


def test_a_write_that_dies_leaves_the_earlier_decisions(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    durable.write(_working(settings), settings, "v1")

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(durable.atomic, "point", die)
    with pytest.raises(KeyboardInterrupt):
        durable.write(_working(settings, "c2"), settings, "v2")
    assert _working(settings).execute("select customer_id from durable.customer_ids").fetchall() == [("c1",)]


def test_what_a_killed_run_left_aside_goes_with_the_next(settings: Settings):
    (settings.durable / "killed.tmp").mkdir(parents=True)
    durable.write(_working(settings), settings, "v1")
    assert sorted(path.name for path in settings.durable.iterdir()) == ["current", "v1"]


def test_a_column_that_customers_gained_is_null_in_earlier_versions(settings: Settings):
    durable.write(_working(settings), settings, "v1")
    path = settings.durable / "v1" / "customers_history.parquet"
    duckdb.sql(f"copy (select customer_id, valid_from from '{path}') to '{path}.new' (format parquet)")
    path.with_name(f"{path.name}.new").replace(path)
    row = _working(settings).execute("select count(*), count(state) from durable.customers_history").fetchone()
    assert row == (1, 0)


def test_a_home_with_a_quote_in_its_name_keeps_its_decisions(settings: Settings):
    quoted = settings.model_copy(update={"home": settings.home.with_name("o'clock's home")})
    durable.write(_working(quoted), quoted, "v1")
    assert _working(quoted).execute("select customer_id from durable.customer_ids").fetchall() == [("c1",)]
