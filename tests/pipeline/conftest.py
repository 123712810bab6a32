"""The runs that several tests look at: each is made once per session."""

import gzip
import hashlib
import hmac
import subprocess
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.boundaries import Edges
from tests.pipeline.home import KEY, Home, Rows
from tests.pipeline.oracle import Answer, answer
from tests.pipeline.oracle_files import Id
from tests.pipeline.watch import kill_during

_AS_OF = datetime(2026, 9, 1)
_PUBLISHED_AS = {"user": "user_id", "email": "email", "device": "device_id", "browser": "anonymous_id"}


@dataclass(frozen=True)
class State:
    """What stands after a run: published rows, what was accepted, what was delivered."""

    version: str
    tables: dict[str, Rows]
    accepted: dict[tuple[str, str], list[str]]
    receipts: Rows
    delivered: dict[str, bytes]

    @classmethod
    def of(cls, home: Home) -> "State":
        """The state of this home now."""
        assert home.version
        receipts = home.ledger("select * from receipts order by plan_id, customer_id")
        return cls(home.version, home.tables(), home.accepted(), receipts, home.delivered())


@dataclass(frozen=True)
class Shop:
    """A simulated shop after its first nightly run, and what the oracle says of the same files."""

    home: Home
    data: Path
    summary: dict[str, Any]
    state: State
    answer: Answer
    columns: dict[str, set[str]]
    runs: Rows

    def people(self) -> dict[str, int]:
        """Published customer → the oracle's person, by every identifier that both know."""
        place = {
            (_PUBLISHED_AS[kind], pseudonym((kind, value))): number
            for number, person in enumerate(self.answer.people)
            for kind, value in person.identifiers
        }
        names = list(self.home.query("describe profiles.identifiers", self.state.version))
        at = [[name for name, *_ in names].index(one) for one in ("identifier_type", "identifier_hash", "customer_id")]
        rows = [tuple(row[spot] for spot in at) for row in self.state.tables["profiles.identifiers"]]
        assert {row[:2] for row in rows} == set(place)
        pairs = {(customer, place[kind, value]) for kind, value, customer in rows}
        found = dict(pairs)
        assert len(pairs) == len(found) == len(self.answer.people), "people were joined or split differently"
        return found


def pseudonym(identifier: Id) -> str:
    """The published hash of an identifier, by the standard library's HMAC."""
    kind, value = identifier
    message = f"user_id:crm:{value}" if kind == "user" else f"{_PUBLISHED_AS[kind]}:{value}"
    return hmac.new(bytes.fromhex(KEY), message.encode(), hashlib.sha256).hexdigest()


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop of 2,500 customers and 600 people on the boundaries, after one nightly run."""
    folder = tmp_path_factory.mktemp("shop")
    home, data = Home(folder / "home"), folder / "exports"
    simulate(home, data, 2500, 60)
    Edges(_AS_OF, people=600, seed=1).write(data / "boundaries")
    summary = home.nightly(data)
    runs = home.ledger("select * from runs")
    return Shop(home, data, summary, State.of(home), answer(data), home.columns(), runs)


def simulate(home: Home, data: Path, customers: int, days: int, end: str = "2026-08-31") -> None:
    """Write the exports of a shop."""
    size = ("--customers", str(customers), "--days", str(days), "--seed", "7", "--end", end)
    ended = home.smalti("simulate", *size, "--out", data)
    assert ended.returncode == 0, ended.stderr


@pytest.fixture(scope="session")
def cut_short(shop: Shop) -> tuple[State, list[str]]:
    """What stands after a second run, killed while it built profiles; and the processes that survived it."""
    survivors = kill_during(shop.home, shop.data, "build_profiles", seconds=3.0)
    return State.of(shop.home), survivors


@pytest.fixture(scope="session")
def again(shop: Shop, cut_short: object) -> tuple[State, subprocess.CompletedProcess[str]]:
    """The run after the killed one: the same files, and one more that is cut off."""
    assert cut_short
    whole = gzip.compress(next(shop.data.glob("web/*.gz")).read_bytes())
    (shop.data / "web" / "events_2026-09-01T00.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    ended = shop.home.smalti("run", "nightly", "--data", shop.data, "--json")
    return State.of(shop.home), ended
