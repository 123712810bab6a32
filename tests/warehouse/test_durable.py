"""Durable decisions: written as one, read back with the columns of today."""

from datetime import datetime, timedelta

import duckdb
import pytest

from warehouse import durable
from warehouse.settings import Settings

AS_OF = datetime(2026, 9, 1)
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


def _working(settings: Settings, customer: str = "c1", at: datetime = AS_OF) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    durable.bind(connection, settings, at)
    connection.execute(f"""
        create schema activation; create schema ops; create schema identity; create schema profiles;
        create schema segments;
        create table ops.control as select timestamp '{at}' as as_of;
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
    durable.bind(connection, settings, AS_OF)
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


def _hold(connection: duckdb.DuckDBPyConnection, *hashes: str) -> None:
    """Let records hold these identifiers and no others."""
    connection.execute("delete from identity.customer_ids")
    for one in hashes:
        connection.execute("insert into identity.customer_ids values ('email', ?, 'c1', false)", [one])


def test_an_identifier_that_no_record_holds_is_forgotten_after_its_days_and_one_that_came_back_is_not(
    settings: Settings,
):
    days = timedelta(days=durable.KEPT["customer_ids"].days)
    durable.write(_working(settings), settings, "v1")
    moments = [AS_OF + days * 20, AS_OF + days * 20 + timedelta(days=1)]
    for number, at in enumerate(moments):  # let go at the first of them, however long the last run was ago
        connection = _working(settings, at=at)
        _hold(connection, "h2")
        durable.write(connection, settings, f"v{2 + number}")
    for at, left in ((moments[0] + days - timedelta(seconds=1), ["h1", "h2"]), (moments[0] + days, ["h2"])):
        found = _working(settings, at=at).execute("select identifier_hash from durable.customer_ids order by 1")
        assert [one for (one,) in found.fetchall()] == left
    connection = _working(settings, at=moments[1])
    _hold(connection, "h1", "h2")
    durable.write(connection, settings, "v4")
    connection = _working(settings, at=moments[1] + days * 2)
    found = connection.execute("select identifier_hash, minted_id from durable.customer_ids order by 1").fetchall()
    assert found == [("h1", "c1"), ("h2", None)]


@pytest.mark.parametrize("table", sorted(set(durable.KEPT) - {"customer_ids"}))
def test_a_decision_is_kept_to_the_last_second_of_its_days_after_it_ended(settings: Settings, table: str):
    kept = durable.KEPT[table]
    schema = next((name for name, tables in TABLES.items() if table in tables), "profiles")
    connection = _working(settings)
    connection.execute(
        f"delete from {schema}.{table}"
        if table != "merges"
        else "create or replace table "
        "profiles.merges (merged_at timestamp, from_customer_id varchar, into_customer_id varchar, "
        "evidence varchar)"
    )
    connection.execute(f"insert into {schema}.{table} ({kept.ended_at}) values (?), (null)", [AS_OF])
    durable.write(connection, settings, "v1")
    end = AS_OF + timedelta(days=kept.days)
    for at, left in ((end - timedelta(seconds=1), 2), (end, 1)):
        found = _working(settings, at=at).execute(f"select count(*) from durable.{table}").fetchall()
        assert found == [(left,)]


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
