"""`docker-compose.yml` as Compose itself reads it, without an engine."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import compose
import pytest
import yaml
from dotenv import dotenv_values

from smalti import team_secrets

CHECKOUT = Path(__file__).resolve().parents[2]
COMPOSE = CHECKOUT / "docker-compose.yml"
EXAMPLE = CHECKOUT / "compose.env.example"
SECRETS = {name: f"canary{number}" for number, name in enumerate(dotenv_values(EXAMPLE))}
PARSE = """
import json, sys
from airflow.cli.cli_parser import get_parser
for arguments in json.load(sys.stdin):
    get_parser().parse_args(arguments)
    print(" ".join(arguments))
"""


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
    ours = {"api-server", "check-secrets", "dag-processor", "prepare", "scheduler"}
    assert set(services) == ours | {"exchange", "postgres", "reports"}
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


def test_the_example_lists_the_secrets_that_compose_asks_for_and_none_has_a_value() -> None:
    asked = set(re.findall(r"\$\{([A-Z_]+)", COMPOSE.read_text()))
    assert set(SECRETS) == asked == {*team_secrets.SHAPES, "SMALTI_HMAC_KEY", "SMALTI_NAMESPACE"}
    assert set(dotenv_values(EXAMPLE).values()) == {""}


def waits_for(services: Any, name: str) -> set[str]:
    """Every service that must have ended or be healthy before this one starts."""
    direct = set(services[name].get("depends_on", {}))
    return direct.union(*(waits_for(services, other) for other in direct))


def test_nothing_starts_before_the_secrets_are_checked(services: Any) -> None:
    check = services["check-secrets"]
    assert (check["entrypoint"], check["restart"], check["network_mode"]) == (["smalti", "check-secrets"], "no", "none")
    assert set(check["environment"]) == set(SECRETS)
    for name in set(services) - {"check-secrets"}:
        assert "check-secrets" in waits_for(services, name), f"{name} does not wait for check-secrets"
    assert services["postgres"]["depends_on"]["check-secrets"]["condition"] == "service_completed_successfully"


def test_every_service_that_stays_says_whether_it_is_healthy(services: Any) -> None:
    staying = {name for name, service in services.items() if service["restart"] != "no"}
    assert staying == set(services) - {"check-secrets", "prepare"}
    assert [name for name in staying if not services[name].get("healthcheck", {}).get("test")] == []


def test_every_image_is_pinned_to_a_version(services: Any) -> None:
    images = [service["image"] for service in services.values()]
    assert [image for image in images if not re.search(r":v?\d+\.\d+(\.\d+)?(-[a-z]+)?$", image)] == []


def airflow_commands(services: Any) -> list[list[str]]:
    """The arguments of every call of Airflow in the file: commands, steps of `prepare`, health checks."""
    steps = services["prepare"]["command"][-1].split("&&")
    found = [shlex.split(step)[1:] for step in steps if step.split()[0] == "airflow"]
    found += [services[name]["command"] for name in ("api-server", "scheduler", "dag-processor")]
    return [*found, services["dag-processor"]["healthcheck"]["test"][2:]]


def test_the_installed_airflow_knows_every_command_and_option(services: Any, tmp_path: Path) -> None:
    commands = airflow_commands(services)
    environment = os.environ | {"AIRFLOW_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", PARSE],
        input=json.dumps(commands),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert len(commands) == 6
    assert done.stdout.splitlines()[-6:] == [" ".join(command) for command in commands]


def test_the_scheduler_serves_the_health_that_is_asked_for(services: Any) -> None:
    assert services["scheduler"]["environment"]["AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK"] == "true"
    assert ":8974/health" in services["scheduler"]["healthcheck"]["test"][-1]


def test_what_is_not_ours_sees_single_folders_of_the_home(services: Any) -> None:
    home = {
        (name, mount.get("volume", {}).get("subpath"), mount.get("read_only", False))
        for name, service in services.items()
        for mount in service.get("volumes", [])
        if mount.get("source") == "home" and service["image"] != "smalti-airflow:3.3.2"
    }
    assert home == {("exchange", "drop", False), ("exchange", "published", True), ("reports", "reports", True)}
    made = services["prepare"]["command"][-1].split("&&")[0]
    assert [folder for _, folder, _ in home if f"/var/lib/smalti/{folder}" not in made] == []


def test_no_secret_has_a_default_or_stands_in_the_file() -> None:
    texts = [
        value
        for service in yaml.safe_load(COMPOSE.read_text())["services"].values()
        for name, value in service.get("environment", {}).items()
        if re.search("PASSWORD|SECRET|KEY|NAMESPACE|CONN", name) and name != "ROOT_ACCESS_KEY"
    ]
    assert len(texts) > len(SECRETS)
    assert all(re.search(r"\$\{[A-Z_]+:\?", text) for text in texts)


def test_every_port_is_reached_from_this_machine_only(services: Any) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert {port["host_ip"] for ports in published.values() for port in ports} == {"127.0.0.1"}
    assert set(published) == {"api-server", "exchange", "reports"}


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
