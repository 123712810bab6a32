"""The simulated exports keep the agreement with ingestion, and show the behaviour the pipeline is for."""

import gzip
import hashlib
import json
import re
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pytest

from simulator.devices import scrambled
from simulator.shop import PATTERNS, FolderTakenError, Summary, simulate
from tests.simulator.exports import CUSTOMERS, DAYS, EVENT_TYPES, START, number

pytestmark = pytest.mark.xdist_group("simulator")  # one worker, so that the shop is simulated once

HEADERS = {
    "crm/contacts_2026-08-31.csv": "contact_id,email,phone,first_name,last_name,street,postcode,city,region,country,"
    "birth_date,created_at,updated_at",
    "crm/consents_2026-08-31.csv": "contact_id,purpose,channel,status,recorded_at",
    "shop/products_2026-08-31.csv": "product_id,name,category,brand,price_amount,updated_at",
    "shop/orders_2026-08-31.csv": "order_id,contact_id,email,ordered_at,status,channel,currency",
    "shop/order_lines_2026-08-31.csv": "order_id,line_number,product_id,quantity,unit_price_amount",
    "shop/order_discounts_2026-08-31.csv": "order_id,promotion_code,discount_amount,applied_at",
    "shop/promotions_2026-08-31.csv": "promotion_code,discount_percent,category,valid_from,valid_to,updated_at",
    "crm/loyalty_members_2026-08-31.csv": "loyalty_number,contact_id,email,tier,points,joined_at,updated_at",
    "support/tickets_2026-08-31.csv": "ticket_id,contact_id,email,topic,channel,opened_at,status,updated_at",
    "surveys/survey_answers_2026-08-31.csv": "answer_id,contact_id,question,subject_type,subject_id,score,answered_at",
    "shop/stock_2026-08-31.csv": "product_id,stock_count,counted_at",
    "context/weather_2026-08-31.csv": "region,observed_on,temperature_min_celsius,temperature_max_celsius,"
    "precipitation_mm,published_at",
}
KEYS = {
    "contacts": "contact_id, updated_at",
    "consents": "contact_id, purpose, channel, recorded_at",
    "products": "product_id, updated_at",
    "orders": "order_id",
    "order_lines": "order_id, line_number",
    "demographics": "email, observed_at",
    "events": "event_id",
    "order_discounts": "order_id",
    "promotions": "promotion_code, updated_at",
    "loyalty_members": "loyalty_number, updated_at",
    "tickets": "ticket_id, updated_at",
    "survey_answers": "answer_id",
    "weather": "region, observed_on",
    "stock": "product_id, counted_at",
    "letters": "event_id",
}


def hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(tmp_path: Path) -> None:
    once = simulate(120, 3, 11, tmp_path / "once")
    again = simulate(120, 3, 11, tmp_path / "again")
    other = simulate(120, 3, 12, tmp_path / "other")
    assert hashes(once.folder) == hashes(again.folder)
    assert all(path.read_bytes()[4:8] == bytes(4) for path in (once.folder / "web").iterdir())  # no time in the header
    alike = hashes(once.folder).items() & hashes(other.folder).items()
    assert all(name.startswith("shop/order") for name, _ in alike)  # a day without orders is a header only


def test_files_and_headers_are_as_agreed(summary: Summary) -> None:
    for file, header in HEADERS.items():
        assert (summary.folder / file).open().readline().rstrip("\n") == header
    hours = [datetime.combine(START, datetime.min.time()) + timedelta(hours=h) for h in range(24 * DAYS)]
    assert {p.name for p in (summary.folder / "web").iterdir()} == {
        f"events_{hour:%Y-%m-%dT%H}.jsonl.gz" for hour in hours
    }
    days = [START + timedelta(days=d) for d in range(-1, DAYS)]
    for name in ("orders", "order_lines"):
        assert {p.name for p in (summary.folder / "shop").glob(f"{name}_*")} == {f"{name}_{day}.csv" for day in days}


