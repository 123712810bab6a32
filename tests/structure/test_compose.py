"""`docker-compose.yml` as Compose itself reads it, without an engine."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import compose
import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
COMPOSE = CHECKOUT / "docker-compose.yml"
SECRETS = {
    "POSTGRES_PASSWORD": "canarypassword",
    "AIRFLOW_FERNET_KEY": "canaryfernet",
    "AIRFLOW_JWT_SECRET": "canaryjwt",
    "AIRFLOW_SECRET_KEY": "canarysecret",
    "SMALTI_HMAC_KEY": "canaryhmac",
    "SMALTI_NAMESPACE": "canarynamespace",
}


def config(folder: Path, secrets: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """What `docker compose config` says, with these secrets and no `.env`."""
    (folder / "docker-compose.yml").write_text(COMPOSE.read_text())
    # the program inside the package: its Python entry point swallows the exit code
    command = [Path(compose.__file__).with_name("docker-compose"), "config", "--format", "json"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)} | secrets
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def services(tmp_path: Path) -> Any:
    """The services with all secrets set."""
    done = config(tmp_path, SECRETS)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["services"]


def test_compose_accepts_the_file_when_the_secrets_are_set(services: Any) -> None:
    assert sorted(services) == ["api-server", "dag-processor", "migrate", "postgres", "scheduler"]
    assert services["postgres"]["image"] == "postgres:17"
    assert {services[name]["environment"]["AIRFLOW__CORE__EXECUTOR"] for name in ("api-server", "scheduler")} == {
        "LocalExecutor"
    }


@pytest.mark.parametrize("missing", SECRETS)
@pytest.mark.parametrize("value", [None, ""], ids=["absent", "empty"])
def test_compose_refuses_to_start_without_each_secret(tmp_path: Path, missing: str, value: Any) -> None:
    secrets = {name: text for name, text in SECRETS.items() if name != missing} | (
        {} if value is None else {missing: value}
    )
    done = config(tmp_path, secrets)
    assert done.returncode != 0
    assert f"required variable {missing} is missing a value" in done.stderr


def test_no_secret_has_a_default_or_stands_in_the_file() -> None:
    texts = [
        value
        for service in yaml.safe_load(COMPOSE.read_text())["services"].values()
        for name, value in service.get("environment", {}).items()
        if re.search("PASSWORD|SECRET|KEY|NAMESPACE|CONN", name)
    ]
    assert len(texts) > len(SECRETS)
    assert all(re.search(r"\$\{[A-Z_]+:\?", text) for text in texts)


def test_airflow_is_reached_from_this_machine_only(services: Any) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert {port["host_ip"] for ports in published.values() for port in ports} == {"127.0.0.1"}
    assert list(published) == ["api-server"]


def test_every_folder_that_is_mounted_is_there_and_read_only(services: Any, tmp_path: Path) -> None:
    mounts = [v for service in services.values() for v in service.get("volumes", []) if v["type"] == "bind"]
    assert mounts
    for mount in mounts:
        assert (CHECKOUT / Path(mount["source"]).relative_to(tmp_path)).is_dir()
        assert mount["read_only"]


def test_the_image_is_the_airflow_of_the_lock() -> None:
    locked = re.search(r'name = "apache-airflow"\nversion = "([^"]+)"', (CHECKOUT / "uv.lock").read_text()).group(1)
    assert f"FROM apache/airflow:{locked}-python3.11" in (CHECKOUT / "Dockerfile").read_text()
    assert f"image: smalti-airflow:{locked}" in COMPOSE.read_text()


def test_neither_keys_nor_state_enter_the_image() -> None:
    ignored = (CHECKOUT / ".dockerignore").read_text().splitlines()
    assert ".*" in ignored  # .env, .smalti, .venv, .git
    assert [line for line in ignored if line.startswith("!")] == ["!.env.example"]
