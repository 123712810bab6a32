"""What a dry run shows is what is then sent, body for body, by every connector; and it changes nothing."""

import json
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from reverse_etl.connector import Request
from reverse_etl.deliver import preview
from reverse_etl.destination import Refused, attribute_names
from reverse_etl.options import Options
from reverse_etl.rehearsal import masked
from tests.reverse_etl.conftest import Shop
from tests.reverse_etl.vendors.account import connectors, vendor
from tests.reverse_etl.vendors.server import Call, Fault, Server, serving
from warehouse.settings import Settings

NAMES = [f"c{number:04d}x" for number in range(1_200)]
FIRST = {name: ["high_value", "lapsed"][: 1 + (number % 3 == 0)] for number, name in enumerate(NAMES)}
# a hundred leave, a hundred and fifty change, fifty come
THEN = {name: [["likely_buyers"], held][name >= "c0250x"] for name, held in FIRST.items() if name >= "c0100x"}
THEN |= {f"d{number:04d}x": ["lapsed"] for number in range(50)}


@pytest.fixture(params=connectors())
def told(request: pytest.FixtureRequest, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A shop, and what it tells."""
    monkeypatch.setitem(Options.model_config, "env_file", None)
    with serving(vendor(request.param)) as server:
        for name, value in server.vendor.environment(server.url).items():
            monkeypatch.setenv(name, value)
        yield Shop(settings.model_copy(update={"allow_loopback": True}), request.param), server


def publish(shop: Shop, version: str, people: dict[str, list[str]]) -> dict[str, str]:
    """A version with attributes where they can be told; the clear addresses of its people by pseudonym."""
    attributes = {name: {"stage": f"stage {name[1:3]}", "tier": None} for name in people}
    shop.publish(version, people, told=attributes if attribute_names(shop.destination) else None)
    known = {name: f"{name}@example.test" for name in sorted({*FIRST, *THEN}) if name not in NAMES[-3:]}
    shop.know_emails(known)
    hashes = dict(shop_identifiers(shop))
    return {known[name]: hashes[name] for name in known}


def shop_identifiers(shop: Shop) -> list[tuple[str, str]]:
    with duckdb.connect(str(shop.settings.current.resolve()), read_only=True) as version:
        return version.execute("select customer_id, identifier_hash from profiles.identifiers").fetchall()


def bodies(calls: list[Call], pseudonyms: dict[str, str]) -> list[tuple[str, bytes]]:
    """Method and body of what changed something, addresses as pseudonyms; calls at a time come in any order."""
    requests = [Request(call.method, call.path, {}, call.body) for call in calls]  # type: ignore[arg-type]
    return sorted((one.method, masked(one, pseudonyms).body) for one in requests)


def test_a_dry_run_is_what_is_then_sent(told: tuple[Shop, Server]) -> None:
    shop, server = told
    for version, people in (("one", FIRST), ("two", THEN)):
        pseudonyms = publish(shop, version, people)
        before, server.calls[:] = server.vendor.standing(), []
        shown = preview(shop.settings, shop.destination, 1_000)
        assert server.written == []
        assert server.vendor.standing() == before
        assert shop.deliver(version).accepted >= 297
        assert sorted((one.method, one.body) for one in shown) == bodies(server.written, pseudonyms)
        assert len(shown) == len(server.written) > 0
        assert preview(shop.settings, shop.destination, 5) == []


def test_a_dry_run_holds_no_address(told: tuple[Shop, Server]) -> None:
    shop, _ = told
    publish(shop, "one", FIRST)
    assert b"@example" not in b"".join(one.body for one in preview(shop.settings, shop.destination, 1_000))


def test_a_dry_run_shows_no_more_than_is_asked_for(told: tuple[Shop, Server]) -> None:
    shop, _ = told
    publish(shop, "one", FIRST)
    every = preview(shop.settings, shop.destination, 1_000)
    [only] = preview(shop.settings, shop.destination, 1)
    # headers may carry the moment of signing, which is another one now
    assert (only.method, only.url, only.body) == (every[0].method, every[0].url, every[0].body)


def test_where_a_destination_that_has_to_be_read_does_not_answer_a_dry_run_says_so(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def at_once(*_: object) -> None:
        return None

    monkeypatch.setattr("reverse_etl.pace.SystemClock.sleep", at_once)
    with serving(vendor("unleash")) as server:
        for name, value in server.vendor.environment(server.url).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(server.vendor, "writes", lambda _: True)
        server.always = Fault.ERROR_BEFORE
        shop = Shop(settings.model_copy(update={"allow_loopback": True}), "unleash")
        shop.publish("one", FIRST)
        with pytest.raises(Refused, match=r"unleash does not answer \(http_500\)"):
            preview(shop.settings, "unleash", 3)


def test_masking_leaves_all_but_addresses_as_it_is() -> None:
    told = json.dumps({"contacts": [{"email": "a@b.c", "n": [1, None, "a@b.cd"]}]}, separators=(",", ":")).encode()
    request = Request("PUT", "https://vendor.example", {}, told)
    assert masked(request, {}).body == told
    assert masked(request, {"a@b.c": "f00"}).body == told.replace(b'"a@b.c"', b'"f00"')