def test_events_are_lines_of_json_with_known_members_only(summary: Summary) -> None:
    for path in sorted((summary.folder / "web").iterdir())[::12]:
        for line in gzip.decompress(path.read_bytes()).decode().splitlines():
            event = json.loads(line)
            assert set(event) <= set(EVENT_TYPES)
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["occurred_at"])
            assert ("anonymous_id" in event) == (event["platform"] == "web") != ("device_id" in event)


def test_the_summary_counts_what_was_written(summary: Summary, shop: duckdb.DuckDBPyConnection) -> None:
    tables = {
        "crm_contacts": "contacts",
        "crm_consents": "consents",
        "shop_products": "products",
        "web_events": "events",
    }
    tables |= {"shop_orders": "orders", "shop_order_lines": "order_lines", "demographics": "demographics"}
    tables |= {"shop_order_discounts": "order_discounts", "shop_promotions": "promotions", "weather": "weather"}
    tables |= {"shop_stock": "stock", "email_engagement": "letters", "support_tickets": "tickets"}
    tables |= {"survey_answers": "survey_answers", "loyalty_members": "loyalty_members"}
    assert summary.rows == {source: number(shop, f"select count(*) from {t}") for source, t in tables.items()}
    assert set(summary.files) == set(PATTERNS)
    assert sum(summary.files.values()) == len(hashes(summary.folder)) - 1  # but for the truth


def test_sizes_are_near_what_was_asked_for(shop: duckdb.DuckDBPyConnection) -> None:
    assert number(shop, "select count(*) from events") == pytest.approx(40 * CUSTOMERS, rel=0.1)
    assert number(shop, "select count(*) from truth where kind = 'customer'") == CUSTOMERS
    twice = "select count(distinct contact_id) from contacts"
    assert CUSTOMERS * 1.02 < number(shop, twice) < CUSTOMERS * 1.07


def test_a_key_comes_again_only_as_the_same_row(shop: duckdb.DuckDBPyConnection) -> None:
    repeated = {}
    for table, key in KEYS.items():
        columns = "* exclude (filename, file_hour)" if table == "events" else "*"
        rows = f"(select distinct {columns} from {table})"
        assert number(shop, f"select count(*) - count(distinct ({key})) from {rows}") == 0, table
        repeated[table] = number(shop, f"select count(*) - count(distinct ({key})) from {table}")
    assert min(repeated["events"], repeated["orders"], repeated["contacts"]) > 0


def test_no_row_would_be_rejected(shop: duckdb.DuckDBPyConnection) -> None:
    must_be_none = {
        "consents": "(purpose, channel) not in (('marketing_email', 'email'), ('personalisation', 'web'),"
        " ('personalised_advertising', 'ads'))"
        " or status not in ('granted', 'withdrawn') or recorded_at is null",
        "orders": "order_id is null or email is null or ordered_at is null or currency <> 'GBP' or status not in"
        " ('completed', 'cancelled', 'returned') or channel not in ('web', 'ios', 'android', 'store')",
        "order_lines": "quantity < 1 or unit_price_amount <= 0 or product_id not in (select product_id from products)"
        " or order_id not in (select order_id from orders) or line_number::int not between 1 and 5",
        "events": "occurred_at is null or event_type not in ('page_view', 'product_view', 'search', 'add_to_cart',"
        " 'purchase') or platform not in ('web', 'ios', 'android') or user_agent is null or url is null",
        "contacts": "contact_id is null or created_at is null or updated_at < created_at or updated_at >= '2026-09-01'",
        "products": "price_amount <= 0 or name is null or category is null",
    }
    for table, wrong in must_be_none.items():
        assert number(shop, f"select count(*) from {table} where {wrong}") == 0, table


def test_late_and_repeated_events_come_within_two_days_and_never_early(shop: duckdb.DuckDBPyConnection) -> None:
    delay = "date_diff('hour', date_trunc('hour', occurred_at), file_hour)"
    assert number(shop, f"select min({delay}) from events") == 0
    assert 24 < number(shop, f"select max({delay}) from events") <= 72
    assert 0.005 < number(shop, f"select avg(({delay} > 0)::int) from events") < 0.03
    assert 0.005 < number(shop, "select 1 - count(distinct event_id) / count(*) from events") < 0.02


