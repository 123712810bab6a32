"""A rotation of the key while a delivery by e-mail is open: what was begun is settled under the new key."""

from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest
from pydantic import SecretStr

from reverse_etl import journal
from reverse_etl.options import Options
from smalti import sync, vault
from tests.reverse_etl.conftest import AT, Shop
from tests.reverse_etl.vendors.sendgrid import Sendgrid
from tests.reverse_etl.vendors.server import Server, serving
from tests.warehouse.test_freshness import NEWEST, contract, line
from warehouse import manifest, pseudonyms
from warehouse.errors import SmaltiError
from warehouse.settings import Settings

PEOPLE = {f"c{number}x": ["readers"] for number in range(7)}
NEW = "7b" * 32


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def begun(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Shop, Server]]:
    """A shop whose delivery was killed after its call and before its outcomes were kept."""
    monkeypatch.setitem(Options.model_config, "env_file", None)
    with serving(Sendgrid()) as server:
        for name, value in server.vendor.environment(server.url).items():
            monkeypatch.setenv(name, value)
        shop = Shop(settings.model_copy(update={"allow_loopback": True}), "sendgrid")
        shop.publish("20260901T0000-one", PEOPLE)
        shop.know_emails({name: f"{name}@example.test" for name in PEOPLE})
        raw = shop.settings.raw / "shop_orders"
        contract(6).write(raw)
        key_id = pseudonyms.key_id(shop.settings.hmac_key)
        manifest.write(raw, [line(arrived=NEWEST, event=NEWEST).model_copy(update={"key_id": key_id})])
        with monkeypatch.context() as patch:
            patch.setattr(journal.Journal, "end_all", _killed)
            with pytest.raises(Killed):
                shop.deliver()
        yield shop, server


def _killed(*_: Any) -> None:
    raise Killed


def keys(shop: Shop) -> list[str]:
    """What the rows of plans name people by."""
    [path] = (shop.settings.home / "plans" / "sendgrid").glob("*[0-9a-f].parquet")
    return pl.read_parquet(path)["key"].to_list()


def rotated(shop: Shop) -> Settings:
    """The settings of a rotation to the new key."""
    return shop.settings.model_copy(update={"hmac_key": SecretStr(NEW), "hmac_key_old": shop.settings.hmac_key})


def test_what_was_begun_is_settled_after_the_rotation(
    begun: tuple[Shop, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, server = begun
    before = keys(shop)
    monkeypatch.setattr(vault.configuration, "settle_env", lambda: None)
    vault.rotate(rotated(shop), new_key=False, dry_run=False)
    assert len({*before, *keys(shop)}) == 2 * len(PEOPLE)
    again = Shop(shop.settings.model_copy(update={"hmac_key": SecretStr(NEW)}), "sendgrid")
    [(plan,)] = again.rows("select plan_id from plans")
    assert again.deliver("run-2").plan_id is None
    assert again.rows("select plan_id, count(*), min(outcome) from receipts") == [(plan, len(PEOPLE), "accepted")]
    assert again.accepted() == PEOPLE
    assert set(server.vendor.standing()) == {f"{name}@example.test" for name in PEOPLE}
    assert len(server.written) == 2


def test_a_pseudonym_of_nobody_now_does_not_stay_and_other_keys_do(
    begun: tuple[Shop, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, _ = begun
    [path] = (shop.settings.home / "plans" / "sendgrid").glob("*[0-9a-f].parquet")
    known = keys(shop)
    frame = pl.read_parquet(path).with_columns(key=pl.Series([*known[:5], "c-17", "ab" * 32]))
    frame.write_parquet(path)
    monkeypatch.setattr(vault.configuration, "settle_env", lambda: None)
    vault.rotate(rotated(shop), new_key=False, dry_run=False)
    assert [len(one or "") for one in keys(shop)] == [64] * 5 + [4, 0]
    assert not {*known} & {*keys(shop)}
    assert pl.read_parquet(path)["customer_id"].to_list() == frame["customer_id"].to_list()


def test_a_rotation_that_is_tried_changes_no_plan(begun: tuple[Shop, Server]) -> None:
    shop, _ = begun
    before = keys(shop)
    vault.rotate(rotated(shop), new_key=False, dry_run=True)
    assert keys(shop) == before


def test_nothing_is_sent_while_a_rotation_is_not_complete(
    begun: tuple[Shop, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, server = begun
    monkeypatch.setattr("ingestion.rotation.vault.rekey", _killed)
    with pytest.raises(Killed):
        vault.rotate(rotated(shop), new_key=False, dry_run=False)
    calls = len(server.calls)
    with pytest.raises(SmaltiError, match="rotation of the key is not complete"):
        sync.run(rotated(shop), "sendgrid", AT.replace(tzinfo=None))
    assert len(server.calls) == calls
