"""`smalti identity simulate` says beforehand what a run under other rules comes to."""

import dataclasses

import polars as pl
import pytest

from smalti import identity
from tests.incremental.histories import MOMENTS
from tests.incremental.oracle import graph
from tests.incremental.test_histories import at_once, models
from tests.incremental.test_people import _exports
from tests.incremental.warehouse import SETTINGS, Node
from tests.pipeline import identity_oracle
from warehouse.settings import Settings

__all__ = ["models"]
_TABLES = ("identifiers", "identity_graph", "merges")


@pytest.fixture(scope="module")
def published(models: list[Node], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home in which a thousand histories are published."""
    settings = SETTINGS.model_copy(update={"home": tmp_path_factory.mktemp("published")})
    settings.current.parent.mkdir(parents=True)
    warehouse = at_once(models, _exports())
    warehouse.connection.execute(f"attach '{settings.current}' as file; create schema file.profiles")
    for name in _TABLES:
        warehouse.connection.execute(f"create table file.profiles.{name} as from profiles.{name}")
    warehouse.connection.execute("detach file")
    return settings


def test_the_rules_in_force_change_nobody(published: Settings) -> None:
    found = identity.simulate(published, identity.RULES)
    assert dataclasses.astuple(found)[2:] == (0, 0, 0, ())
    assert found.people_before == found.people_after > 1000


@pytest.mark.parametrize(
    ("rule", "table", "kind", "value"),
    [
        ("email.joins_limit=1", "_MOST_MET", "email", 1),
        ("email.joins_limit=3", "_MOST_MET", "email", 3),
        ("device_id.joins_limit=2", "_MOST_MET", "device", 2),
        ("user_id.person_limit=2", "_MOST_HELD", "user", 2),
    ],
)
def test_other_rules_come_to_as_many_people_as_the_oracle_says(
    published: Settings, monkeypatch: pytest.MonkeyPatch, rule: str, table: str, kind: str, value: int
) -> None:
    found = identity.simulate(published, identity.RULES, [rule], examples=10_000)
    monkeypatch.setitem(getattr(identity_oracle, table), kind, value)
    assert found.people_after == len(graph(_exports(), MOMENTS[-1], len(MOMENTS)).people())
    assert found.people_after != found.people_before
    split = {change.customer_ids[0] for change in found.changes if change.kind == "split"}
    merged = [customer for change in found.changes if change.kind == "merge" for customer in change.customer_ids]
    assert (len(split), len(merged)) == (found.people_split, found.people_merged)


def test_a_blocked_value_is_nobody_s(published: Settings) -> None:
    seen = _exports()["web_events"].filter(pl.col("user_id").is_null() & pl.col("device_id").is_not_null())
    devices = seen["device_id"].unique().sort()[:40]
    found = identity.simulate(published, identity.RULES, [f"device_id.blocked_values={'|'.join(devices)}"])
    assert found.people_after < found.people_before