def test_events_and_daily_orders_stand_in_the_window(shop: duckdb.DuckDBPyConnection) -> None:
    outside = f"occurred_at < '{START}' or occurred_at >= '2026-09-01'"
    assert number(shop, f"select count(*) from events where {outside}") == 0
    backlog = f"orders_{START - timedelta(days=1)}.csv"
    wrong = (
        f"case when file = '{backlog}' then ordered_at >= '{START}' or ordered_at < date '{START}' - 400"
        " else strftime(ordered_at, 'orders_%Y-%m-%d.csv') <> file end"
    )
    assert number(shop, f"select count(*) from orders where {wrong}") == 0
    assert number(shop, f"select count(*) from orders where file = '{backlog}'") > CUSTOMERS


def test_every_hour_has_an_event_so_that_the_last_days_exports_count(shop: duckdb.DuckDBPyConnection) -> None:
    checks = "select count(distinct date_trunc('hour', occurred_at)) from events where user_agent like 'UptimeBot%'"
    assert number(shop, checks) == 24 * DAYS


def test_everyone_logged_in_is_a_contact_that_had_signed_up(shop: duckdb.DuckDBPyConnection) -> None:
    assert number(shop, "select count(user_id) from events") > 0
    unknown = "select count(*) from events anti join contacts on contact_id = user_id and created_at <= occurred_at"
    assert number(shop, f"{unknown} where user_id is not null") == 0


def test_each_web_and_app_order_of_the_window_has_its_purchase_event(shop: duckdb.DuckDBPyConnection) -> None:
    shop.execute(f"""
        create or replace temp view ordered as
        select order_id, contact_id, ordered_at, channel, sum(quantity * unit_price_amount) as total
        from (select distinct * exclude (file, filename) from orders where ordered_at >= '{START}')
        join (select distinct * exclude (file, filename) from order_lines) using (order_id)
        group by all""")
    shop.execute("create or replace temp view bought as select distinct on (event_id) * from events"
                 " where event_type = 'purchase'")  # fmt: skip
    same = (
        "b.order_id = o.order_id and b.occurred_at = o.ordered_at and b.value_amount = o.total"
        " and b.platform = o.channel and b.user_id is not distinct from o.contact_id"
    )
    online = number(shop, "select count(*) from ordered where channel <> 'store'")
    assert online > 20
    assert number(shop, f"select count(*) from ordered o join bought b on {same}") == online
    assert number(shop, "select count(*) from bought") == online
    assert number(shop, "select count(*) from ordered where channel = 'store'") > 0


def test_what_goes_into_the_cart_was_looked_at_just_before(shop: duckdb.DuckDBPyConnection) -> None:
    query = """
        select count(*) from events c where event_type = 'add_to_cart' and not exists (
            from events v where v.event_type = 'product_view' and v.product_id = c.product_id
            and coalesce(v.device_id, v.anonymous_id) = coalesce(c.device_id, c.anonymous_id)
            and v.occurred_at between c.occurred_at - interval 30 minute and c.occurred_at)"""
    assert number(shop, query) == 0


def test_bots_say_so_and_neither_log_in_nor_buy(shop: duckdb.DuckDBPyConnection) -> None:
    bot = "regexp_matches(lower(user_agent), 'bot|crawler|spider|headless')"
    assert 0.03 < number(shop, f"select avg({bot}::int) from events") < 0.2
    assert (
        number(shop, f"select count(*) from events where {bot} and (user_id is not null or order_id is not null)") == 0
    )
    declared = "select unnest(anonymous_ids) from truth where is_bot"
    person = f"select count(*) from events where not {bot} and anonymous_id in ({declared})"
    assert number(shop, person) == 0


