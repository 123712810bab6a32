"""The control row: whose run it is, and of which moment it speaks."""

import os
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from ingestion import source
from warehouse import ledger, manifest, run, scores, slot
from warehouse.errors import NothingToDo, SmaltiError
from warehouse.manifest import Line
from warehouse.settings import Settings


def _deliver(settings: Settings, name: str, last_event_at: str | None, arrived_at: str | None = None) -> None:
    """A source of which one row was loaded."""
    folder, contract = settings.raw / name, source.load_source(name).contract
    contract.write(folder)
    columns = ", ".join(f'cast(null as {kind}) as "{column}"' for column, kind in contract.raw_columns().items())
    duckdb.from_query(f"select {columns} where false").write_parquet(str(folder / "empty.parquet"))
    line = Line(
        file="a",
        sha256="a",
        bytes=1,
        status="loaded",
        run_id="r",
        batch=manifest.next_batch(settings.raw),
        rows_in=1,
        rows_loaded=1,
        last_event_at=last_event_at,
        arrived_at=arrived_at,
    )
    manifest.write(folder, [line])


def _control(settings: Settings) -> dict[str, object]:
    with run.working(settings) as connection:
        cursor = connection.execute("from ops.control")
        return dict(zip([column[0] for column in cursor.description], cursor.fetchone(), strict=True))


def test_the_moment_is_the_last_event_rounded_up_to_the_hour(settings: Settings):
    _deliver(settings, "web_events", "2026-08-31T22:10:00")
    assert run.open_run(settings, "one", None) == datetime(2026, 8, 31, 23)


def test_a_last_event_on_the_hour_is_the_moment_itself(settings: Settings):
    _deliver(settings, "web_events", "2026-08-31T22:00:00")
    assert run.open_run(settings, "one", None) == datetime(2026, 8, 31, 22)


def test_an_export_that_arrives_later_than_the_last_event_is_known(settings: Settings):
    _deliver(settings, "web_events", "2026-08-31T22:10:00")
    _deliver(settings, "crm_contacts", "2026-08-30T10:00:00", "2026-09-01T00:00:00")
    assert run.open_run(settings, "one", None) == datetime(2026, 9, 1)


def test_nothing_loaded_is_nothing_to_do(settings: Settings):
    with pytest.raises(NothingToDo, match="no source has any row"):
        run.open_run(settings, "one", None)


def test_a_run_cannot_speak_of_a_moment_before_the_last_finished_one(settings: Settings):
    _deliver(settings, "web_events", "2026-08-31T22:00:00")
    run.open_run(settings, "one", datetime(2026, 9, 1))
    run.finish(settings, "one")
    with pytest.raises(SmaltiError, match="history is only appended: allowed is 2026-09-01"):
        run.open_run(settings, "two", datetime(2026, 8, 31))


def test_a_moment_whose_run_died_before_it_decided_anything_binds_nobody(settings: Settings, held_slot: None):
    _deliver(settings, "web_events", "2026-08-31T22:00:00")
    run.open_run(settings, "one", datetime(2030, 1, 1))
    assert run.open_run(settings, "two", None) == datetime(2026, 8, 31, 22)


def test_bounds_move_on_only_from_a_finished_run(settings: Settings, held_slot: None):
    _deliver(settings, "web_events", "2026-08-31T22:00:00")
    run.open_run(settings, "one", None)
    run.finish(settings, "one")
    _deliver(settings, "crm_contacts", "2026-08-31T23:00:00")
    run.open_run(settings, "two", None)
    assert (_control(settings)["lo"], _control(settings)["hi"]) == (1, 2)
    run.open_run(settings, "three", None)
    assert (_control(settings)["lo"], _control(settings)["hi"]) == (1, 2)
    assert _control(settings)["prev_as_of"] == datetime(2026, 8, 31, 22)


def test_what_a_dead_run_loaded_counts_as_not_yet_seen(settings: Settings, held_slot: None):
    assert run.finished_batch(settings) == 0
    _deliver(settings, "web_events", "2026-08-31T22:00:00")
    run.open_run(settings, "one", None)
    assert run.finished_batch(settings) == 0
    run.finish(settings, "one")
    assert run.finished_batch(settings) == 1


def test_another_currency_is_refused(settings: Settings):
    _deliver(settings, "online_retail", "2011-12-09T12:50:00")
    with pytest.raises(SmaltiError, match="online_retail is in GBP, SMALTI_CURRENCY is EUR"):
        run.open_run(settings.model_copy(update={"currency": "EUR"}), "one", None)


