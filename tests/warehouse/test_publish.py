"""Publishing: the audit finds what must not be, and the swap shows one whole version."""

import re
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from warehouse import atomic, durable, publish, published_events, run
from warehouse.errors import SmaltiError
from warehouse.published_tables import Files, Written
from warehouse.settings import Settings

SOUND = """
create schema profiles; create schema segments; create schema activation; create schema scores; create schema ops;
create table ops.control as select 'r' as run_id, timestamp '2026-09-01' as as_of, 100 as segment_floor;
create table ops.runs as
    select 'load_raw' as stage, 4 as rows_in, 1 as rows_loaded, 1 as rows_rejected,
        1 as rows_duplicate, 1 as rows_suppressed;
create table profiles.customers as from (values ('c1', false, false), ('bot', true, false), ('odd', false, true))
    as t(customer_id, is_bot, is_anomalous);
create table profiles.identifiers as select 'email' as identifier_type, 'h' as identifier_hash, 'c1' as customer_id;
create table profiles.identity_quality as select 'merged_now' as measure, true as is_within_limit;
create table profiles.customer_consents as
    select 'c1' as customer_id, 'mail' as purpose, 'email' as channel, true as is_granted;
create table profiles.activations as
    select 'files' as destination, 's' as segment, 'mail' as purpose, 'email' as channel;
create table segments.memberships as from (values ('s', 'c1'), ('u', 'c1')) as t(segment_id, customer_id);
create table segments.segment_definitions as
    from (values ('s', 'g'), ('t', 'g'), ('u', null)) as t(segment_id, group_name);
create table segments.catalog as from (values ('s', true), ('small', false)) as t(segment_id, is_sendable);
create table activation.audience as select 'files' as destination, 'c1' as customer_id, ['s'] as segment_ids;
create table activation.assignments as
    from (values ('files', 's', 'c1', 'treated'), ('files', 's', 'held_out', 'control'))
    as t(destination, segment_id, customer_id, arm);
create table activation.activated_memberships as
    select 'files' as destination, 's' as segment_id, 'c1' as customer_id, true as is_sendable, true as has_consent,
        'treated' as arm;
create table activation.message_intents as
    from (values ('s', 'c1', timestamp '2026-09-01', 'files', 'due'), ('s', 'c2', '2026-09-01', 'files', 'no_consent'),
        ('s', 'left', '2026-08-01', 'files', 'due')) as t(segment_id, customer_id, entered_at, destination, status);
create table activation.consent_proofs as select *, 'email' as channel from activation.audience;
create table activation.content as select 'files' as destination, 'email' as channel, 'c1' as customer_id;
create table activation.audience_changes as select *, 'added' as change from activation.audience;
create table scores.propensity as from (values ('c1'), ('merged')) as t(customer_id);
create table profiles.merges as select 'merged' as from_customer_id;
"""

MUTANTS = {
    "customers: a customer_id stands twice": "insert into profiles.customers values ('c1', false, false)",
    "identifiers: one identifier has two": "insert into profiles.identifiers values ('email', 'h', 'bot')",
    "memberships: a member is no customer": "insert into segments.memberships values ('s', 'nobody')",
    "memberships: a bot or another anomalous person is a member": (
        "insert into segments.memberships values ('s', 'odd')"
    ),
    "memberships: a pair stands twice": "insert into segments.memberships values ('s', 'c1')",
    "memberships: a person is in two segments of a group": "insert into segments.memberships values ('t', 'c1')",
    "audience: a segment below the floor": "update activation.audience set segment_ids = ['s', 'small']",
    "audience: a person without consent": "update profiles.customer_consents set is_granted = false",
    "audience: a person of a control group": "update activation.assignments set arm = 'control'",
    "audience: a person without proof of consent": "delete from activation.consent_proofs",
    "content: of a person who may not be sent, or": "update activation.content set channel = 'web'",
    "changes: a set is sent": "insert into activation.audience_changes values ('files', 'c2', ['s'], 'added')",
    "intents: one entry has two": (
        "insert into activation.message_intents from activation.message_intents where customer_id = 'c2'"
    ),
    "intents: one is due to a person who may not be sent": "update activation.message_intents set status = 'due'",
    "scores: a scored person is no customer and was not merged": "insert into scores.propensity values ('nobody')",
    "runs: rows in are not": "update ops.runs set rows_rejected = 0",
    "identity: a limit": "update profiles.identity_quality set is_within_limit = false",
    "catalog: no segment is defined": "delete from segments.catalog",
}


def _version(path: Path, *statements: str) -> Path:
    with duckdb.connect(path) as connection:
        for statement in (SOUND, *statements):
            connection.execute(statement)
    return path


def test_a_sound_version_passes_the_audit(tmp_path: Path):
    publish._audit(_version(tmp_path / "version.duckdb"))


