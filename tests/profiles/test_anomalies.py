"""Anomalies on labelled traffic: the simulator knows its bots; other kinds are planted among its humans."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

import duckdb
import polars as pl
import pytest

from simulator.shop import simulate
from tests.profiles.traffic import Traffic
from warehouse.settings import CHECKOUT

DATA = CHECKOUT.parent / "shared" / "data"
AS_OF = datetime(2026, 9, 1)
PLANTED = 20
UPTIME_CHECKER = "-1"  # it is nobody in the truth
_EVENTS = """
with owners as (
    select min(person_id) as person_id, device
    from (select person_id, unnest(coalesce(anonymous_ids, []) || coalesce(device_ids, [])) as device from truth)
    group by device
),
users as (select person_id, unnest(contact_ids) as user_id from truth)
select
    cast(coalesce(users.person_id, owners.person_id, -1) as varchar) as customer_id,
    web.user_id, web.device_id, web.anonymous_id, web.event_type,
    cast(web.occurred_at as timestamp) as occurred_at, false as is_bot
from web
left join users on web.user_id = users.user_id
left join owners on coalesce(web.device_id, web.anonymous_id) = owners.device"""


@dataclass(frozen=True)
class Labelled:
    """A simulated shop's events, of which none says that it is a bot's, and who its bots are."""

    events: pl.DataFrame
    bots: set[str]
    shared_devices: set[str]

    def humans(self, least_days: int) -> list[str]:
        """Humans with so many days of events, drawn at random but always the same."""
        days = self.events.filter(pl.col("user_id").is_not_null()).group_by("customer_id")
        lively = days.agg(pl.col("occurred_at").dt.date().n_unique().alias("days")).filter(pl.col("days") >= least_days)
        return Random(1).sample(sorted(set(lively["customer_id"]) - self.bots), PLANTED)

    def with_more(self, rows: list[dict[str, object]]) -> Traffic:
        """The events and some that are planted among them."""
        planted = pl.DataFrame(rows, schema_overrides={"anonymous_id": pl.String}) if rows else self.events.clear()
        traffic = Traffic()
        traffic.events(pl.concat([self.events, planted.with_columns(is_bot=pl.lit(value=False))], how="diagonal"))
        return traffic


@pytest.fixture(scope="session")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Labelled:
    out = tmp_path_factory.mktemp("labelled") / "out"
    simulate(1200, 45, 11, out, date(2026, 8, 31))
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    connection.execute(f"create table truth as from '{out}/_truth/people.parquet'")
    connection.execute(f"create table web as select distinct * from read_json('{out}/web/*.gz', union_by_name = true)")
    events = connection.execute(_EVENTS).pl()
    truth = connection.execute("select cast(person_id as varchar) as id, is_bot, shares_device from truth").pl()
    seen = set(events.filter(pl.col("occurred_at") > AS_OF - timedelta(days=30))["customer_id"])
    bots = set(truth.filter("is_bot")["id"]) & seen | {UPTIME_CHECKER}
    return Labelled(events, bots, set(truth.filter("shares_device")["id"]))


def test_bots_that_hide_are_found_by_what_they_do_and_no_human_is(labelled: Labelled) -> None:
    found = labelled.with_more([]).who(AS_OF)
    precision = len(found & labelled.bots) / len(found)
    recall = len(found & labelled.bots) / len(labelled.bots)
    assert len(labelled.bots) > 5
    assert precision == 1
    assert recall >= 0.9


def test_bots_that_have_gone_are_anomalous_no_more(labelled: Labelled) -> None:
    assert labelled.with_more([]).who(AS_OF + timedelta(days=31)) == set()


def test_shared_accounts_are_found_and_households_with_a_tablet_are_none(labelled: Labelled) -> None:
    shared = labelled.humans(least_days=5)
    rows: list[dict[str, object]] = [
        {"customer_id": person, "user_id": f"account of {person}", "anonymous_id": f"{person} {device}"}
        | {"event_type": "page_view", "occurred_at": AS_OF - timedelta(days=day, minutes=50 - device - step)}
        for person in shared
        for day in (3, 9, 20)
        for device in range(5)
        for step in range(0, 30, 6)
    ]
    assert labelled.with_more(rows).who(AS_OF, "shared_account") == set(shared)
    assert len(labelled.shared_devices) > 5
    assert labelled.with_more([]).who(AS_OF, "shared_account") == set()


def test_people_who_change_overnight_are_found_and_come_back_a_week_later(labelled: Labelled) -> None:
    changed = labelled.humans(least_days=12)
    rows: list[dict[str, object]] = [
        {"customer_id": person, "event_type": "product_view", "occurred_at": at + timedelta(seconds=90 * number)}
        for person in changed
        for at in [AS_OF - timedelta(days=1) + timedelta(hours=6)]
        for number in range(320)
    ]
    traffic = labelled.with_more(rows)
    assert traffic.who(AS_OF, "sudden_activity") == set(changed)
    assert traffic.who(AS_OF + timedelta(days=8), "sudden_activity") == set()


_REAL = {
    "rees46": """
        select user_id as customer_id, user_id, cast(null as varchar) as device_id, user_session as anonymous_id,
            event_type, cast(left(event_time, 19) as timestamp) as occurred_at, false as is_bot
        from read_csv('{data}/rees46_2h50/2019-Oct.csv.zst', all_varchar = true, delim = ',', header = true,
            strict_mode = false, null_padding = true)""",
    "taobao": """
        select user_id as customer_id, user_id, cast(null as varchar) as device_id,
            cast(null as varchar) as anonymous_id, event_type,
            make_timestamp(1000000 * cast(second as bigint)) as occurred_at, false as is_bot
        from read_csv('{data}/taobao_2h/UserBehavior.csv.zst', all_varchar = true, header = false, delim = ',',
            names = ['user_id', 'product', 'category', 'event_type', 'second'])""",
}


@pytest.mark.parametrize("name", _REAL)
@pytest.mark.skipif(not DATA.exists(), reason=f"no real data in {DATA}")
def test_nobody_in_real_traffic_is_anomalous(name: str) -> None:
    traffic = Traffic()
    traffic.events(traffic.connection.sql(_REAL[name].format(data=DATA)))
    last, people = traffic.connection.execute(
        "select max(occurred_at), count(distinct customer_id) from touched_events"
    ).fetchall()[0]
    assert people > 4000
    assert traffic.found(last).is_empty()
