"""The control groups on 200,000 ids: as large as they should be, like everybody else, and moved only by their share."""

import uuid
from collections.abc import Callable
from datetime import datetime

import duckdb
import numpy as np
import polars as pl
import pytest
from scipy import stats

from tests.incremental.warehouse import SETTINGS, compiled
from tests.pipeline.oracle import GLOBAL_CONTROL, HOLDOUT, is_control
from warehouse import pseudonyms

pytestmark = pytest.mark.xdist_group("dbt")

PEOPLE, SEGMENTS = 200_000, ("s", "t")
SHARE = GLOBAL_CONTROL + HOLDOUT - GLOBAL_CONTROL * HOLDOUT
LUCK = 0.001  # of a sound draw one key in a thousand would fail a test; the key here is fixed
SHOP = """
create schema seeds; create schema segments; create schema profiles; create schema durable;
create schema activation; create schema ops; create schema identity;
create table seeds.activations as select 'd' as destination, segment, 'mail' as purpose, 'email' as channel
    from (values ('s'), ('t')) as segments(segment);
create table seeds.destinations as
    select 'd' as destination, 'mail' as purpose, 'email' as channel, 0.05::double as holdout_share;
create table seeds.holdouts (destination varchar, segment varchar, holdout_share double);
create table segments.memberships as select segment as segment_id, customer_id from people, seeds.activations;
create table segments.catalog as
    select segment as segment_id, true as is_sendable, null::varchar as rolls_up_to from seeds.activations;
create table profiles.customer_consents as
    select customer_id, 'mail' as purpose, 'email' as channel, true as is_granted from people;
"""
Draw = Callable[..., pl.DataFrame]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {node["name"]: node["compiled_code"] for node in compiled(tmp_path_factory.mktemp("holdout"))}


@pytest.fixture(scope="module")
def people() -> pl.DataFrame:
    """Ids with two covariates, drawn apart from them."""
    random = np.random.default_rng(5)
    ids = [str(uuid.uuid5(uuid.NAMESPACE_OID, str(number))) for number in range(PEOPLE)]
    return pl.DataFrame(
        {
            "customer_id": ids,
            "spend": random.lognormal(4, 1, PEOPLE),
            "region": random.choice(["north", "south", "east", "west"], PEOPLE, p=[0.1, 0.2, 0.3, 0.4]),
        }
    )


@pytest.fixture(scope="module")
def draw(models: dict[str, str], people: pl.DataFrame) -> Draw:
    """The arms of everybody in both segments, under this share."""
    connection = duckdb.connect()
    pseudonyms.bind(connection, SETTINGS)
    connection.register("people", people)
    connection.execute(SHOP)

    def drawn(share: float = HOLDOUT, sql: str = "customer_id, segment_id, arm, is_global_control") -> pl.DataFrame:
        connection.execute("update seeds.destinations set holdout_share = ?", [share])
        query = f"select {sql} from ({models['activated_memberships']})"
        return connection.execute(f"{query} order by segment_id, customer_id").pl()

    return drawn


@pytest.fixture(scope="module")
def arms(draw: Draw, people: pl.DataFrame) -> pl.DataFrame:
    return draw().join(people, on="customer_id")


def _controls(arms: pl.DataFrame) -> set[tuple[str, str]]:
    return set(arms.filter(arm="control").select("segment_id", "customer_id").iter_rows())


@pytest.mark.parametrize("segment", SEGMENTS)
def test_a_control_group_has_its_share(arms: pl.DataFrame, segment: str) -> None:
    controls = arms.filter(segment_id=segment, arm="control").height
    found = stats.chisquare([controls, PEOPLE - controls], [PEOPLE * SHARE, PEOPLE * (1 - SHARE)])
    assert found.pvalue > LUCK
    everywhere = arms.filter(segment_id=segment, is_global_control=True).height
    wanted = [PEOPLE * GLOBAL_CONTROL, PEOPLE * (1 - GLOBAL_CONTROL)]
    assert stats.chisquare([everywhere, PEOPLE - everywhere], wanted).pvalue > LUCK


@pytest.mark.parametrize("segment", SEGMENTS)
def test_a_control_group_is_like_everybody_else(arms: pl.DataFrame, segment: str) -> None:
    of_segment = arms.filter(segment_id=segment)
    table = of_segment.group_by("arm", "region").len().pivot("arm", index="region", values="len")
    assert stats.chi2_contingency(table.select("control", "treated").to_numpy()).pvalue > LUCK
    spend = [of_segment.filter(arm=arm)["spend"].to_numpy() for arm in ("control", "treated")]
    assert stats.ks_2samp(*spend).pvalue > LUCK


def test_the_lots_of_two_segments_know_nothing_of_each_other(arms: pl.DataFrame) -> None:
    drawn = arms.filter(is_global_control=False).pivot("segment_id", index="customer_id", values="arm")
    table = drawn.group_by(SEGMENTS).len().pivot("t", index="s", values="len").select("control", "treated")
    assert stats.chi2_contingency(table.to_numpy()).pvalue > LUCK


