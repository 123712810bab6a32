"""What is hidden decides the trade: true chances hold, and offers do what their world says they do."""

from datetime import timedelta
from pathlib import Path

import duckdb
import numpy as np
import pytest

from simulator.chances import expected_orders, order_chance
from simulator.economics import HARMFUL, LASTS_DAYS, LEFT_OUT, NULL, ORDINARY
from simulator.shop import simulate
from simulator.window import Floats, Window
from simulator.world import make_world
from tests.simulator.exports import END, SEED, number, tables

CUSTOMERS, DAYS = 6_000, 29

# of whoever stands granted and never unsubscribed: whether a newsletter was sent, and the orders of the week after it
RESPONSE = f"""
with letters_by_day as (select distinct contact_id, occurred_at::date as day, event_type from letters),
days as (select distinct day from letters_by_day where event_type = 'sent'),
readers as (
    select contact_id from consents where purpose = 'marketing_email'
    group by contact_id having max_by(status, recorded_at) = 'granted' and count(*) = 1
    except select contact_id from letters_by_day where event_type = 'unsubscribed'
)
select
    is_sent,
    count(order_id) / count(distinct (day, contact_id))
from (
    select days.day, readers.contact_id, sent.contact_id is not null as is_sent
    from days cross join readers
    left join (from letters_by_day where event_type = 'sent') sent using (day, contact_id)
)
left join (select distinct order_id, contact_id as buyer, ordered_at, channel from orders) on
    contact_id = buyer and channel <> 'store'
    and ordered_at >= day + interval 1 day and ordered_at < day + interval {1 + LASTS_DAYS} day
group by all
"""


def _shop(folder: Path, world: str) -> duckdb.DuckDBPyConnection:
    return tables(simulate(CUSTOMERS, DAYS, SEED, folder / "out", END, events_per_customer=25, world=world).folder)


def _true_chance(first_day: int, days: int) -> Floats:
    return order_chance(make_world(CUSTOMERS, 25 * CUSTOMERS, Window(END, DAYS, SEED)), first_day, days)


def test_people_order_as_often_as_their_true_chance_says(tmp_path: Path) -> None:
    shop, chance = _shop(tmp_path, NULL), _true_chance(DAYS - 14, 14)
    since = END - timedelta(days=13)
    emails = shop.execute(
        "select person_id, coalesce(bool_or(o.order_id is not null), false) from truth left join orders o"
        f" on o.ordered_at >= '{since}' and o.status = 'completed'"
        " and (list_contains(contact_ids, o.contact_id)"
        "      or (o.contact_id is null and list_contains(emails, lower(o.email))))"
        " where kind = 'customer' group by all order by all"
    ).fetchnumpy()
    person, ordered = emails["person_id"], np.asarray(emails[list(emails)[1]], dtype=bool)
    told = chance[person]
    for group in np.array_split(np.argsort(told), 5)[1:]:
        assert ordered[group].mean() == pytest.approx(told[group].mean(), rel=0.2, abs=0.01)
    assert np.corrcoef(told, ordered)[0, 1] > 0.3


def test_nobody_is_offered_more_or_less_than_the_world_says() -> None:
    worlds = {
        kind: make_world(CUSTOMERS, 25 * CUSTOMERS, Window(END, DAYS, SEED), kind) for kind in (NULL, ORDINARY, HARMFUL)
    }
    everybody = np.ones(len(worlds[NULL].people.kind), bool)
    without = expected_orders(worlds[NULL], DAYS, LASTS_DAYS)
    gain = {kind: expected_orders(world, DAYS, LASTS_DAYS, everybody) - without for kind, world in worlds.items()}
    assert np.all(gain[NULL] == 0)
    assert gain[ORDINARY].sum() > 0.1 * without.sum()
    assert (gain[ORDINARY] < 0).any()  # some would have bought anyway, and are put off
    assert np.all(gain[HARMFUL] <= 0)
    assert gain[HARMFUL].sum() < -0.1 * without.sum()


@pytest.mark.parametrize("world", [ORDINARY, HARMFUL])
def test_who_was_left_out_by_lot_shows_what_an_offer_does(tmp_path: Path, world: str) -> None:
    shop = _shop(tmp_path, world)
    rates = dict(shop.execute(RESPONSE).fetchall())
    assert rates[True] > 1.2 * rates[False] if world == ORDINARY else rates[True] < 0.8 * rates[False]
    counts = "count(*) filter (where event_type = 'unsubscribed') / count(*) filter (where event_type = 'sent')"
    left = number(shop, f"select {counts} from letters")
    assert left < 0.005 if world == ORDINARY else left > 0.006


def test_a_tenth_is_left_out_by_lot_where_offers_do_something() -> None:
    for kind, share in ((NULL, 0.0), (ORDINARY, LEFT_OUT)):
        window = Window(END, DAYS, SEED)
        invited = make_world(100, 100, window, kind).economics.invited(3, 50_000, window)
        assert 1 - invited.mean() == pytest.approx(share, abs=0.005)


def test_a_world_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="world is 'rosy'; allowed: null, ordinary, harmful"):
        simulate(20, 2, SEED, tmp_path / "out", world="rosy")
