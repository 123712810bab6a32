"""What an hour leaves out of its build, and that leaving it out changes nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ingestion import load, source
from tests.incremental.exports import Delivery, delivered
from tests.incremental.histories import MOMENTS, generate
from tests.incremental.warehouse import SETTINGS
from warehouse import dbt, digest, model_costs, run, standing
from warehouse.settings import Settings

FOLDERS = ("seeds", "staging", "input", "identity", "profiles")
HOUR = timedelta(hours=1)
# they speak of the run's moment, or read what does
MOVING = {"touched", "sessions", "interests", "customers", "customer_consents", "merges"}
STILL = {"identifier_rules", "stg_web__events", "events", "event_log", "contacts", "orders", "customer_ids"}


@dataclass(frozen=True)
class Shop:
    """A home whose hours are opened, built as far as the profiles, and finished."""

    settings: Settings
    data: Path

    def hour(self, name: str, moment: datetime, build: Callable[..., int] = standing.build) -> set[str]:
        """What that hour built."""
        for one in source.names():
            assert load.load(self.settings, one, self.data, name, moment).problems == ()
        run.open_run(self.settings, name, moment)
        build(self.settings, FOLDERS, data_tests=False)
        run.finish(self.settings, name)
        return {row["node"] for row in model_costs.read(self.settings.home / "dbt" / model_costs.FILE)}

    def digest(self) -> str:
        """Of all profiles."""
        with run.working(self.settings, read_only=True) as connection:
            return digest.of(connection, "working")

    def notes(self) -> set[str]:
        """The models of which it is noted what they were built from."""
        with run.working(self.settings, read_only=True) as connection:
            return {name.split(".")[2] for (name,) in connection.execute("select node from ops.standing").fetchall()}


@dataclass(frozen=True)
class Hours:
    """A shop after its first hour, one without news and one with some; what each built, by name."""

    shop: Shop
    delivery: Delivery
    built: dict[str, set[str]]


@pytest.fixture(scope="module")
def hours(tmp_path_factory: pytest.TempPathFactory) -> Hours:
    folder = tmp_path_factory.mktemp("standing")
    shop = Shop(SETTINGS.model_copy(update={"home": folder / "home"}), folder / "exports")
    delivery = delivered(generate(5, 7), 7)
    delivery.write(shop.data, [1])
    built = {"first": shop.hour("first", MOMENTS[0]), "idle": shop.hour("idle", MOMENTS[0] + HOUR)}
    only = Delivery(
        delivery.random, {2: {at: rows for at, rows in delivery.folders[2].items() if at[0] == "shop_orders"}}
    )
    only.write(shop.data, [2])
    return Hours(shop, delivery, built | {"orders": shop.hour("orders", MOMENTS[1])})


def test_the_first_hour_builds_everything(hours: Hours) -> None:
    assert hours.built["first"] >= MOVING | STILL


def test_an_hour_without_news_builds_what_speaks_of_its_moment_and_nothing_else(hours: Hours) -> None:
    assert hours.built["idle"] >= MOVING
    assert not hours.built["idle"] & STILL
    assert len(hours.built["idle"]) < len(hours.built["first"]) / 3


def test_news_are_followed_to_whatever_reads_them(hours: Hours) -> None:
    assert hours.built["orders"] >= MOVING | {"stg_shop__orders", "orders", "identifier_observations", "customer_ids"}
    assert not hours.built["orders"] & {"identifier_rules", "contacts", "messages", "stg_web__events"}


def test_it_comes_to_what_a_full_run_comes_to(hours: Hours, tmp_path: Path) -> None:
    once = Shop(hours.shop.settings.model_copy(update={"home": tmp_path / "home"}), hours.shop.data)
    once.hour("once", MOMENTS[1], dbt.build)
    assert hours.shop.digest() == once.digest()