def test_the_moment_decided_is_the_last_finished_ones(settings: Settings):
    assert run.finished_at(settings) is None
    _deliver(settings, "web_events", "2026-08-31T22:00:00")
    run.open_run(settings, "one", None)
    assert run.finished_at(settings) is None
    run.finish(settings, "one")
    assert run.finished_at(settings) == datetime(2026, 8, 31, 22)


def test_a_home_with_a_quote_in_its_name_is_a_home(settings: Settings):
    quoted = settings.model_copy(update={"home": settings.home.with_name("o'clock's home")})
    _deliver(quoted, "web_events", "2026-08-31T22:00:00")
    run.open_run(quoted, "one", None)
    with run.working(quoted) as connection:
        assert connection.execute("select count(*) from raw.web_events").fetchone() == (0,)
        connection.execute("create schema features")
        connection.execute(
            "create table features.customer_features as"
            " select timestamp '2026-08-31' as cutoff_at, 'c1' as customer_id, ['h'] as identifier_hashes"
        )
        connection.execute(
            "create table features.training_examples as"
            " select timestamp '2026-08-17' as cutoff_at, 'c1' as customer_id, true as bought_next_14d"
        )
        connection.execute("create schema profiles")
        connection.execute(
            "create table profiles.customers as"
            " select 'c1' as customer_id, 'Kent' as region, 'mobile' as primary_device_class"
        )
        connection.execute(
            "create table profiles.merges as"
            " select null::timestamp as merged_at, 'c' as from_customer_id, 'c' as into_customer_id, '' as evidence"
        )
        for table, columns in {
            "category_features": "timestamp '2026-08-31' as cutoff_at, 'c1' as customer_id, 'mugs' as category",
            "category_examples": "timestamp '2026-08-17' as cutoff_at, 'c1' as customer_id, 'mugs' as category",
            "shoppers": "0 as shopper_number",
            "catalogue": "0 as product_number",
            "interactions": "0 as shopper_number, 0 as product_number, 0 as period",
            "co_occurrences": "0 as product_number, 1 as other_number, 0 as period",
        }.items():
            connection.execute(f"create table features.{table} as select {columns}")
    assert run.export_features(quoted, "one") == 2
    assert {path.stem for path in (quoted.features / "one").iterdir()} == {"features", "seed_spells", *run.BESIDE}
    with run.working(quoted) as connection:
        connection.execute("drop schema profiles cascade")
    folder = quoted.scores / "one"
    folder.mkdir(parents=True)
    for name, columns in scores.TABLES.items():
        body = ", ".join(f"cast(null as {kind}) as {column}" for column, kind in columns.items())
        duckdb.from_query(f"select {body}").write_parquet(str(folder / f"{name}.parquet"))
    run.accept_scores(quoted, "one")
    run.bind_scores(quoted)
    with run.working(quoted) as connection:
        assert connection.execute("select count(*) from scores.propensity").fetchone() == (1,)


def test_scores_of_before_a_kind_of_them_was_written_are_bound_with_zero_rows_of_it(settings: Settings):
    _deliver(settings, "web_events", "2026-08-31T22:00:00")
    run.open_run(settings, "one", None)
    folder = settings.scores / "one"
    folder.mkdir(parents=True)
    for name in ("propensity", "clusters"):
        body = ", ".join(f"cast(null as {kind}) as {column}" for column, kind in scores.TABLES[name].items())
        duckdb.from_query(f"select {body}").write_parquet(str(folder / f"{name}.parquet"))
    run.accept_scores(settings, "one")
    run.bind_scores(settings)
    with run.working(settings) as connection:
        assert connection.execute("select count(*) from scores.recommendations").fetchone() == (0,)


def test_rows_that_arrive_or_happen_after_the_moment_are_not_known(settings: Settings):
    _deliver(settings, "crm_consents", "2026-08-31T22:00:00")
    folder = settings.raw / "crm_consents"
    duckdb.sql(
        f"copy (select * replace (person as contact_id, happened as recorded_at, arrived as _arrived_at)"
        f" from (values ('known', timestamp '2026-08-31 10:00', timestamp '2026-08-31 11:00'),"
        f" ('arrives_later', timestamp '2026-08-31 10:00', timestamp '2026-09-02'),"
        f" ('happens_later', timestamp '2026-09-02', timestamp '2026-08-31 11:00')) as rows(person, happened, arrived)"
        f" left join read_parquet('{folder / 'empty.parquet'}') on false) to '{folder / 'a.parquet'}' (format parquet)"
    )
    manifest.write(folder, [manifest.read(folder)[0].model_copy(update={"parquet": ("a.parquet",)})])
    run.open_run(settings, "one", datetime(2026, 9, 1))
    with run.working(settings) as connection:
        assert connection.execute("select contact_id from raw.crm_consents").fetchall() == [("known",)]


