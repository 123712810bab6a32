"""Triggers over random histories: replayed, repeated and rebuilt runs come to the intents of a plain loop, none twice.

Every run starts from nothing but the durable decisions, as a full rebuild does.
"""

import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import duckdb
import pytest

from tests.incremental.warehouse import SETTINGS, compiled
from warehouse import durable, pseudonyms

pytestmark = pytest.mark.xdist_group("dbt")

MODELS = ("definitions_history", "membership_history", "message_intents")
SEGMENTS, PEOPLE, RUNS, SEEDS, COOL_DOWN = ("s", "t"), tuple("abcdef"), 14, 20, timedelta(days=2)
START, STEP = datetime(2026, 9, 1, 5), timedelta(hours=17)
Pair = tuple[str, str]


@dataclass(frozen=True)
class Run:
    """What one run finds: the rules in force, who fulfils them, who became whom, and who may be sent."""

    as_of: datetime
    versions: dict[str, str]
    hits: frozenset[Pair]
    moved: tuple[str, str, str] | None  # merged or split, from, into
    consented: frozenset[str]
    held_out: frozenset[str]


@dataclass
class Oracle:
    """The specification as a loop: who is in since the run before, and every intent so far."""

    versions: dict[str, str] = field(default_factory=dict)
    members: set[Pair] = field(default_factory=set)
    told: dict[Pair, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    intents: dict[tuple[str, str, datetime], str] = field(default_factory=dict)

    def run(self, run: Run) -> None:
        was_in = set(self.members)
        if run.moved:
            kind, gone, into = run.moved
            for segment in SEGMENTS:
                self.told[segment, into] += self.told[segment, gone]
            # by becoming somebody else nobody enters
            was_in |= {(segment, into) for segment, person in self.members if person == gone}
            if kind == "merged":
                was_in -= {(segment, gone) for segment in SEGMENTS}
        self.members = {(segment, person) for segment, person in run.hits if segment in run.versions}
        for segment, person in sorted(self.members - was_in):
            if self.versions.get(segment) == run.versions[segment]:
                status = self.intents[segment, person, run.as_of] = self._status(run, segment, person)
                self.told[segment, person] += [run.as_of] if status in ("due", "held_out") else []
        self.versions = dict(run.versions)

    def _status(self, run: Run, segment: str, person: str) -> str:
        if person not in run.consented:
            return "no_consent"
        if any(at + COOL_DOWN > run.as_of for at in self.told[segment, person]):
            return "cooled_down"
        return "held_out" if person in run.held_out else "due"


def _history(chance: random.Random) -> list[Run]:
    runs, alive, versions = [], set(PEOPLE[:4]), dict.fromkeys(SEGMENTS, "v1")
    hits: set[Pair] = set()
    for number in range(RUNS):
        moved = _moved(chance, alive) if number else None
        if moved:
            kind, gone, into = moved
            hits |= {(segment, into) for segment, person in hits if person == gone and chance.random() < 0.8}
            if kind == "merged":
                alive.discard(gone)
            alive.add(into)
        hits ^= {(chance.choice(SEGMENTS), chance.choice(sorted(alive))) for _ in range(3)}
        hits = {(segment, person) for segment, person in hits if person in alive}
        if chance.random() < 0.15:
            versions = versions | {chance.choice(SEGMENTS): f"v{number}"}
        there = {name: one for name, one in versions.items() if chance.random() > 0.1}
        consented = frozenset(chance.sample(PEOPLE, 5))
        runs.append(Run(START + number * STEP, there, frozenset(hits), moved, consented, frozenset("bd")))
    return runs


def _moved(chance: random.Random, alive: set[str]) -> tuple[str, str, str] | None:
    drawn = chance.random()
    if drawn < 0.15 and len(alive) > 1:
        gone, into = chance.sample(sorted(alive), 2)
        return "merged", gone, into
    if drawn < 0.3 and set(PEOPLE) - alive:
        return "split", chance.choice(sorted(alive)), chance.choice(sorted(set(PEOPLE) - alive))
    return None


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {node["name"]: node["compiled_code"] for node in compiled(tmp_path_factory.mktemp("triggers"))}


def _opened() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    pseudonyms.bind(connection, SETTINGS)
    connection.execute("""
        create schema segments; create schema profiles; create schema durable; create schema activation;
        create schema ops; create schema segment_rules; create table segments.segment_checks (
            segment_id varchar, problem varchar
        );
        create table ops.control (as_of timestamp);
        create table segments.segment_definitions (
            segment_id varchar, definition_version varchar, rule varchar, thresholds varchar, group_name varchar,
            group_rank integer, excludes varchar[], cool_down_days integer, quiet_from_hour integer,
            quiet_to_hour integer, trigger_destination varchar
        );
        create table segments.segment_hits (segment_id varchar, customer_id varchar);
        create table profiles.merges
            (merged_at timestamp, from_customer_id varchar, into_customer_id varchar, evidence varchar);
    """)
    for name, columns in durable.schemas().items():
        typed = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
        connection.execute(f"create table durable.{name} ({typed})")
    return connection


def _make(connection: duckdb.DuckDBPyConnection, models: dict[str, str], run: Run, hits: frozenset[Pair]) -> None:
    """One run over these hits, and its decisions kept."""
    for table in ("ops.control", "segments.segment_definitions", "segments.segment_hits"):
        connection.execute(f"delete from {table}")
    connection.execute("delete from profiles.merges where merged_at = ?", [run.as_of])
    connection.execute("insert into ops.control values (?)", [run.as_of])
    for name, version in run.versions.items():
        row = [name, version, COOL_DOWN.days]
        connection.execute(
            "insert into segments.segment_definitions values (?, ?, '', '{}', null, null, [], ?, null, null, null)", row
        )
    for pair in hits:
        connection.execute("insert into segments.segment_hits values (?, ?)", pair)
    if run.moved:
        kind, gone, into = run.moved
        connection.execute("insert into profiles.merges values (?, ?, ?, ?)", [run.as_of, gone, into, f"{kind}: x"])
    connection.execute(
        "create or replace table activation.activated_memberships as"
        " select *, 'd' as destination, 'mail' as purpose, 'email' as channel, true as is_sendable,"
        " list_contains($consented, customer_id) as has_consent,"
        " if(list_contains($held_out, customer_id), 'control', 'treated') as arm from segments.segment_hits",
        {"consented": sorted(run.consented), "held_out": sorted(run.held_out)},
    )
    connection.execute(f"create or replace view segment_rules.spells_before as {models['spells_before']}")
    for name in MODELS:
        schema = "activation" if name == "message_intents" else "segments"
        connection.execute(f"create or replace table {schema}.{name} as {models[name]}")
        connection.execute(f"delete from durable.{name}")
        connection.execute(f"insert into durable.{name} by name from {schema}.{name}")


@pytest.mark.parametrize("seed", range(SEEDS))
def test_repeated_and_rebuilt_runs_come_to_the_intents_of_a_plain_loop(models: dict[str, str], seed: int) -> None:
    chance = random.Random(seed)
    oracle, connection = Oracle(), _opened()
    for run in _history(chance):
        if chance.random() < 0.3:  # a run that was wrong, and is made again
            wrong = run.hits ^ {(chance.choice(SEGMENTS), chance.choice(PEOPLE[:4])) for _ in range(2)}
            _make(connection, models, run, frozenset(wrong))
        for _ in range(chance.choice([1, 1, 2, 3])):
            _make(connection, models, run, run.hits)
        oracle.run(run)
        found = connection.execute(
            "select segment_id, customer_id, entered_at, status, intent_id from durable.message_intents"
        ).fetchall()
        assert {(one, who, at): status for one, who, at, status, _ in found} == oracle.intents
        assert len({intent for *_, intent in found}) == len(found) == len(oracle.intents)


def test_the_histories_hold_what_they_are_to_try() -> None:
    statuses, moves = defaultdict(int), defaultdict(int)
    for seed in range(SEEDS):
        oracle = Oracle()
        for run in _history(random.Random(seed)):
            oracle.run(run)
            moves[run.moved and run.moved[0]] += 1
        for status in oracle.intents.values():
            statuses[status] += 1
    assert min(statuses[one] for one in ("due", "held_out", "cooled_down", "no_consent")) > 20
    assert min(moves["merged"], moves["split"]) > 20
