import hashlib
import hmac
import logging
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion import vault
from ingestion.cast import normal_form

CANARY = "canary.7c1f@example.com"


def pseudonym(desk: Any, kind: str, value: str) -> str:
    key = bytes.fromhex(desk.settings.hmac_key.get_secret_value())
    return hmac.new(key, f"{kind}:{value}".encode(), hashlib.sha256).hexdigest()


def bytes_below(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_raw_holds_the_hmac_of_the_normal_form_and_the_vault_the_value(desk: Any) -> None:
    row = desk.contact(1, email=" Ann@Example.COM\t", phone="07700 900123", last_name="De  La Cruz", street="")
    desk.csv("contacts_2026-08-01.csv", "crm_contacts", [row])
    desk.load("crm_contacts")
    expected = {
        ("email", "ann@example.com"),
        ("phone", "+447700900123"),
        ("name", "ann"),
        ("name", "de la cruz"),
    }
    assert desk.raw("crm_contacts", "email_hmac, phone_hmac, first_name_hmac, last_name_hmac, street_hmac") == [
        (
            pseudonym(desk, "email", "ann@example.com"),
            pseudonym(desk, "phone", "+447700900123"),
            pseudonym(desk, "name", "ann"),
            pseudonym(desk, "name", "de la cruz"),
            None,
        )
    ]
    assert {(kind, value) for kind, _, value, _ in desk.vault()} == expected
    assert all(digest == pseudonym(desk, kind, value) for kind, digest, value, _ in desk.vault())


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("email", "A.b@X.org", "a.b@x.org"),
        ("email", "no-at.example.com", None),
        ("email", "two@at@x.org", None),
        ("phone", "+44 (0)20 7946 0958", "+442079460958"),
        ("phone", "0049 30 123456", "+4930123456"),
        ("phone", "020 7946 0958", "+442079460958"),
        ("phone", "n/a", None),
        ("name", " ANN\u00a0 Lee ", "ann lee"),
        ("birth_date", "1980-02-03", "1980-02-03"),
    ],
)
def test_direct_identifiers_have_one_normal_form(kind: str, text: str, expected: str | None) -> None:
    assert duckdb.execute(f"select {normal_form(kind, '$text')}", {"text": text}).fetchall() == [(expected,)]


def test_an_email_that_is_none_becomes_null_and_its_row_loads(desk: Any) -> None:
    desk.csv("orders_2026-08-01.csv", "shop_orders", [desk.order(1, email="phone call")])
    assert desk.load("shop_orders").rows_loaded == 1
    assert desk.raw("shop_orders", "email_hmac") == [(None,)]


def test_a_canary_stands_in_the_vault_and_in_no_byte_of_raw_log_or_problem(
    desk: Any, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    rows = [
        desk.contact(1, email=CANARY),
        desk.contact(2, email=CANARY, created_at="x"),
        desk.contact(3, city=CANARY, created_at="x"),
        desk.contact(4, email=CANARY)[:-1],
        [*desk.contact(5, email=CANARY), "more"],
    ]
    desk.csv("contacts_2026-08-01.csv", "crm_contacts", rows, f'c6,"{CANARY}"x,\n')
    (desk.exports / "contacts_2026-08-02.csv").write_text(f"{CANARY},{CANARY}\n")
    outcome = desk.load("crm_contacts")
    assert (outcome.rows_loaded, outcome.rows_rejected, outcome.files_quarantined) == (1, 5, 1)
    assert CANARY in {row[2] for row in desk.vault()}
    name = CANARY.partition("@")[0]
    assert name.encode() not in bytes_below(desk.settings.raw)
    assert name not in caplog.text + "".join(capfd.readouterr()) + repr(outcome)
    shown = desk.raw("crm_contacts") + desk.rejects("crm_contacts")
    assert not any(name in str(value) for row in shown for value in row)


def test_the_vault_is_its_owners_alone_with_its_log(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.csv("orders_2026-08-01.csv", "shop_orders", [desk.order(1)])
    modes: list[int] = []
    create = vault._create

    def watched(path: Path) -> None:
        create(path)
        modes.append(path.stat().st_mode & 0o777)

    monkeypatch.setattr(vault, "_create", watched)
    real_attach = vault._attach

    def attach(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
        real_attach(connection, path)
        connection.execute("create table vault.probe as select 1 as one")
        modes.extend(file.stat().st_mode & 0o777 for file in path.parent.glob("vault.duckdb*"))

    monkeypatch.setattr(vault, "_attach", attach)
    desk.load("shop_orders")
    assert len(modes) == 3
    assert set(modes) == {0o600}
    assert desk.settings.vault.stat().st_mode & 0o777 == 0o600


def test_a_person_known_before_is_not_stored_again(desk: Any) -> None:
    desk.csv("orders_2026-08-01.csv", "shop_orders", [desk.order(1, email="a@b.org")])
    desk.load("shop_orders")
    before = desk.vault()
    desk.csv("contacts_2026-08-02.csv", "crm_contacts", [desk.contact(1, email="A@b.org", first_name="")])
    desk.load("crm_contacts")
    assert desk.vault() == before
