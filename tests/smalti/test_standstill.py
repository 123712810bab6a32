"""Segments that an analyst broke overnight: each keeps the people it had, and all others go on as if nothing were."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingestion import source
from smalti import stages, standstill
from tests.incremental.warehouse import SETTINGS
from warehouse import dbt, ledger, run
from warehouse.errors import SmaltiError
from warehouse.settings import Settings

pytestmark = [pytest.mark.xdist_group("standstill"), pytest.mark.timeout(1200)]
PROFILES, AUDIENCE = "seeds staging input identity profiles", "segments memberships activation"
# how each is broken, and what is then told
BROKEN = {
    "high_value": "is no YAML",
    "repeat_buyers": "Referenced column",
    "loyal_customers": "loyal_customers.sql",
    "price_sensitive": "fails on some rows",
    "browsers_no_purchase": "takes nobody",
    "new_visitors": "more than three times",
    "category_enthusiast": "people more than once",
    "northern_app_browsers": "ids that are no customers",
}


def _edit(name: str, old: str, new: str, kind: str = "sql") -> None:
    path = dbt.SEGMENTS / f"{name}.{kind}"
    text = path.read_text()
    assert old in text, f"{name} has no {old!r}"
    path.write_text(text.replace(old, new))


def _break() -> None:
    with (dbt.SEGMENTS / "high_value.yml").open("a") as sidecar:
        sidecar.write("\n  : [")
    _edit("repeat_buyers", "where orders_count", "where orders_counted")
    _edit("loyal_customers", "as_of()", "as_of(")
    _edit("price_sensitive", "orders_count >=", "cast('x' || customer_id as integer) > 0\n        and orders_count >=")
    _edit("browsers_no_purchase", "orders_count = 0", "orders_count = -1")
    _edit("new_visitors", "interval 7 day", "interval 700 day")
    again = "union all\n\n    select customer_id, 99 as most from counted group by customer_id\n"
    _edit("category_enthusiast", "group by customer_id\n", f"group by customer_id\n\n    {again}")
    _edit(
        "northern_app_browsers",
        "        customers.customer_id,\n",
        "        'P' || customers.customer_id as customer_id,\n",
    )


@dataclass(frozen=True)
class Shop:
    """A home whose runs build and publish, without Airflow and without sending."""

    settings: Settings

    def run(self, run_id: str, as_of: datetime, data: Path) -> dict[str, Any]:
        """One run; what its stage `build_audience` left in the ledger."""
        this = stages.Run(run_id, data, as_of)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.settings.environment().items():
                patch.setenv(name, value)
            for source_name in source.names():
                stages.load_raw(this, source_name)
            stages.check_raw(this)
            stages.open_run(this)
            stages.build(this, "build_profiles", PROFILES, data_tests=False)
            stages.build(this, "build_audience", AUDIENCE, data_tests=True)
            stages.publish_version(this)
            stages.end_run(this)
        [row] = ledger.stages(self.settings.ledger, run_id, "build_audience")
        return row

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """Rows of what is published, in a fixed order."""
        with run.working(self.settings, read_only=True) as connection:
            return connection.execute(f"select * from ({sql}) order by all").fetchall()

    def members(self, *, broken: bool) -> list[tuple[object, ...]]:
        """Who is in the segments that are broken, or in the others."""
        return self.rows(
            "select segment_id, customer_id, entered_at, definition_version from segments.memberships"
            f" where {'' if broken else 'not'} segment_id in {tuple(BROKEN)}"
        )

    def sent(self) -> list[tuple[object, ...]]:
        """Which of the other segments each person is sent with."""
        return self.rows(
            "select destination, customer_id, segment from"
            " (select *, unnest(segment_ids) as segment from activation.audience)"
            f" where segment not in {tuple(BROKEN)}"
        )


@dataclass(frozen=True)
class Night:
    """Before, and the run after eight segments were broken beside the same run without."""

    before: list[tuple[object, ...]]
    shop: Shop
    twin: Shop
    still: dict[str, standstill.Still]
    row: dict[str, Any]
    as_of: datetime
    data: Path


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    folder = tmp_path_factory.mktemp("night")
    command = [Path(sys.executable).with_name("smalti"), "simulate", "--customers", "1200", "--days", "30"]
    subprocess.run([*command, "--out", folder / "data"], check=True, capture_output=True)
    settings = SETTINGS.model_copy(update={"home": folder / "home", "segment_floor": 10})
    as_of = datetime.fromisoformat("2026-09-01")
    shop, twin = Shop(settings), Shop(settings.model_copy(update={"home": folder / "twin"}))
    assert shop.run("first", as_of, folder / "data")["status"] == "ok"
    before = shop.members(broken=True)
    shutil.copytree(settings.home, twin.settings.home, symlinks=True)
    twin.run("second", as_of + timedelta(hours=1), folder / "data")
    project = folder / "dbt_project"
    shutil.copytree(dbt.PROJECT, project, ignore=shutil.ignore_patterns("logs", "target*"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dbt, "PROJECT", project)
        patch.setattr(dbt, "SEGMENTS", project / "models" / "segments")
        _break()
        row = shop.run("second", as_of + timedelta(hours=1), folder / "data")
    still = {one.segment_id: one for one in standstill.published(shop.settings)}
    return Night(before, shop, twin, still, row, as_of, folder / "data")


@pytest.mark.parametrize(("segment", "told"), BROKEN.items())
def test_a_broken_segment_stands_still_and_says_why(night: Night, segment: str, told: str) -> None:
    assert told in night.still[segment].problem
    [(problem,)] = night.shop.rows(f"select problem from segments.catalog where segment_id = '{segment}'")
    assert problem == night.still[segment].problem


def test_only_these_stand_still(night: Night) -> None:
    assert night.still.keys() == BROKEN.keys()


def test_a_broken_segment_has_the_people_the_spells_and_the_definition_it_had(night: Night) -> None:
    assert {name for name, *_ in night.before} == BROKEN.keys()
    assert night.shop.members(broken=True) == night.before


def test_the_others_go_on_as_if_nothing_were(night: Night) -> None:
    assert night.shop.members(broken=False) == night.twin.members(broken=False)
    assert night.shop.sent() == night.twin.sent() != []


def test_what_stands_still_names_its_owner_and_no_value(night: Night) -> None:
    told = night.row["message"]
    assert night.row["status"] == "problem"
    assert all(str(one) in told for one in night.still.values())
    assert "segment repeat_buyers (owner " in told
    assert "unknown" not in told
    for (customer,) in night.shop.rows("select customer_id from profiles.customers"):
        assert str(customer) not in told


def test_mended_or_accepted_they_go_on(night: Night) -> None:
    moment = datetime.fromisoformat("2100-01-01")
    with pytest.raises(SmaltiError, match="does not stand still for its size"):
        standstill.accept(night.shop.settings, "repeat_buyers", "as asked", moment)
    row = night.shop.run("third", night.as_of + timedelta(hours=1), night.data)
    assert (row["status"], row["message"].count("\n")) == ("ok", 0)
    for broken in (True, False):
        assert night.shop.members(broken=broken) == night.twin.members(broken=broken)
