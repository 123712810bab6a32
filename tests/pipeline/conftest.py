"""The runs of the simulated shop that several tests look at: each is made once per session."""

import gzip
import shutil
import subprocess
from collections import defaultdict
from datetime import datetime

import pytest

from tests.pipeline.boundaries import Edges
from tests.pipeline.home import NAMESPACE, Home
from tests.pipeline.oracle import SAID, SCORED, answer, is_control
from tests.pipeline.shop import FLOOR, Shop, simulate
from tests.pipeline.state import State
from tests.pipeline.told import Listener
from tests.pipeline.watch import kill_during

_AS_OF = datetime(2026, 9, 1)


@pytest.fixture(scope="session")
def listener() -> Listener:
    """Where the shop's metrics go."""
    return Listener()


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory, listener: Listener) -> Shop:
    """A shop of 2,500 customers and 600 people on the boundaries, after one nightly run."""
    folder = tmp_path_factory.mktemp("shop")
    home, data = Home(folder / "home", {"SMALTI_STATSD": listener.address}), folder / "exports"
    simulate(home, data, customers=2500, days=60)
    Edges(_AS_OF, people=600, seed=1).write(data / "boundaries")
    summary = home.nightly(data)
    runs = home.ledger("select * from runs")
    return Shop(home, data, summary, State.of(home), answer(data), home.columns(), runs)


@pytest.fixture(scope="session")
def cut_short(shop: Shop) -> tuple[State, list[str]]:
    """What stands after a second run, killed while it built profiles; and the processes that survived it."""
    survivors = kill_during(shop.home, shop.data, "build_profiles", seconds=3.0)
    return State.of(shop.home), survivors


@pytest.fixture(scope="session")
def again(shop: Shop, cut_short: object) -> tuple[State, subprocess.CompletedProcess[str]]:
    """The run after the killed one: the same files from another folder, and one more that is cut off."""
    assert cut_short
    data = shop.data.with_name("redelivered")
    shutil.copytree(shop.data, data)
    whole = gzip.compress(next(data.glob("web/*.gz")).read_bytes())
    (data / "web" / "events_2026-09-01T00.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    ended = shop.home.smalti("run", "nightly", "--data", data, "--json")
    return State.of(shop.home), ended


@pytest.fixture(scope="session")
def memberships(shop: Shop) -> dict[str, set[int]]:
    """Segment → the oracle's persons who are published as members."""
    people, found = shop.people(), defaultdict(set)
    for segment, customer in shop.home.query(
        "select segment_id, customer_id from segments.memberships", shop.state.version
    ):
        found[segment].add(people[customer])
    return dict(found)


@pytest.fixture(scope="session")
def scored(shop: Shop) -> dict[str, set[int]]:
    """The members of the segments that a model decides."""
    people, found = shop.people(), {name: set[int]() for name in SCORED}
    tiers = "select customer_id, tier as said from scores.propensity where model = 'purchase'"
    tiers += " union all select customer_id, model || ' ' || tier from scores.propensity where model <> 'purchase'"
    personas = "select customer_id, split_part(persona, ', ', 1) from scores.clusters"
    crossing = (
        "select customer_id, 'cross sell' from scores.affinities inner join profiles.customers using (customer_id)"
    )
    crossing += " where affinities.tier = 'high' and not has_bought and orders_count > 0"
    for customer, said in shop.home.query(f"{tiers} union all {personas} union all {crossing}", shop.state.version):
        if said in SAID and not shop.answer.people[people[customer]].is_bot:
            found[SAID[said]].add(people[customer])
    return found


@pytest.fixture(scope="session")
def due(shop: Shop, scored: dict[str, set[int]]) -> set[tuple[str, int]]:
    """Segment and person who may be sent."""
    return shop.answer.due(scored, FLOOR)


@pytest.fixture(scope="session")
def controls(shop: Shop, due: set[tuple[str, int]]) -> set[tuple[str, int]]:
    """Of these the ones who are held out."""
    customers = {number: customer for customer, number in shop.people().items()}
    return {(segment, one) for segment, one in due if is_control(NAMESPACE, segment, customers[one])}