def test_what_destinations_accepted_is_handed_to_dbt(settings: Settings):
    _deliver(settings, "web_events", "2026-08-31T22:00:00")
    with ledger.connect(settings.ledger) as book:
        book.execute("""insert into accepted values ('files', 'c1', '["a", "b"]', '2026-09-01', 'p', '{"x":"y"}')""")
        # a message is told once and stands nowhere
        book.execute("insert into accepted values ('files.messages', 'i1', '[\"a\"]', '2026-09-01', 'p', null)")
    run.open_run(settings, "one", None)
    with run.working(settings) as connection:
        assert connection.execute("from ledger.accepted").fetchall() == [("files", "c1", ["a", "b"], '{"x":"y"}')]


def test_scores_count_once_they_are_accepted_and_stay_until_others_are(settings: Settings, held_slot: None):
    def scored() -> list[tuple[object, ...]]:
        run.bind_scores(settings)
        with run.working(settings) as connection:
            return connection.execute("select customer_id from scores.propensity").fetchall()

    _deliver(settings, "web_events", "2026-08-31T22:00:00")
    run.open_run(settings, "one", None)
    assert scored() == []
    (settings.scores / "one").mkdir(parents=True)
    columns = "'c1' as customer_id, 'purchase' as model, 0.5 as probability, 'high' as tier, 'v' as model_version"
    query = f"select {columns}, timestamp '2026-08-31' as scored_at, 1 as cluster, 'p' as persona"
    for name in ("propensity", "clusters"):
        duckdb.sql(f"copy ({query}) to '{settings.scores / 'one' / name}.parquet' (format parquet)")
    assert scored() == []
    run.accept_scores(settings, "one")
    assert scored() == [("c1",)]
    with run.working(settings) as connection:  # as an earlier release scored, which knew of no migrations
        assert connection.execute("from scores.cluster_migrations").fetchall() == []
    assert run.finish(settings, "one") == "one"
    run.open_run(settings, "two", None)
    assert scored() == [("c1",)]


def test_migrations_of_groups_are_read_whole_though_they_name_no_customer(settings: Settings, held_slot: None):
    _deliver(settings, "web_events", "2026-08-31T22:00:00")
    run.open_run(settings, "one", None)
    (settings.scores / "one").mkdir(parents=True)
    ends = "2 as from_cluster, 'browsers' as from_persona, null as into_cluster, null as into_persona"
    query = f"select {ends}, 120 as people, 1.0 as share, 'v1' as from_version, 'v2' as into_version"
    columns = "'c1' as customer_id, 'purchase' as model, 0.5 as probability, 'high' as tier, 'v' as model_version"
    scored = f"select {columns}, timestamp '2026-08-31' as scored_at, 1 as cluster, 'p' as persona"
    for name, rows in {"propensity": scored, "clusters": scored, "cluster_migrations": query}.items():
        duckdb.sql(f"copy ({rows}) to '{settings.scores / 'one' / name}.parquet' (format parquet)")
    with run.working(settings) as connection:
        connection.execute("create schema profiles; create table profiles.customers (customer_id varchar)")
        connection.execute("create table profiles.merges (from_customer_id varchar)")
    run.accept_scores(settings, "one")
    run.bind_scores(settings)
    with run.working(settings) as connection:
        found = connection.execute("from scores.cluster_migrations").fetchall()
        assert found == [(2, "browsers", None, None, 120, 1.0, "v1", "v2")]
        assert connection.execute("from scores.clusters").fetchall() == []


@pytest.fixture
def held_slot(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    """The slot as `smalti run` hands it down: an inherited descriptor."""
    with slot.take(settings) as descriptor:
        monkeypatch.setitem(os.environ, slot.INHERITED, str(descriptor))
        yield


def test_what_memory_cannot_hold_goes_where_the_settings_say_and_no_further(settings: Settings, tmp_path: Path):
    elsewhere = settings.model_copy(
        update={"memory_limit": "50MB", "spill_folder": str(tmp_path / "other" / "disk"), "spill_limit": "100MB"}
    )
    with run.working(elsewhere) as connection:
        connection.execute("create temp table fits as select hash(range) as a, hash(range, 1) as b from range(4000000)")
        [own] = (tmp_path / "other" / "disk").iterdir()
        assert any(own.iterdir())
        with pytest.raises(duckdb.OutOfMemoryException, match="max_temp_directory_size"):
            connection.execute("create temp table fits_not as select hash(range) as a from range(40000000)")
    twin = elsewhere.model_copy(update={"home": tmp_path / "twin"})
    assert twin.engine["temp_directory"] != elsewhere.engine["temp_directory"]