def test_who_gets_nothing_anywhere_is_in_control_of_every_segment(arms: pl.DataFrame) -> None:
    assert set(arms.filter(is_global_control=True)["arm"]) == {"control"}
    spread = arms.group_by("customer_id").agg(pl.col("is_global_control").n_unique())
    assert spread["is_global_control"].max() == 1


def test_a_larger_share_moves_only_whom_it_must(draw: Draw, arms: pl.DataFrame) -> None:
    before, after = _controls(arms), _controls(draw(0.1))
    assert before < after
    moved = (1 - GLOBAL_CONTROL) * (0.1 - HOLDOUT) * PEOPLE * len(SEGMENTS)
    assert abs(len(after - before) - moved) < 4 * moved**0.5
    assert _controls(draw(HOLDOUT)) == before, "and back again"
    assert {one for _, one in _controls(draw(0))} == set(arms.filter(is_global_control=True)["customer_id"])


def test_a_lot_can_be_drawn_again_without_the_pipeline(arms: pl.DataFrame) -> None:
    some = arms.filter(pl.col("customer_id").str.starts_with("0"))
    namespace = SETTINGS.namespace.get_secret_value()
    again = {pair for pair in some.select("segment_id", "customer_id").iter_rows() if is_control(namespace, *pair)}
    assert again == _controls(some)
    assert len(again) > 1_000


MOMENTS = [datetime(2026, 9, day) for day in (1, 2, 3, 4)]


def test_the_arm_survives_leaving_and_a_merge_leaves_the_other_id_in_the_log(models: dict[str, str]) -> None:
    """Four nights: `gone` is due; both are; `into` has left; it is back, and `gone` turns out to be the same person."""
    connection = duckdb.connect()
    pseudonyms.bind(connection, SETTINGS)
    ids = pl.DataFrame({"customer_id": ["gone", "into"]})
    connection.register("people", ids)
    connection.execute(SHOP)
    connection.execute("update seeds.destinations set holdout_share = 0.5")
    connection.execute("create table everybody as from segments.memberships where segment_id = 's'")
    _empty(connection)
    for night, (who, now) in enumerate([("gone", ""), ("gone into", ""), ("gone", ""), ("into", "into")]):
        _night(connection, models, MOMENTS[night], who.split(), now)
    log = "select customer_id, exposed_at, ended_at, ended_reason from activation.exposures order by all"
    first, second, third, fourth = MOMENTS
    assert connection.execute(log).fetchall() == [
        ("gone", first, fourth, "merged"),
        ("into", second, third, "left"),
        ("into", fourth, None, None),
    ]
    arms = dict(
        connection.execute("select customer_id, any_value(arm) from activation.exposures group by 1").fetchall()
    )
    [(customer, arm, at, changed)] = connection.execute(
        "select customer_id, arm, assigned_at, has_changed_arm from activation.assignments"
    ).fetchall()
    assert (customer, arm, at, changed) == ("into", arms["into"], first, arms["into"] != arms["gone"])
    assert connection.execute(
        "select count(distinct arm) from activation.exposures group by customer_id"
    ).fetchall() == [
        (1,),
        (1,),
    ]


def _empty(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("""
        create table ops.control (as_of timestamp);
        create table profiles.merges (merged_at timestamp, from_customer_id varchar, evidence varchar);
        create table identity.customer_ids (identifier_type varchar, identifier_hash varchar, customer_id varchar);
        create table durable.customer_ids as
            select 'user_id' as identifier_type, customer_id as identifier_hash, customer_id as minted_id from people;
        create table durable.exposures (
            destination varchar, segment_id varchar, customer_id varchar, arm varchar, is_global_control boolean,
            holdout_share double, global_control_share double, exposed_at timestamp, ended_at timestamp,
            ended_reason varchar
        )""")


def _night(
    connection: duckdb.DuckDBPyConnection, models: dict[str, str], as_of: datetime, due: list[str], now: str
) -> None:
    """One run in which these are members; with `now` everybody has become that person."""
    connection.execute("delete from ops.control; delete from identity.customer_ids; delete from profiles.merges")
    connection.execute("insert into ops.control values (?)", [as_of])
    connection.execute(
        "insert into identity.customer_ids"
        " select 'user_id', customer_id, coalesce(nullif(?, ''), customer_id) from people",
        [now],
    )
    if now:
        connection.execute("insert into profiles.merges values (?, 'gone', 'merged: now one component')", [as_of])
    connection.execute(
        "create or replace table segments.memberships as from everybody where list_contains(?, customer_id)", [due]
    )
    for name in ("activated_memberships", "exposures", "assignments"):
        connection.execute(f"create or replace table activation.{name} as {models[name]}")
    connection.execute("delete from durable.exposures")
    connection.execute("insert into durable.exposures by name from activation.exposures")