def test_some_devices_are_shared_by_two_people_as_the_truth_tells(shop: duckdb.DuckDBPyConnection) -> None:
    shop.execute("create or replace temp view owner as select person_id, unnest(contact_ids) as contact_id from truth")
    shared = """
        select coalesce(device_id, anonymous_id) as device, list(distinct person_id) as people
        from events join owner on contact_id = user_id group by 1 having count(distinct person_id) > 1"""
    assert 1 <= number(shop, f"select count(*) from ({shared})") <= CUSTOMERS * 0.01
    told = "select person_id from truth where shares_device"
    untold = f"select count(*) from (select unnest(people) as person from ({shared})) where person not in ({told})"
    assert number(shop, untold) == 0


def test_strangers_are_about_three_visitors_in_ten(shop: duckdb.DuckDBPyConnection) -> None:
    devices = "(select unnest(list_concat(anonymous_ids, device_ids)) as device, kind from truth)"
    seen = "(select distinct coalesce(device_id, anonymous_id) as device from events)"
    share = f"select avg((kind = 'stranger')::int) from {devices} semi join {seen} using (device) where kind <> 'bot'"
    assert 0.2 < number(shop, share) < 0.4


def test_addresses_are_fictional_and_spelled_by_hand(shop: duckdb.DuckDBPyConnection) -> None:
    fictional = r"^(.+@(mail\.|post\.)?example\.(com|org|net)|test@test\.com|a@a\.a)$"
    for table in ("contacts", "orders", "demographics"):
        wrong = f"not regexp_matches(lower(trim(email)), '{fictional}')"
        assert number(shop, f"select count(*) from {table} where {wrong}") == 0
        assert 0.1 < number(shop, f"select avg((email <> lower(trim(email)))::int) from {table}") < 0.5


def test_a_person_standing_twice_shares_an_address_and_a_test_address_is_many_peoples(
    shop: duckdb.DuckDBPyConnection,
) -> None:
    shop.execute("create or replace temp view owner as select person_id, unnest(contact_ids) as contact_id from truth")
    by_address = """
        select lower(trim(email)) as address, count(distinct person_id) as people,
            count(distinct contact_id) as contacts
        from contacts join owner using (contact_id) where email is not null group by 1"""
    rows = shop.execute(by_address).fetchall()
    crowded = {address for address, people, _ in rows if people > 1}
    assert crowded
    assert crowded <= {"test@test.com", "noreply@example.com", "a@a.a"}
    assert sum(contacts > 1 for _, people, contacts in rows if people == 1) > CUSTOMERS * 0.02


def test_some_withdraw_consent_later_and_of_some_nothing_is_known(shop: duckdb.DuckDBPyConnection) -> None:
    spells = """
        select contact_id, string_agg(status, ' ' order by recorded_at) as told from consents
        where purpose = 'marketing_email' group by 1"""
    told = Counter(dict(shop.execute(f"select told, count(*) from ({spells}) group by 1").fetchall()))
    assert set(told) == {"granted", "withdrawn", "granted withdrawn", "granted withdrawn granted"}
    assert 0.65 < (told["granted"] + told["granted withdrawn granted"]) / told.total() < 0.85
    unknown = "select count(distinct contact_id) from contacts anti join consents using (contact_id)"
    assert CUSTOMERS * 0.03 < number(shop, unknown) < CUSTOMERS * 0.2


def test_some_browsers_send_global_privacy_control_and_no_app_does(shop: duckdb.DuckDBPyConnection) -> None:
    by_browser = (
        "select bool_and(global_privacy_control) as gpc from events where platform = 'web' group by anonymous_id"
    )
    assert 0.03 < number(shop, f"select avg(coalesce(gpc, false)::int) from ({by_browser})") < 0.1
    assert number(shop, "select count(*) from events where global_privacy_control and platform <> 'web'") == 0


