"""Options of the places that take files: what is missing or not allowed is named, and never its value."""

import re

import pytest

from reverse_etl.destination import Refused
from reverse_etl.destinations.s3 import S3Options
from reverse_etl.destinations.sftp import SftpOptions
from reverse_etl.options import Options, load
from smalti.mail import DigestOptions
from warehouse.settings import CHECKOUT

PAGE = (CHECKOUT / "docs" / "destinations.md").read_text()
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
SFTP = {"HOST": "files.example.org", "HOST_KEY": HOST_KEY, "USER": "shop", "PASSWORD": "hush-hush"}
S3 = {"BUCKET": "exchange", "KEY_ID": "hush-id", "SECRET": "hush-hush", "ENDPOINT": "https://s3.example.org"}


@pytest.fixture(autouse=True)
def _no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Options.model_config, "env_file", None)


def stated(monkeypatch: pytest.MonkeyPatch, prefix: str, options: dict[str, str]) -> None:
    for option, value in options.items():
        monkeypatch.setenv(f"{prefix}{option}", value)


@pytest.mark.parametrize(("name", "kind"), [("sftp", SftpOptions), ("s3", S3Options), ("digest", DigestOptions)])
def test_every_option_stands_in_its_section_and_no_other(name: str, kind: type[Options]):
    named = set(re.findall(rf"SMALTI_{name.upper()}_[A-Z_]+", SECTIONS[name]))
    assert named == {f"{kind.model_config['env_prefix']}{field.upper()}" for field in kind.model_fields}


def test_a_complete_account_is_taken_and_printed_without_its_secrets(monkeypatch: pytest.MonkeyPatch):
    stated(monkeypatch, "SMALTI_SFTP_", SFTP)
    stated(monkeypatch, "SMALTI_S3_", S3)
    assert "hush" not in f"{load(SftpOptions)!r} {load(S3Options)!r}"


@pytest.mark.parametrize("missing", ["HOST", "HOST_KEY", "USER"])
def test_what_an_sftp_account_lacks_is_named(monkeypatch: pytest.MonkeyPatch, missing: str):
    stated(monkeypatch, "SMALTI_SFTP_", {name: value for name, value in SFTP.items() if name != missing})
    with pytest.raises(Refused, match=f"SMALTI_SFTP_{missing}: "):
        load(SftpOptions)


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"PASSWORD": ""}, "exactly one of password and key"),
        ({"KEY": "hush-hush"}, "exactly one of password and key"),
        ({"PASSWORD": "", "KEY": "hush-hush"}, "key must be the text of a private key"),
        ({"HOST_KEY": "hush-hush"}, "HOST_KEY: .*must be a public key"),
        ({"HOST_KEY": "ssh-ed25519 AAAA"}, "HOST_KEY: .*must be a public key"),
        ({"PORT": "65536"}, "PORT: "),
        ({"FOLDER": "/"}, "FOLDER: "),
        ({"FOLDER": "a/"}, "FOLDER: "),
    ],
)
def test_an_sftp_account_that_is_not_allowed_says_why(monkeypatch: pytest.MonkeyPatch, other: dict[str, str], why: str):
    stated(monkeypatch, "SMALTI_SFTP_", SFTP | other)
    with pytest.raises(Refused, match=why) as refused:
        load(SftpOptions)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"ENDPOINT": ""}, "ENDPOINT: "),
        ({"ENDPOINT": "http://s3.example.org"}, "must begin with https://"),
        ({"ENDPOINT": "https://hush@s3.example.org"}, "must begin with https://"),
        ({"ENDPOINT": "http://127.0.0.1.example.org"}, "must begin with https://"),
        ({"BUCKET": "a/b"}, "BUCKET: "),
        ({"PREFIX": "/a"}, "PREFIX: "),
        ({"PREFIX": "a//b"}, "PREFIX: "),
        ({"SECRET": ""}, "SECRET: "),
    ],
)
def test_an_s3_account_that_is_not_allowed_says_why(monkeypatch: pytest.MonkeyPatch, other: dict[str, str], why: str):
    stated(monkeypatch, "SMALTI_S3_", S3 | other)
    with pytest.raises(Refused, match=why) as refused:
        load(S3Options)
    assert "hush" not in str(refused.value)
