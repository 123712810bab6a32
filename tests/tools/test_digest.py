"""The digest at a real mail server: it arrives, with the numbers of people in whole floors."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest

from reverse_etl.options import Options
from smalti import mail
from tests.reverse_etl.conftest import Shop, shop_in
from tests.tools.conftest import Maildev
from tests.tools.crowd import crowd, later
from warehouse import ledger

pytestmark = [pytest.mark.tools, pytest.mark.timeout(120)]
NOW = datetime(2026, 9, 1, 5, tzinfo=UTC)
RUN = "run-of-the-day"
CONSENTS = """
create table profiles.activations as select 'files' as destination, unnest(['high_value', 'lapsed']) as segment;
create table profiles.customers as select customer_id, false as is_bot from activation.audience;
create table segments.memberships as
select unnest(segment_ids) as segment_id, customer_id from activation.audience where destination = 'files';
create table activation.activated_memberships as
select 'files' as destination, segment_id, customer_id, true as is_sendable, 'marketing_email' as purpose,
    right(customer_id, 1) not in ('4', '7') as has_consent,
    if(right(customer_id, 1) in ('1', '2'), 'control', 'treated') as arm
from segments.memberships
"""


@pytest.fixture
def inbox(maildev: Maildev) -> Iterator[httpx.Client]:
    """What the server holds, empty at first."""
    with httpx.Client(base_url=maildev.url, timeout=10) as client:
        client.delete("/email/all").raise_for_status()
        yield client


@pytest.fixture(autouse=True)
def _configured(maildev: Maildev, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Options.model_config, "env_file", None)
    stated = {"HOST": "127.0.0.1", "PORT": str(maildev.smtp), "SECURITY": "none", "USER": maildev.user}
    stated |= {"PASSWORD": maildev.password, "SENDER": "shop@example.org", "TO": "crm@example.org,it@example.org"}
    for option, value in stated.items():
        monkeypatch.setenv(f"SMALTI_DIGEST_{option}", value)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A shop in which ten thousand people were delivered, then five hundred changes, in the run that is told of."""
    shop = shop_in(tmp_path / "home")
    shop.publish("v1-first", crowd())
    shop.deliver("first")
    shop.publish(f"v2-{RUN}", later())
    with duckdb.connect(str(shop.settings.current.resolve())) as connection:
        connection.execute(CONSENTS)
    with ledger.stage(shop.settings.ledger, RUN, "deliver", "files") as row:
        done = shop.deliver(RUN)
        row.rows_in, row.rows_loaded = 500, done.accepted
    return shop


def received(inbox: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = inbox.get("/email").raise_for_status().json()
    return found


def test_the_digest_arrives_with_what_was_sent_in_whole_floors(shop: Shop, inbox: httpx.Client) -> None:
    assert mail.send(shop.settings, RUN, NOW) is None
    [one] = received(inbox)
    assert one["subject"] == f"Smalti: {RUN}: ok"
    assert one["headers"]["message-id"] == f"<digest.{RUN}@example.org>"
    assert [to["address"] for to in one["to"]] == ["crm@example.org", "it@example.org"]
    for body in (one["text"], one["html"]):
        assert "files accepted changes for 500 people" in body
    lines = [" ".join(line.split()) for line in one["text"].splitlines()]
    assert "files < 100 300 200 500 - - - - -" in lines
    for segment_id in ("high_value", "lapsed"):
        assert f"{segment_id} marketing_email {told(shop, segment_id)}" in lines
    assert not any(customer_id in one["text"] + one["html"] for customer_id in crowd())


def told(shop: Shop, segment_id: str) -> str:
    """Members who are sent, without consent, and held out, counted here, in whole hundreds."""
    members = [customer_id for customer_id, segment_ids in shop.accepted().items() if segment_id in segment_ids]
    refused = sum(customer_id.endswith(("4", "7")) for customer_id in members)
    control = sum(customer_id.endswith(("1", "2")) for customer_id in members)
    numbers = len(members) - refused - control, refused, control
    return " ".join(f"{number // 100 * 100:,}" for number in numbers)


def test_sent_again_it_is_known_to_be_the_same(shop: Shop, inbox: httpx.Client) -> None:
    assert [mail.send(shop.settings, RUN, NOW) for _ in range(2)] == [None, None]
    first, second = received(inbox)
    assert first["headers"]["message-id"] == second["headers"]["message-id"]
    assert (first["text"], first["html"]) == (second["text"], second["html"])


def test_a_wrong_password_is_told_by_its_kind_and_nothing_is_mailed(
    shop: Shop, inbox: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMALTI_DIGEST_PASSWORD", "another")
    assert mail.send(shop.settings, RUN, NOW) == "SMTPAuthenticationError"
    assert received(inbox) == []


def test_a_server_that_cannot_encrypt_is_not_written_to(
    shop: Shop, inbox: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMALTI_DIGEST_SECURITY", "tls")
    assert mail.send(shop.settings, RUN, NOW) == "SSLError"
    assert received(inbox) == []
