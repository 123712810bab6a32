"""Twenty histories as real files, through the loader and real dbt: in steps, at once and in memory the oracle's."""

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from ingestion import load, source
from tests.incremental.exports import Delivery, delivered
from tests.incremental.facts import Exports
from tests.incremental.figures import Figures, expected, found
from tests.incremental.histories import CORRECTED_IN, MOMENTS, generate
from tests.incremental.test_histories import models
from tests.incremental.warehouse import SETTINGS, Node, Warehouse
from warehouse import contracts, dbt, digest, durable, manifest, pseudonyms, raw, rebuild, run, standing
from warehouse.settings import Settings

__all__ = ["models"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
PHASES = (("seeds", "staging", "input", "identity", "profiles"), ("segments", "memberships", "activation"))
LAST = len(MOMENTS)
ALL = 1_000_000  # every batch


@dataclass(frozen=True)
class Shop:
    """A home and the folder of exports that its runs are given."""

    settings: Settings
    data: Path

    @classmethod
    def of(cls, folder: Path) -> "Shop":
        """A new one."""
        return cls(SETTINGS.model_copy(update={"home": folder / "home"}), folder / "exports")

    def run(self, run_id: str, as_of: datetime) -> None:
        """Load what is new and build; as the hourly flow does, without what is sent."""
        for name in source.names():
            outcome = load.load(self.settings, name, self.data, run_id, as_of)
            assert outcome.problems == ()
            assert outcome.rows_rejected == 0
        run.open_run(self.settings, run_id, as_of)
        standing.build(self.settings, PHASES[0], data_tests=False)
        run.bind_scores(self.settings)
        dbt.build(self.settings, PHASES[1], data_tests=False)
        with run.working(self.settings, read_only=True) as connection:
            durable.write(connection, self.settings, run_id)
            [known] = connection.execute("select hi, fingerprint from ops.control").fetchall()
            said = digest.of(connection, "working")
        key = pseudonyms.key_id(self.settings.hmac_key)
        rebuild.record(self.settings, rebuild.Record(run_id, run_id, as_of, *known, said, key_id=key))
        run.finish(self.settings, run_id)

    def figures(self) -> Figures:
        """As its tables show them."""
        with run.working(self.settings, read_only=True) as connection:
            return found(connection)

    def is_full(self) -> bool:
        """Whether the last run built everything again."""
        with run.working(self.settings, read_only=True) as connection:
            return connection.execute("select is_full from ops.control").fetchall() == [(True,)]

    def rows(self) -> Exports:
        """The rows of raw that count."""
        frames = {}
        with run.working(self.settings, read_only=True) as connection:
            for folder in sorted(path.parent for path in self.settings.raw.glob("*/manifest.jsonl")):
                columns = ", ".join(f'"{name}"' for name in contracts.read(folder).raw_columns())
                body = raw.rows(folder, manifest.read(folder))
                frames[folder.name] = connection.execute(f"select {columns} from ({body})").pl()
        return frames


@pytest.fixture(scope="module")
def delivery() -> Delivery:
    return delivered(generate(20, 5), 5)


@dataclass(frozen=True)
class Steps:
    """A shop after all runs; which of them built everything again, and whose figures are not the oracle's."""

    shop: Shop
    full: list[int]
    wrong: dict[int, list[str]]


@pytest.fixture(scope="module")
def steps(delivery: Delivery, tmp_path_factory: pytest.TempPathFactory) -> Steps:
    made = Steps(Shop.of(tmp_path_factory.mktemp("steps")), [], {})
    for batch, moment in enumerate(MOMENTS, 1):
        delivery.write(made.shop.data, [batch])
        made.shop.run(f"run-{batch}", moment)
        made.full.extend([batch] * made.shop.is_full())
        if differing := made.shop.figures().differences(expected(made.shop.rows(), moment, ALL)):
            made.wrong[batch] = differing
    return made


@pytest.fixture(scope="module")
def once(delivery: Delivery, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    shop = Shop.of(tmp_path_factory.mktemp("once"))
    delivery.write(shop.data, range(1, LAST + 1))
    shop.run("once", MOMENTS[-1])
    return shop


def test_twenty_histories_as_files_are_the_oracles_after_every_run(steps: Steps, once: Shop) -> None:
    assert steps.wrong == {}
    assert steps.full == [1, CORRECTED_IN]
    assert steps.shop.figures().differences(once.figures()) == []


@pytest.mark.parametrize("batch", [2, CORRECTED_IN - 1, CORRECTED_IN + 1])
def test_a_past_day_built_again_is_what_it_was_whatever_was_merged_or_corrected_since(steps: Steps, batch: int) -> None:
    shutil.rmtree(steps.shop.data, ignore_errors=True)  # exports are not kept for ever, raw is
    settings = steps.shop.settings
    digests = [one.digest for one in rebuild.records(settings)]
    assert len(set(digests)) == LAST
    assert rebuild.rebuilt(settings, rebuild.find(settings, f"run-{batch}")) == digests[batch - 1]
    assert list((settings.home / "rebuild").iterdir()) == []


def test_a_past_day_of_todays_exports_is_what_is_known_now(delivery: Delivery, steps: Steps, tmp_path: Path) -> None:
    then, now = Shop.of(tmp_path / "then"), Shop.of(tmp_path / "now")
    delivery.write(then.data, range(1, CORRECTED_IN))
    delivery.write(now.data, range(1, LAST + 1))
    for shop in (then, now):
        shop.run("past", MOMENTS[CORRECTED_IN - 2])
    [was] = [one.digest for one in rebuild.records(steps.shop.settings) if one.version == f"run-{CORRECTED_IN - 1}"]
    assert rebuild.find(then.settings, None).digest == was
    assert rebuild.find(now.settings, None).digest != was


def test_all_of_them_at_once_are_the_oracles_and_what_they_are_in_memory(models: list[Node], once: Shop) -> None:
    rows = once.rows()
    assert once.figures().differences(expected(rows, MOMENTS[-1], ALL)) == []
    memory = Warehouse.of(models, rows)
    memory.run(ALL, MOMENTS[-1])
    assert found(memory.connection).differences(once.figures()) == []


def test_every_key_is_loaded_once_whatever_came_twice_or_was_corrected(delivery: Delivery, once: Shop) -> None:
    rows = once.rows()
    for name, keys in delivery.keys(range(1, LAST + 1)).items():
        loaded = rows[name].select(contracts.read(once.settings.raw / name).key).rows()
        assert len(loaded) == len(set(loaded))
        assert set(loaded) == keys, name
    lines = [line for path in once.settings.raw.glob("*/manifest.jsonl") for line in manifest.read(path.parent)]
    assert sum(line.rows_duplicate for line in lines) > 10
