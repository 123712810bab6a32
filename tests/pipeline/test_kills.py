"""A run killed anywhere: the published version stays whole, and the next run ends where no kill would have led."""

import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from pathlib import Path

import pytest

from tests.pipeline.home import Home, Rows
from tests.pipeline.shop import two_deliveries
from tests.pipeline.state import State
from tests.pipeline.watch import TooLate, kill_during

pytestmark = pytest.mark.slow
SETTINGS = {"SMALTI_SEGMENT_FLOOR": "10"}
STAGES = (
    *("start", "load_raw", "check_raw", "open_run", "build_profiles"),
    *("score_customers", "check_scores", "build_audience", "publish", "deliver"),
)
SITUATIONS = ("first run", "second run")
SEED = 11


@dataclass(frozen=True)
class Reference:
    """How it ends without a kill, and how long each stage usually takes."""

    folder: Path
    before: dict[str, State | None]
    after: dict[str, State]
    usual: dict[str, dict[str, float]]

    def home(self, situation: str, folder: Path) -> Home:
        """A home that is about to make this run."""
        if situation == "second run":
            shutil.copytree(self.folder / "base", folder, symlinks=True)
        return Home(folder, SETTINGS)

    def data(self, situation: str) -> Path:
        """The exports of this run."""
        return self.folder / situation.replace(" ", "-")


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    folder = tmp_path_factory.mktemp("kills")
    home = Home(folder / "home", SETTINGS)
    two_deliveries(home, folder)
    before: dict[str, State | None] = {"first run": None}
    after, usual = {}, {}
    for situation in SITUATIONS:
        home.nightly(folder / situation.replace(" ", "-"))
        after[situation], usual[situation] = State.of(home), _seconds(home)
        if situation == "first run":
            shutil.copytree(home.path, folder / "base", symlinks=True)
            before["second run"] = after[situation]
    assert before["second run"] != after["second run"]
    return Reference(folder, before, after, usual)


def _seconds(home: Home) -> dict[str, float]:
    """Stage → seconds of the latest run, from the first start to the last end of its parts."""
    rows = home.ledger(
        "select stage, started_at, seconds from runs where run_id = (select max(run_id) from runs) order by started_at"
    )
    starts: dict[str, float] = {}
    ends: dict[str, float] = {}
    for stage, started, seconds in rows:
        at = datetime.fromisoformat(started).timestamp()
        starts[stage] = min(at, starts.get(stage, at))
        ends[stage] = max(at + seconds, ends.get(stage, 0.0))
    return {"start": 8.0} | {stage: ends[stage] - starts[stage] for stage in starts}


def same(one: Rows, other: Rows) -> bool:
    """Whether rows are equal, floats within 1e-9."""
    return len(one) == len(other) and all(
        a == b or (isinstance(a, float) and isinstance(b, float) and abs(a - b) <= 1e-9)
        for rows in zip(one, other, strict=True)
        for a, b in zip(*rows, strict=True)
    )


def differences(found: State, wanted: State) -> list[str]:
    """Names of what differs."""
    names = found.tables.keys() | wanted.tables.keys()
    return [name for name in sorted(names) if not same(found.tables.get(name, [()]), wanted.tables.get(name, [()]))]


def files(state: State) -> dict[str, bytes]:
    """What was delivered; only the manifest names the run."""
    return {name: content for name, content in state.delivered.items() if name != "manifest.json"}


@pytest.fixture(scope="session")
def table(request: pytest.FixtureRequest) -> Iterator[list[tuple[str, ...]]]:
    """Collects a line a kill; shown with `-s`."""
    lines: list[tuple[str, ...]] = []
    yield lines
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and lines:
        reporter.write_line("")
        for line in [("stage", "situation", "killed after", "published then", "after the next run"), *lines]:
            reporter.write_line("{:<16} {:<11} {:>12}  {:<15} {}".format(*line))


@pytest.mark.parametrize(("stage", "situation"), list(product(STAGES, SITUATIONS)))
def test_a_killed_run_is_made_good_by_the_next(
    stage: str, situation: str, reference: Reference, tmp_path: Path, table: list[tuple[str, ...]]
) -> None:
    before, after = reference.before[situation], reference.after[situation]
    home, data = reference.home(situation, tmp_path / "home"), reference.data(situation)
    seconds = reference.usual[situation][stage] * random.Random(f"{SEED} {stage} {situation}").uniform(0.05, 0.95)
    try:
        survivors = kill_during(home, data, stage, seconds)
    except TooLate:
        survivors = []
    assert survivors == []
    published = _published_then(home, before, after)
    home.nightly(data)
    state = State.of(home)
    assert differences(state, after) == []
    assert state.accepted == after.accepted
    assert files(state) == files(after)
    assert not list(home.path.glob("published/*.tmp*"))
    assert not [path for path in home.path.glob("durable/*.tmp") if not path.is_symlink()]
    table.append((stage, situation, f"{seconds:.1f} s", published, "as without a kill"))


def _published_then(home: Home, before: State | None, after: State) -> str:
    """Which version stands after the kill: nothing, exactly the earlier, or exactly the new one."""
    if home.version is None:
        assert before is None
        return "nothing yet"
    found = home.tables()
    earlier = before is not None and home.version == before.version
    wanted = before if earlier and before else after
    assert [name for name in wanted.tables if not same(found.get(name, [()]), wanted.tables[name])] == []
    [(customers,)] = home.query("select count(distinct customer_id) from profiles.customers")
    assert customers == len(wanted.tables["profiles.customers"])
    return "the earlier" if earlier else "the new"
