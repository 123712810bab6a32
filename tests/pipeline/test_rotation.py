"""A rotated key changes no person: the same ids, tables and sends, and who comes back is known."""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.pipeline.home import KEY, Home, Rows
from tests.pipeline.shop import two_deliveries
from tests.pipeline.state import State

NEW = "a7" * 32
pytestmark = pytest.mark.timeout(1500)  # four whole runs stand before the first of these
SMALL = {"SMALTI_DELTA_FROM_ROWS": "1", "SMALTI_SEGMENT_FLOOR": "10"}


@dataclass(frozen=True)
class Rotated:
    """A shop after its first night; the same, rotated and run again; and both after the next delivery."""

    home: Home
    outcome: dict[str, Any]
    refused: str
    key: dict[str, Any]
    first: State
    again: State
    kept_on: State
    next: State
    old: set[str]


def _hashes(path: Path) -> set[str]:
    """Whatever looks like a pseudonym in the bytes of a home or in the values of its tables."""
    found = [one.read_bytes() for one in path.rglob("*") if one.is_file() and not one.is_symlink()]
    with duckdb.connect() as connection:
        files = [one for one in path.rglob("*.parquet") if "outbox" not in one.parts]
        read: list[Rows] = [connection.execute("from read_parquet(?)", [str(one)]).fetchall() for one in files]
        for one in path.rglob("*.duckdb"):
            connection.execute(f"attach '{one}' as held (read_only)")
            names = connection.execute(
                "select schema_name, table_name from duckdb_tables() where database_name = 'held'"
            ).fetchall()
            read += [connection.execute(f'from held."{schema}"."{name}"').fetchall() for schema, name in names]
            connection.execute("detach held")
    runs = [run.decode() for one in (*found, repr(read).encode()) for run in re.findall(rb"[0-9a-f]{64,}", one)]
    return {run[at : at + 64] for run in runs for at in range(len(run) - 63)}


@pytest.fixture(scope="session")
def rotated(tmp_path_factory: pytest.TempPathFactory) -> Rotated:
    folder = tmp_path_factory.mktemp("rotated")
    home, twin = Home(folder / "home", SMALL), Home(folder / "twin", SMALL)
    two_deliveries(home, folder, customers=300, days=12)
    home.nightly(folder / "first-run")
    first = State.of(home)
    shutil.copytree(home.path, twin.path, symlinks=True)
    old = {row[1] for row in first.tables["profiles.identifiers"]}
    changed = Home(twin.path, SMALL | {"SMALTI_HMAC_KEY": NEW})
    refused = changed.smalti("run", "hourly", "--data", folder / "first-run").stderr
    ended = Home(twin.path, changed.more | {"SMALTI_HMAC_KEY_OLD": KEY}).smalti("vault", "rotate", "--json")
    assert ended.returncode == 0, ended.stderr
    assert old & _hashes(home.path) == old
    assert old & _hashes(twin.path) == set()
    key = json.loads(changed.smalti("status", "--json").stdout)["key"]
    changed.nightly(folder / "first-run")
    again = State.of(changed)
    for one in (home, changed):
        one.run("hourly", folder / "second-run")
    return Rotated(
        changed, json.loads(ended.stdout), refused, key, first, again, State.of(home), State.of(changed), old
    )


def _without_hashes(tables: dict[str, Rows]) -> dict[str, Rows]:
    people = [(row[0], *row[2:]) for row in tables["profiles.identifiers"]]
    links = [(row[0], row[2], *row[4:]) for row in tables["profiles.identity_graph"]]
    return tables | {"profiles.identifiers": sorted(people), "profiles.identity_graph": sorted(links, key=str)}


def test_a_full_run_publishes_the_same_but_for_the_hashes(rotated: Rotated) -> None:
    before, after = _without_hashes(rotated.first.tables), _without_hashes(rotated.again.tables)
    assert [name for name in before if before[name] != after[name]] == []
    assert len(before["profiles.customers"]) > 200
    assert rotated.again.accepted == rotated.first.accepted


def test_the_hashes_are_those_of_the_new_key(rotated: Rotated) -> None:
    new = {row[1] for row in rotated.again.tables["profiles.identifiers"]}
    assert len(new) == len(rotated.old)
    assert new.isdisjoint(rotated.old)


def test_who_comes_later_is_the_person_from_before(rotated: Rotated) -> None:
    """The next delivery has new orders, e-mails and visits of old customers, and new ones."""
    known = {row[2] for row in rotated.first.tables["profiles.identifiers"]}

    def of_known(tables: dict[str, Rows]) -> dict[str, Rows]:
        found = _without_hashes(tables)
        customers = [row for row in found["profiles.customers"] if row[0] in known]
        owned = [row for row in found["profiles.identifiers"] if row[1] in known]
        return {"customers": customers, "identifiers": owned, "merges": found["profiles.merges"]}

    wanted, found = of_known(rotated.kept_on.tables), of_known(rotated.next.tables)
    assert len(wanted["identifiers"]) > len(rotated.first.tables["profiles.identifiers"])
    assert {name: len(rows) for name, rows in found.items()} == {name: len(rows) for name, rows in wanted.items()}
    assert found == wanted


def test_the_old_pseudonyms_are_nowhere(rotated: Rotated) -> None:
    held = _hashes(rotated.home.path)
    assert {row[1] for row in rotated.next.tables["profiles.identifiers"]} <= held
    assert held.isdisjoint(rotated.old)


def test_the_command_tells_what_it_did_and_a_run_before_it_is_refused(rotated: Rotated) -> None:
    assert rotated.outcome["is_done"]
    assert rotated.outcome["raw"]["unknown"] == 0
    assert rotated.outcome["durable"] == rotated.outcome["durable"] | {"dropped": 0}
    assert rotated.outcome["identifiers"] >= len(rotated.old)
    assert rotated.key == {"id": rotated.outcome["to_key"], "is_rotating": False}
    assert "the pseudonyms are of key" in rotated.refused
