"""Letters, tickets, answers, memberships, discounts and weather tell of the same people, and keep their own rules."""

from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from simulator.shop import simulate
from tests.simulator.exports import CUSTOMERS, DAYS, END, SEED, START, number, tables

pytestmark = pytest.mark.xdist_group("simulator")  # one worker, so that the shop is simulated once


def test_a_newsletter_goes_only_to_whoever_stands_granted(shop: duckdb.DuckDBPyConnection) -> None:
    shop.execute("""create or replace temp view sent as
        select contact_id, min(occurred_at) as sent_at from letters where event_type = 'sent'
        group by message_id, contact_id""")
    last_word = """select count(*) from sent asof join (select * from consents where purpose = 'marketing_email') as c
        on sent.contact_id = c.contact_id and sent.sent_at >= c.recorded_at where status = 'granted'"""
    assert number(shop, last_word) == number(shop, "select count(*) from sent") > CUSTOMERS * 0.3
    assert number(shop, "select count(*) from letters where event_type = 'clicked'") > 0
    early = """select count(*) from letters join letters as s on s.message_id = letters.message_id
        and s.event_type = 'sent' where letters.event_type <> 'sent' and letters.occurred_at <= s.occurred_at"""
    assert number(shop, early) == 0
    assert number(shop, "select count(*) from letters where strftime(occurred_at, '%Y-%m-%d') <> file[18:27]") == 0


def test_who_unsubscribed_gets_no_letter_again(tmp_path: Path) -> None:
    letters = tables(simulate(1_500, 22, SEED, tmp_path / "out", END, events_per_customer=2).folder)
    left = "(select contact_id, min(occurred_at) as left_at from letters where event_type = 'unsubscribed' group by 1)"
    assert number(letters, f"select count(*) from {left} where left_at < '{END - timedelta(days=7)}'") > 3
    again = f"select count(*) from letters join {left} using (contact_id) where event_type = 'sent'"
    assert number(letters, f"{again} and occurred_at > left_at") == 0


def test_a_discount_is_the_promotions_percentage_of_what_it_covers(shop: duckdb.DuckDBPyConnection) -> None:
    shop.execute("""create or replace temp view used as select d.*, discount_percent, sum(quantity * unit_price_amount)
            filter (where p.category is null or p.category = products.category) as covered
        from (select distinct * exclude (file, filename) from order_discounts) d
        join promotions p on p.promotion_code = d.promotion_code and applied_at >= valid_from and applied_at < valid_to
        join (select distinct * exclude (file, filename) from order_lines) using (order_id)
        join products using (product_id) group by all""")
    with_code = number(shop, "select count(distinct order_id) from order_discounts where promotion_code is not null")
    right = "discount_amount = floor(covered * discount_percent) / 100"
    assert number(shop, f"select count(*) from used where {right}") == with_code > 100
    assert number(shop, "select count(distinct discount_percent) from used") == 2
    assert number(shop, "select count(*) from order_discounts anti join orders using (order_id)") == 0


def test_the_thrifty_wait_for_promotions(shop: duckdb.DuckDBPyConnection) -> None:
    shop.execute("create or replace temp view owner as select *, unnest(contact_ids) as contact_id from truth")
    shares = """select person_id, any_value(price_sensitivity) as thrift, avg((discount_amount > 0)::int) as share
        from (select distinct * exclude (file, filename) from orders) join owner using (contact_id)
        left join (select distinct * exclude (file, filename) from order_discounts) using (order_id)
        group by 1 having count(*) >= 3"""
    assert number(shop, f"select corr(thrift, coalesce(share, 0)) from ({shares})") > 0.15


def test_a_ticket_moves_on_and_comes_once_a_day(shop: duckdb.DuckDBPyConnection) -> None:
    order = "list_position(['open', 'pending', 'solved', 'closed'], status)"
    back = (
        f"""select {order} <= lag({order}) over (partition by ticket_id order by updated_at) as is_back from tickets"""
    )
    assert number(shop, f"select count(*) from ({back}) where is_back") == 0
    assert number(shop, "select count(*) - count(distinct (ticket_id, file)) from tickets") == 0
    backlog = f"tickets_{START - timedelta(days=1)}.csv"
    wrong = f"file <> '{backlog}' and strftime(updated_at, 'tickets_%Y-%m-%d.csv') <> file"
    assert number(shop, f"select count(*) from tickets where {wrong} or updated_at < opened_at") == 0
    assert number(shop, "select count(*) - count(distinct ticket_id) from tickets") > 5


def test_the_discontented_write_more_tickets_and_give_lower_scores(shop: duckdb.DuckDBPyConnection) -> None:
    scores = "select contact_id, avg(score / 10) as score from survey_answers where question = 'nps' group by 1"
    stars = "select contact_id, avg(score / 5) as stars from survey_answers where question = 'rating' group by 1"
    both = f"select corr(score, stars) from ({scores}) join ({stars}) using (contact_id)"
    assert number(shop, both) > 0.2
    wrong = """case question when 'nps' then score not between 0 and 10 when 'csat' then score not between 1 and 5
        when 'rating' then score not between 1 and 5 else score is not null end"""
    assert number(shop, f"select count(*) from survey_answers where {wrong}") == 0
    assert number(shop, "select count(distinct question) from survey_answers") == 5


def test_gold_members_order_more_than_bronze_ones(shop: duckdb.DuckDBPyConnection) -> None:
    shop.execute("create or replace temp view owner as select *, unnest(contact_ids) as contact_id from truth")
    rate = "select tier, avg(purchase_rate) from loyalty_members join owner using (contact_id) group by 1"
    rates = dict(shop.execute(rate).fetchall())
    assert rates["gold"] > 1.5 * rates["silver"] > 2 * rates["bronze"]
    assert 0 < number(shop, "select avg((contact_id is null)::int) from loyalty_members") < 0.2
    assert number(shop, "select count(*) from loyalty_members where updated_at < joined_at or email is null") == 0


def test_every_region_has_its_weather_of_every_day_that_is_over(shop: duckdb.DuckDBPyConnection) -> None:
    regions = number(shop, "select count(distinct region) from contacts where region is not null")
    per_day = "select observed_on, count(*) as regions from weather group by 1"
    assert number(shop, f"select count(*) from ({per_day}) where regions = {regions}") == DAYS - 1 + 30
    assert number(shop, "select count(*) from contacts anti join weather using (region) where region is not null") == 0
    wrong = "temperature_min_celsius >= temperature_max_celsius or precipitation_mm < 0 or published_at > '2026-09-01'"
    assert number(shop, f"select count(*) from weather where {wrong}") == 0


def test_every_product_is_counted_every_day_and_now_and_then_out_of_stock(shop: duckdb.DuckDBPyConnection) -> None:
    assert number(shop, "select count(*) from stock semi join products using (product_id)") == 400 * DAYS
    assert 0.02 < number(shop, "select avg((stock_count = 0)::int) from stock") < 0.07
    back = "stock_count > 0 and lag(stock_count) over (partition by product_id order by counted_at) = 0"
    assert number(shop, f"select count(*) from (select {back} as is_back from stock) where is_back") > 0
