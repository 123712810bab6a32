"""Mailing the digest: only where a server is set, and what goes wrong hurts nobody. tests/tools mails to a real one."""

import socket
from datetime import UTC, datetime

import pytest

from reverse_etl.destination import Refused
from reverse_etl.options import Options, load
from smalti import alerts, mail, stages
from warehouse import ledger
from warehouse.settings import Settings

NOW = datetime(2026, 9, 1, 5, tzinfo=UTC)
STATED = {"HOST": "127.0.0.1", "SECURITY": "none", "SENDER": "shop@example.org", "TO": "crm@example.org"}


@pytest.fixture(autouse=True)
def _no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Options.model_config, "env_file", None)


@pytest.fixture
def down(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server is set, and nobody listens there."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        stated = STATED | {"PORT": str(one.getsockname()[1])}
    for option, value in stated.items():
        monkeypatch.setenv(f"SMALTI_DIGEST_{option}", value)


@pytest.fixture
def run(settings: Settings) -> stages.Run:
    """A run of which the ledger knows."""
    with ledger.stage(settings.ledger, "r", "deliver", "files") as row:
        row.rows_in = 0
    return stages.Run("r", None, None)


def test_without_a_server_nothing_is_mailed(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mail, "_try", lambda *_: pytest.fail("mailed"))
    assert mail.send(settings, "no-such-run", NOW) is None


@pytest.mark.usefixtures("down", "run")
def test_a_server_that_is_down_is_told_by_its_kind(settings: Settings):
    assert mail.send(settings, "r", NOW) == "ConnectionRefusedError"


@pytest.mark.usefixtures("down")
def test_a_digest_that_was_not_mailed_is_an_alert_and_the_report_stands(
    settings: Settings, run: stages.Run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("warehouse.settings.load", lambda: settings)
    stages.write_report(run)
    assert (settings.reports / "r" / "index.html").exists()
    (alert,) = alerts.latest(settings, 10)
    told = {name: alert[name] for name in ("kind", "stage", "message")}
    assert told == {"kind": "problem", "stage": "digest", "message": "ConnectionRefusedError"}


@pytest.mark.parametrize(
    ("stated", "why"),
    [
        ({"HOST": "mail.example.org"}, "security none is allowed on this machine only"),
        ({"TO": ""}, "sender and to are needed"),
        ({"TO": "crm@example.org\nBcc: someone@example.org"}, "SMALTI_DIGEST_TO"),
        ({"SENDER": "Shop <shop@example.org>"}, "SMALTI_DIGEST_SENDER"),
        ({"PORT": "0"}, "SMALTI_DIGEST_PORT"),
        ({"SECURITY": "ssl"}, "SMALTI_DIGEST_SECURITY"),
    ],
)
def test_what_is_not_allowed_is_named_without_its_value(
    stated: dict[str, str], why: str, monkeypatch: pytest.MonkeyPatch
):
    for option, value in (STATED | stated).items():
        monkeypatch.setenv(f"SMALTI_DIGEST_{option}", value)
    with pytest.raises(Refused, match=why) as refused:
        load(mail.DigestOptions)
    assert "example.org" not in str(refused.value)
