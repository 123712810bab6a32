"""From a published version to what stands at the vendor: every connector under the whole of delivery."""

from collections.abc import Iterator
from dataclasses import replace

import duckdb
import pytest

from reverse_etl.deliver import Delivered, deliver
from reverse_etl.pace import SystemClock
from tests.reverse_etl.conftest import AT, People, Shop
from tests.reverse_etl.vendors.account import Account, connectors, opened
from warehouse.settings import Settings

FIRST = {f"id-{number:03d}": ["high_value", "lapsed"] for number in range(1, 10)}
SECOND = {key: ["lapsed"] for key in FIRST if key != "id-009"} | {"id-011": ["high_value"]}
_ONE = "update {table} set destination = '{name}' where destination = 'files'"
_LEFT = """
insert into activation.audience_changes select '{name}', 'id-009', 'c-id-009', [], null, 'removed'
where not exists (select 1 from activation.audience where customer_id = 'id-009')
"""
_KNOWN = """
insert into profiles.identifiers
select 'email', md5(customer_id), customer_id, timestamp '2026-08-01' from (
    select customer_id from activation.audience where destination = '{name}' union select 'id-009'
)
"""
_VAULT = """
create or replace table identifiers as
select 'email' as kind, md5(format('id-{:03d}', number)) as hmac, format('id-{:03d}@example.test', number) as value
from range(100) as numbers (number)
"""


@pytest.fixture(params=connectors())
def account(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    with opened(request.param, monkeypatch) as found:
        monkeypatch.setattr(SystemClock, "now", lambda _: found.clock.now())
        monkeypatch.setattr(SystemClock, "sleep", lambda _, seconds: found.clock.sleep(seconds))
        yield found


def key(account: Account, customer_id: str) -> str:
    """What the vendor knows the person by."""
    forms = {"customer_id": customer_id, "contact_id_crm": f"c-{customer_id}", "email": f"{customer_id}@example.test"}
    return forms[account.connector.traits.key]


def publish_and_deliver(settings: Settings, account: Account, version: str, people: People) -> Delivered:
    settings = settings.model_copy(update={"allow_loopback": True})
    shop, name = Shop(settings), account.connector.name
    shop.publish(version, people)
    with duckdb.connect(str(settings.vault)) as vault:
        vault.execute(_VAULT)
    with duckdb.connect(str(settings.current.resolve())) as connection:
        for table in ("activation.audience", "activation.audience_changes", "ops.audience_sources"):
            connection.execute(_ONE.format(table=table, name=name))
        connection.execute(_LEFT.format(name=name))
        connection.execute(_KNOWN.format(name=name))
    return deliver(settings, name, f"run-{version}", AT)


def test_the_vendor_holds_what_is_published_and_the_ledger_knows_it(account: Account, settings: Settings):
    first = publish_and_deliver(settings, account, "v1", FIRST)
    assert (first.added, first.accepted, first.rejected) == (9, 9, 0)
    second = publish_and_deliver(settings, account, "v2", SECOND)
    assert (second.added, second.changed, second.removed, second.accepted) == (1, 8, 1, 10)
    standing = {name: there for name, there in account.server.vendor.standing().items() if there}
    assert standing == {key(account, customer_id): tuple(ids) for customer_id, ids in SECOND.items()}


def test_what_is_published_again_makes_no_call(account: Account, settings: Settings):
    publish_and_deliver(settings, account, "v1", FIRST)
    calls = len(account.server.calls)
    again = publish_and_deliver(settings, account, "v2", FIRST)
    assert again == replace(again, plan_id=None, added=0, changed=0, removed=0, unchanged=9, accepted=0)
    assert len(account.server.calls) == calls