def test_past_buyers_and_busy_visitors_buy_more(shop: duckdb.DuckDBPyConnection) -> None:
    ordered = f"select contact_id, ordered_at < '{START}' as before from (select distinct * from orders)"
    rate = f"""
        select coalesce(before, false) as bought_before, avg((coalesce(now, 0) > 0)::int) as buys from contacts
        left join (select contact_id, bool_or(before) as before, count(*) filter (not before) as now
                   from ({ordered}) group by 1) using (contact_id) group by 1"""
    buys = dict(shop.execute(rate).fetchall())
    assert buys[True] > 2 * buys[False]
    carts = "select person_id, purchase_rate, carts from truth join carts using (person_id) where kind = 'customer'"
    shop.execute("""create or replace temp view carts as select person_id, count(*) as carts from
        (select person_id, unnest(contact_ids) as user_id from truth) join events using (user_id)
        where event_type in ('add_to_cart', 'product_view') group by 1""")
    assert number(shop, f"select corr(ln(purchase_rate), ln(carts)) from ({carts})") > 0.15


def test_enthusiasts_look_at_many_products_of_a_category_within_ten_minutes(shop: duckdb.DuckDBPyConnection) -> None:
    bursts = """
        select user_id, count(distinct product_id) over (
            partition by user_id, category order by occurred_at
            range between interval 10 minute preceding and current row) as products
        from events where event_type = 'product_view' and user_id is not null"""
    logged_in = number(shop, "select count(distinct user_id) from events")
    for products, share in ((5, 0.1), (8, 0.04)):
        found = number(shop, f"select count(distinct user_id) from ({bursts}) where products >= {products}")
        assert share < found / logged_in < 0.5, products


def test_the_truth_stands_apart_and_in_no_export(summary: Summary) -> None:
    exports = {path.parts[0] for path in map(Path, hashes(summary.folder))} - {"_truth"}
    assert exports == {"crm", "shop", "web", "enrichment", "email", "support", "surveys", "context"}
    assert [path.name for path in (summary.folder / "_truth").iterdir()] == ["people.parquet"]
    sources = [re.compile(pattern.split("/")[1].replace("*", ".*")) for pattern in PATTERNS.values()]
    assert not any(pattern.fullmatch("people.parquet") for pattern in sources)


def test_a_folder_that_is_not_empty_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("kept")
    with pytest.raises(FolderTakenError, match="is not empty; allowed"):
        simulate(10, 1, 1, tmp_path / "out")
    assert hashes(tmp_path).keys() == {"out/mine.txt"}


def test_a_run_that_is_broken_off_leaves_nothing(tmp_path: Path) -> None:
    def stop(stage: str, share: float) -> None:
        if stage == "days" and share > 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(10, 2, 1, tmp_path / "out", progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_progress_goes_from_none_to_all(tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []
    simulate(10, 4, 1, tmp_path / "out", progress=lambda stage, share: told.append((stage, share)))
    assert told[:2] == [("people", 0.0), ("people", 1.0)]
    assert told[2:] == [("days", day / 4) for day in range(5)]


@pytest.mark.parametrize("wrong", [{"customers": 0}, {"days": 0}, {"seed": -1}, {"events_per_customer": -1.0}])
def test_numbers_out_of_range_are_refused(tmp_path: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} is -?[0-9.]+; allowed: 0|1 to"):
        simulate(**({"customers": 5, "days": 1, "seed": 1, "out": tmp_path / "out"} | wrong))  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("customers", "days", "per_customer"), [(1, 1, None), (3, 2, 0.0), (2, 1, 500.0)])
def test_the_smallest_shops_still_write_every_file(
    tmp_path: Path, customers: int, days: int, per_customer: float | None
) -> None:
    written = simulate(customers, days, 5, tmp_path / "out", events_per_customer=per_customer)
    assert written.files["web_events"] == 24 * days
    assert written.files["shop_orders"] == days + 1
    assert written.rows["web_events"] >= 24 * days


def test_scrambled_numbers_never_repeat() -> None:
    assert scrambled(np.arange(200_000), 7, 1).n_unique() == 200_000