@pytest.mark.parametrize("rule", MUTANTS)
def test_the_audit_finds(rule: str, tmp_path: Path):
    version = _version(tmp_path / "version.duckdb", MUTANTS[rule])
    with pytest.raises(SmaltiError, match=f"audit: {rule}"):
        publish._audit(version)


def test_every_rule_of_the_audit_has_a_mutant():
    assert [rule for rule in publish._AUDIT if not any(rule.startswith(name) for name in MUTANTS)] == []


def test_current_is_swapped_by_one_rename_under_an_open_reader(settings: Settings):
    settings.published.mkdir(parents=True)
    for name in ("one", "two"):
        _version(settings.published / f"{name}.duckdb", f"update ops.control set run_id = '{name}'")
    atomic.point(settings.current, settings.published / "one.duckdb")
    reader = duckdb.connect(settings.current, read_only=True)
    atomic.point(settings.current, settings.published / "two.duckdb")
    assert reader.execute("select run_id from ops.control").fetchone() == ("one",)
    reader.close()
    assert [(version.name, version.is_current) for version in publish.versions(settings)] == [
        ("one", False),
        ("two", True),
    ]


def test_only_the_newest_versions_are_kept_and_never_loses_the_current_one(settings: Settings):
    settings.published.mkdir(parents=True)
    for number in range(5):
        _version(settings.published / f"v{number}.duckdb")
    (settings.published / "v9.duckdb.tmp").touch()
    atomic.point(settings.current, settings.published / "v0.duckdb")
    for stage in (settings.features, settings.scores):
        for number in range(4):
            (stage / f"run-{number}").mkdir(parents=True)
    publish._prune(settings.model_copy(update={"keep_versions": 2}), "run-0")
    assert sorted(path.name for path in settings.scores.iterdir()) == ["run-0", "run-2", "run-3"]
    assert sorted(path.name for path in settings.published.iterdir()) == [
        "current.duckdb",
        "v0.duckdb",
        "v3.duckdb",
        "v4.duckdb",
    ]


def test_a_version_is_built_in_a_home_with_a_quote_in_its_name(settings: Settings):
    quoted = settings.model_copy(update={"home": settings.home.with_name("o'clock's home")})
    quoted.published.mkdir(parents=True)
    with run.working(quoted) as connection:
        connection.execute(SOUND)
        for column in ("scores_run_id varchar", "links_run_id varchar", "hi integer", "fingerprint varchar"):
            connection.execute(f"alter table ops.control add column {column}")
        connection.execute("create schema seeds")
        connection.execute("create table seeds.activations as from profiles.activations")
        connection.execute("create table seeds.destinations as select 'files' as destination")
        connection.execute("drop table profiles.activations")
        connection.execute("alter table ops.control add column run_number integer default 1")
        connection.execute("create schema identity; create schema input")
        connection.execute("create table identity.customer_orders (customer_id varchar)")
        connection.execute(
            "create table identity.customer_ids (identifier_number integer, customer_id varchar,"
            " identifier_type varchar, identifier_hash varchar, is_new_anchor boolean)"
        )
        durable.bind(connection, quoted, datetime(2026, 9, 1))
        connection.execute("create table input.products (product_id varchar)")
        columns = ", ".join(f"{name} varchar" for name in published_events.COLUMNS)
        connection.execute(
            f"create table identity.event_log (identifier_number integer, run_number integer, {columns})"
        )
        publish._build(connection, quoted, quoted.published / "v1.duckdb", folds=False)
    publish._audit(quoted.published / "v1.duckdb")


def test_a_rule_is_asked_again_where_anything_it_reads_or_says_is_other_than_in_the_last_version(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    settings.published.mkdir(parents=True)
    path = _version(settings.published / "v1.duckdb", "create table ops.audited (rule varchar, query varchar)")
    rules = list(publish._AUDIT.items())
    with duckdb.connect(path) as version:
        version.executemany("insert into ops.audited values (?, ?)", rules)
    atomic.point(settings.current, path)
    files = Files("", None, "", 0, 0, "")
    kept = {
        name: Written(files, knows_changed=True, is_same=True)
        for name in ("segments.memberships", "profiles.customers")
    }
    twice, member = "memberships: a pair stands twice", "memberships: a member is no customer"
    customers = "customers: a customer_id stands twice"
    assert {twice, member, customers} <= publish._settled(settings, kept)
    kept["profiles.customers"] = Written(files, knows_changed=True)
    assert publish._settled(settings, kept) & {twice, member, customers} == {twice}
    monkeypatch.setitem(publish._AUDIT, twice, "select 1 from segments.memberships")
    assert twice not in publish._settled(settings, kept)


def test_every_table_that_a_rule_reads_is_seen():
    for rule, query in publish._AUDIT.items():
        named = set(re.findall(r"\b(?:profiles|segments|activation|scores|ops|identity)\.[a-z_]+", query))
        assert set(publish._READ.findall(query)) == named != set(), rule
