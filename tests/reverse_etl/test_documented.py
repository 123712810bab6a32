"""What the page on destinations says of connectors is so."""

import json
import re

import pytest

from reverse_etl.connector import Outcome, Record
from reverse_etl.destination import attribute_names
from tests.docs.pages import blocks
from tests.reverse_etl.vendors.account import connectors, module, modules, opened, person
from warehouse import attributes
from warehouse.settings import CHECKOUT

PAGE = (CHECKOUT / "docs" / "destinations.md").read_text()
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("name", connectors())
def test_every_option_stands_in_the_section_of_its_destination(name: str, monkeypatch: pytest.MonkeyPatch):
    with opened(name, monkeypatch) as account:
        kind = type(account.connector.options)
    named = set(re.findall(rf"SMALTI_{name.upper()}_[A-Z_]+", SECTIONS[name]))
    assert named == {f"{kind.model_config['env_prefix']}{field.upper()}" for field in kind.model_fields}


@pytest.mark.parametrize("name", connectors())
def test_the_section_says_how_many_it_takes_at_once(name: str, monkeypatch: pytest.MonkeyPatch):
    with opened(name, monkeypatch) as account:
        assert f"{account.connector.traits.batch_records:,}" in SECTIONS[name]


def test_the_page_names_what_may_be_told():
    [told] = re.findall(r"^What may be told are .*$", PAGE, re.MULTILINE)
    named = set(re.findall(r"`(\w+)`", told)) - {"told_for"}
    assert named == set(attributes.tellable(CHECKOUT / "dbt_project"))


@pytest.mark.parametrize("name", modules())
def test_the_page_says_whether_a_destination_is_told_attributes(name: str):
    [row] = re.findall(rf"^\| .*\[`{name}`\]\(#{name}\).*$", PAGE, re.MULTILINE)
    assert ("| none |" in row) == (attribute_names(name) is None)


def test_the_receiver_of_the_page_knows_who_sent_a_webhook(monkeypatch: pytest.MonkeyPatch):
    names: dict = {}
    exec(next(block.text for block in blocks(PAGE) if block.language == "python"), names)  # noqa: S102
    with opened("webhook", monkeypatch) as account:
        connector = module("webhook").Webhook(account.connector.options, now=lambda: 1_790_000_000.9)
        request = next(connector.write([person("p", "high_value")], "a" * 32))
        secret = connector.options.secret.get_secret_value()
    header = request.headers["Smalti-Signature"]
    assert names["is_from_smalti"](header, request.body, secret, 1_790_000_299)
    assert not names["is_from_smalti"](header, request.body, secret, 1_790_000_400)
    assert not names["is_from_smalti"](header, request.body + b" ", secret, 1_790_000_001)
    assert not names["is_from_smalti"](header, request.body, secret[:-1], 1_790_000_001)
    assert not names["is_from_smalti"](header.replace("t=1790000000", "t=1790000001"), request.body, secret, 1.79e9)


def test_the_shapes_of_the_page_are_those_of_a_webhook(monkeypatch: pytest.MonkeyPatch):
    sent, answered, _ = (json.loads(block.text) for block in blocks(SECTIONS["webhook"]) if block.language == "json")
    with opened("webhook", monkeypatch) as account:
        account.server.vendor._take = lambda _: (207, answered)
        outcomes = account.send([person("p", "high_value"), person("q", "lapsed")])
        body = account.server.written[0].content
    assert outcomes == [Outcome("accepted"), Outcome("rejected", "not_a_customer")]
    assert sent.keys() == body.keys()
    assert [one.keys() for one in sent["records"]] == [one.keys() for one in body["records"]]


def test_the_message_of_the_page_is_one_of_a_webhook(monkeypatch: pytest.MonkeyPatch):
    *_, shown = (json.loads(block.text) for block in blocks(SECTIONS["webhook"]) if block.language == "json")
    message = dict(shown["message"])
    names = ("reason", "entered_at", "due_at", "purpose", "channel")
    told = json.dumps({name: message[name] for name in names})
    segments = (message["segment_id"],)
    record = Record(message["id"], message["person"], segments, segments, (), told)
    with opened("webhook", monkeypatch) as account:
        request = next(account.connector.notify(record))
    assert json.loads(request.body) == shown
    assert request.headers["Idempotency-Key"] == message["id"]
