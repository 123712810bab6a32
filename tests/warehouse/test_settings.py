"""Keys come from the environment or `.env`, and never change by themselves."""

from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from warehouse.settings import Settings, create_env

NAMESPACE = SecretStr("6f0d2b5c-94a7-4f6e-8f35-0c3d1f6a7b21")


def test_a_new_env_file_has_random_keys_that_only_its_owner_reads(tmp_path: Path):
    assert create_env(tmp_path / ".env")
    assert create_env(tmp_path / "other")
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / ".env").read_text() != (tmp_path / "other").read_text()


def test_keys_that_stand_there_stay(tmp_path: Path):
    create_env(tmp_path / ".env")
    before = (tmp_path / ".env").read_text()
    assert not create_env(tmp_path / ".env")
    assert (tmp_path / ".env").read_text() == before


def test_empty_keys_are_filled_in_and_the_rest_stays(tmp_path: Path):
    (tmp_path / ".env").write_text("SMALTI_CURRENCY=EUR\nSMALTI_HMAC_KEY=\n")
    assert create_env(tmp_path / ".env")
    lines = (tmp_path / ".env").read_text().splitlines()
    assert lines[0] == "SMALTI_CURRENCY=EUR"
    assert [line.split("=")[0] for line in lines[1:]] == ["SMALTI_HMAC_KEY", "SMALTI_NAMESPACE"]
    assert all(line.split("=")[1] for line in lines)


@pytest.mark.parametrize("key", ["", "ab" * 31, "zz" * 32])
def test_a_weak_key_is_refused(tmp_path: Path, key: str):
    with pytest.raises(ValidationError, match="64 hex digits"):
        Settings(home=tmp_path, hmac_key=SecretStr(key), namespace=NAMESPACE)


def test_no_secret_shows_in_what_is_printed(settings: Settings):
    assert "5a5a" not in repr(settings)
    assert NAMESPACE.get_secret_value() not in str(settings)


def test_a_child_process_gets_the_same_settings(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    assert Settings() == settings
