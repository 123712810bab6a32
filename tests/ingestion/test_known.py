"""What loading says of user agents, e-mails and phones, held against reference lists where they are at hand."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from crawleruseragents import CRAWLER_USER_AGENTS_DATA

from ingestion import agents, countries, domains, phones
from tests.ingestion.conftest import Desk
from tests.ingestion.test_privacy import bytes_below, pseudonym

SHARED = Path(__file__).resolve().parents[3] / "shared/data"
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0"
IPAD = "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Mobile/15E148 Safari/604.1"
CUBOT = f"Mozilla/5.0 (Linux; Android 14; CUBOT NOTE 50) {CHROME} Mobile Safari/537.36"
PHONE_BOT = f"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X) {CHROME} Mobile Safari/537.36 (compatible; Googlebot/2.1)"
# families of uap-core that people browse with; a renderer among them says that it is none
BROWSER = re.compile(
    r"(?!.*(Headless|Spider)).*(Chrom|Firefox|Safari|Opera|\bIE\b|Edge|Browser|Internet$|Vivaldi|Konqueror|Silk)"
)
RENDERER = "Google Web Preview"


def reference(name: str) -> bytes:
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"needs {name} of the real data in ../shared/data")
    with pa.input_stream(str(path), compression="zstd") as stream:
        return bytes(stream.read())


def uap_core(name: str) -> list[dict[str, Any]]:
    cases = yaml.load(reference(f"uap_core/{name}.yaml.zst"), Loader=yaml.CSafeLoader)["test_cases"]
    return list(cases)


def test_every_agent_that_the_crawler_list_shows_is_a_bot() -> None:
    crawlers = json.loads(reference("crawler_ua/crawler-user-agents.json.zst"))
    shown = [agent for crawler in crawlers for agent in crawler.get("instances", [])]
    assert len(shown) > 2_000
    assert [agent for agent in shown if not agents.is_bot(agent)] == []


def test_no_browser_of_uap_core_is_a_bot() -> None:
    cases = [case for case in uap_core("test_ua") if BROWSER.match(case["family"])]
    assert len(cases) > 200
    wrong = [case for case in cases if agents.is_bot(case["user_agent_string"])]
    assert [case["family"] for case in wrong if RENDERER not in case["user_agent_string"]] == []


def test_every_spider_of_uap_core_is_a_bot_and_no_phone_but_where_a_chat_app_or_a_blog_fetches_a_page() -> None:
    cases = uap_core("test_device")
    spiders = {case["user_agent_string"] for case in cases if case["family"] == "Spider"}
    found = {case["user_agent_string"] for case in cases if agents.is_bot(case["user_agent_string"])}
    assert spiders <= found
    assert [agent for agent in found - spiders if not agent.startswith(("WhatsApp", "WordPress/"))] == []


@pytest.mark.parametrize("pattern", agents._NARROWED)
def test_a_pattern_made_narrower_is_still_in_the_list(pattern: str) -> None:
    assert pattern in {crawler["pattern"] for crawler in CRAWLER_USER_AGENTS_DATA}


@pytest.mark.parametrize(
    ("agent", "device_class"),
    [
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36", "desktop"),
        ("Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; Tablet PC 2.0; rv:11.0) like Gecko", "desktop"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0", "desktop"),
        (f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {CHROME} Safari/537.36", "desktop"),
        (IPAD, "tablet"),
        (f"Mozilla/5.0 (Linux; Android 15; Pixel Tablet) {CHROME} Safari/537.36", "tablet"),
        (f"Mozilla/5.0 (Linux; Android 13; SM-X710) {CHROME} Safari/537.36", "tablet"),
        ("ShopApp/5.1 (iPad14,3; iPadOS 18.4)", "tablet"),
        (CUBOT, "mobile"),
        ("ShopApp/5.2 (iPhone16,1; iOS 18.5)", "mobile"),
        ("ShopApp/5.0 (SM-S921B; Android 14)", "mobile"),
        (f"Mozilla/5.0 (Linux; Android 12; BRAVIA 4K) {CHROME} Safari/537.36", "other"),
        ("Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) AppleWebKit/537.36", "other"),
        ("Mozilla/5.0", "other"),
        (PHONE_BOT, "bot"),
        ("python-requests/2.32.3", "bot"),
    ],
)
def test_an_agent_has_one_device_class(agent: str, device_class: str) -> None:
    assert agents.answers([agent]) == {"is_bot": [device_class == "bot"], "device_class": [device_class]}


def test_each_agent_of_a_load_is_asked_for_once_and_stands_beside_its_events(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    answers = agents.answers

    def counted(texts: Sequence[str]) -> dict[str, Sequence[object]]:
        asked.extend(texts)
        return answers(texts)

    monkeypatch.setattr(agents, "answers", counted)
    long = "curl/8 " + "x" * 600
    told = [IPAD, f" {IPAD}", "Googlebot/2.1", None, "", long, CUBOT]
    desk.jsonl("events_2026-08-01T10.jsonl", [desk.event(n, user_agent=agent) for n, agent in enumerate(told)])
    assert desk.load("web_events").rows_loaded == len(told)
    assert desk.raw("web_events", "user_agent_is_bot, user_agent_device_class", "order by event_id") == [
        *[(False, "tablet")] * 2,
        (True, "bot"),
        *[(None, None)] * 2,
        (True, "bot"),
        (False, "mobile"),
    ]
    assert sorted(asked) == sorted([IPAD, "Googlebot/2.1", long[: agents.LONGEST], CUBOT])


ADDRESSES = {
    "plain": "https://shop.example/unsubscribe?email=canary.7c1f@example.com&a=1",
    "encoded": "https://shop.example/u?e=canary.7c1f%40example.com",
    "encoded_twice": "https://shop.example/u?e=canary.7c1f%2540example%252Ecom&a=1",
    "tagged": "https://shop.example/u?e=canary.7c1f%2Btag%40mail.example.co.uk#x",
    "in_the_path": "https://shop.example/people/canary.7c1f@example.com/orders",
    "in_a_fragment": "https://shop.example/#canary.7c1f@example.com",
    "nested": "https://shop.example/r?to=https%3A%2F%2Fx.example%3Fe%3Dcanary.7c1f%40example.com%26b",
    "foreign": "https://shop.example/u?e=canary.7c1f.müller@exämple.com",
    "two": "https://shop.example/u?e=canary.7c1f@a.com&f=canary.7c1f@b.com",
}


@pytest.mark.parametrize("column", ["url", "referrer", "search_query"])
@pytest.mark.parametrize("where", ADDRESSES)
def test_an_email_in_an_address_or_a_query_stands_in_no_byte_of_raw(desk: Desk, column: str, where: str) -> None:
    events = [desk.event(1, **{column: ADDRESSES[where]}), desk.event(2, **{column: ADDRESSES[where]}, platform="tv")]
    desk.jsonl("events_2026-08-01T10.jsonl", [*events, f'{{"{column}": "{ADDRESSES[where]}"'])
    outcome = desk.load("web_events")
    assert (outcome.rows_loaded, outcome.rows_rejected) == (1, 2)
    [(kept,)] = desk.raw("web_events", column)
    assert kept.startswith("https://shop.example/")
    assert "***" in kept
    shown = f"{desk.raw('web_events')}{desk.rejects('web_events')}{outcome}"
    assert "canary" not in shown
    assert b"canary" not in bytes_below(desk.settings.raw)


@pytest.mark.parametrize(
    "address",
    ["https://cdn.example/lib@1.2.3/x.js", "https://social.example/@handle", "https://shop.example/?q=2%405", "a@home"],
)
def test_what_is_no_email_stays_in_an_address(desk: Desk, address: str) -> None:
    desk.jsonl("events_2026-08-01T10.jsonl", [desk.event(1, url=address)])
    desk.load("web_events")
    assert desk.raw("web_events", "url") == [(address,)]


def test_what_stands_beside_an_email_in_an_address_stays(desk: Desk) -> None:
    desk.jsonl("events_2026-08-01T10.jsonl", [desk.event(1, url="https://a.example/u?e=x%40b.org&utm_source=news#top")])
    desk.load("web_events")
    assert desk.raw("web_events", "url") == [("https://a.example/u?e=***&utm_source=news#top",)]


@pytest.mark.parametrize(
    "text",
    ["07700 900123", "+44 7700 900123", "+44 (0)7700-900123", "0044 7700 900123", "(07700) 900 123", "7700900123"],
)
def test_a_number_has_one_pseudonym_however_it_is_written(desk: Desk, text: str) -> None:
    desk.csv("contacts_2026-08-01.csv", "crm_contacts", [desk.contact(1, phone=text)])
    desk.load("crm_contacts")
    assert desk.raw("crm_contacts", "phone_hmac") == [(pseudonym(desk, "phone", "+447700900123"),)]


@pytest.mark.parametrize(
    ("text", "region", "e164"),
    [
        ("030 123456", "DE", "+4930123456"),
        ("(415) 555-2671", "US", "+14155552671"),
        ("+33 1 23 45 67 89", "GB", "+33123456789"),
        ("01 23 45 67 89", "FR", "+33123456789"),
        ("02 1234 5678", "IT", "+390212345678"),
        ("12", "GB", None),
        ("n/a", "GB", None),
    ],
)
def test_a_number_without_a_country_code_is_of_the_region(text: str, region: str, e164: str | None) -> None:
    assert phones.answers([text], region) == {"e164": [e164]}


def test_a_number_that_is_impossible_keeps_its_digits(desk: Desk) -> None:
    desk.csv("contacts_2026-08-01.csv", "crm_contacts", [desk.contact(1, phone="ext. 12"), desk.contact(2, phone="-")])
    desk.load("crm_contacts")
    expected = [(pseudonym(desk, "phone", "+12"),), (None,)]
    assert desk.raw("crm_contacts", "phone_hmac", "order by contact_id") == expected


def test_a_throw_away_address_is_known_by_its_domain(desk: Desk) -> None:
    told = ["a@mailinator.com", " B@Mailinator.COM", "c@inbox.mailinator.com", "d@mailinator.example", "", "none"]
    rows = [desk.order(number, email=email) for number, email in enumerate(told)]
    desk.csv("orders_2026-08-01.csv", "shop_orders", rows)
    desk.load("shop_orders")
    found = desk.raw("shop_orders", "email_is_disposable", "order by order_id")
    assert found == [(True,), (True,), (True,), (False,), (None,), (None,)]
    assert b"mailinator" not in bytes_below(desk.settings.raw)


def test_nearly_every_domain_of_the_reference_list_is_disposable() -> None:
    listed = reference("disposable_domains/blocklist.txt.zst").decode().split()
    found = domains.answers(listed)["is_disposable"]
    assert len(listed) > 10_000
    assert sum(map(bool, found)) >= 0.99 * len(listed)
    usual = ["gmail.com", "outlook.com", "icloud.com", "gmx.de", "example.com", "co.uk"]
    assert domains.answers(usual) == {"is_disposable": [False] * len(usual)}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        *[(text, "GB") for text in ("United Kingdom", "UK", "GB", "gb", "united kingdom", "Scotland")],
        *[
            ("EIRE", "IE"),
            ("RSA", "ZA"),
            ("USA", "US"),
            ("Czech Republic", "CZ"),
            ("France", "FR"),
            ("Hong Kong", "HK"),
        ],
        *[
            (text, None)
            for text in ("Channel Islands", "European Community", "Unspecified", "EU", "ZZ", "001", "world")
        ],
    ],
)
def test_a_country_has_one_code_by_code_or_name(text: str, code: str | None) -> None:
    assert countries.answers([text]) == {"code": [code]}


def test_there_are_as_many_countries_as_iso_3166_lists() -> None:
    assert len(set(countries._codes().values())) == 249


def test_the_code_of_a_country_stands_beside_it(desk: Desk) -> None:
    told = ["UK", "", "Atlantis"]
    desk.csv("contacts_2026-08-01.csv", "crm_contacts", [desk.contact(n, country=text) for n, text in enumerate(told)])
    desk.load("crm_contacts")
    found = desk.raw("crm_contacts", "country, country_code", "order by contact_id")
    assert found == [("UK", "GB"), (None, None), ("Atlantis", None)]
