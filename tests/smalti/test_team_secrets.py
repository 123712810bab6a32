"""A team's services start with secrets only: what is missing, weak, well known or used twice is refused by name."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from smalti import team_secrets
from smalti.cli import app
from warehouse import settings as configuration
from warehouse.errors import SmaltiError
from warehouse.settings import create_env

OWN = {"SMALTI_HMAC_KEY": "0f1e2d3c4b5a6978" + "a9" * 24, "SMALTI_NAMESPACE": "9f1b6c1e-8a52-4f2b-9d8e-0c5d7f3a1b22"}


def refusal(**changed: str) -> str:
    """What the check says of fresh secrets with these changed."""
    with pytest.raises(SmaltiError) as refused:
        team_secrets.check(team_secrets.random() | changed, OWN)
    return str(refused.value)


def test_fresh_random_secrets_are_accepted_again_and_again() -> None:
    assert {team_secrets.check(team_secrets.random(), OWN) for _ in range(200)} == {7}


@pytest.mark.parametrize("name", team_secrets.SHAPES)
def test_each_secret_is_required(name: str) -> None:
    assert refusal(**{name: ""}).startswith(f"{name} is not set;")


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("POSTGRES_PASSWORD", "airflow", "holds the well-known word 'airflow'"),
        ("POSTGRES_PASSWORD", "changeme", "holds the well-known word 'changeme'"),
        ("POSTGRES_PASSWORD", "MyPassword1234567890abc", "holds the well-known word 'password'"),
        ("POSTGRES_PASSWORD", "a1b2c3d4e5f6a7b8c9", "must be 20 or more letters and digits"),
        ("POSTGRES_PASSWORD", "a1b2c3d4e5f6a7b8c9/@", "must be 20 or more letters and digits"),
        ("AIRFLOW_JWT_SECRET", "3f9c2a7e5b1d8046", "must be 32 or more characters without a blank"),
        ("AIRFLOW_FERNET_KEY", "3f9c2a7e5b1d8046" * 3, "must be 32 bytes in URL-safe base64"),
        ("AIRFLOW_SECRET_KEY", "a" * 63 + "b", "repeats itself"),
        ("EXCHANGE_SECRET_KEY", "0123456789abcdef" * 2, "repeats itself"),
    ],
)
def test_a_weak_secret_is_refused_by_its_rule(name: str, value: str, rule: str) -> None:
    message = refusal(**{name: value})
    assert f"{name} {rule}" in message
    assert message.count("; ") == 1 + rule.count("; "), "only this one is refused"
    assert len(value) < 8 or rule.endswith(f"{value!r}") or value not in message


@pytest.mark.parametrize(("name", "value"), [("SMALTI_HMAC_KEY", "00" * 32), ("SMALTI_NAMESPACE", "0" * 36)])
def test_smaltis_own_keys_may_not_be_made_up_either(name: str, value: str) -> None:
    with pytest.raises(SmaltiError, match=f"^{name} repeats itself"):
        team_secrets.check(team_secrets.random(), OWN | {name: value})


def test_a_secret_that_is_used_twice_is_refused() -> None:
    twice = team_secrets.random()["AIRFLOW_JWT_SECRET"]
    message = refusal(AIRFLOW_JWT_SECRET=twice, AIRFLOW_SECRET_KEY=twice)
    assert message.startswith("AIRFLOW_JWT_SECRET and AIRFLOW_SECRET_KEY are the same")
    assert twice not in message


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout's `.env` of the test's own, and nothing set outside it."""
    file = tmp_path / ".env"
    monkeypatch.setattr(configuration, "ENV_FILE", file)
    monkeypatch.setitem(configuration.Settings.model_config, "env_file", file)
    for name in (*team_secrets.SHAPES, *OWN):
        monkeypatch.delenv(name, raising=False)
    return file


def test_what_init_writes_for_a_team_passes_and_what_stood_stays(
    env_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_env(env_file)
    own = env_file.read_text()
    assert CliRunner().invoke(app, ["check-secrets"]).exit_code == 1
    create_env(env_file, team_secrets.random())
    assert env_file.read_text().startswith(own)
    assert oct(env_file.stat().st_mode & 0o777) == "0o600"
    result = CliRunner().invoke(app, ["check-secrets"])
    assert (result.exit_code, result.stdout) == (0, "7 secrets are fit for use\n")
    monkeypatch.setenv("POSTGRES_PASSWORD", "postgres")
    refused = CliRunner().invoke(app, ["check-secrets"])
    assert refused.exit_code == 1
    assert refused.stderr.startswith("error: POSTGRES_PASSWORD holds the well-known word 'postgres'")
