"""Airflow's services: they run what is due, and leave nothing behind when they are ended."""

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from typer.testing import CliRunner

from smalti import services, session
from smalti.cli import app
from tests.pipeline.home import Home
from tests.pipeline.shop import simulate
from tests.pipeline.watch import survivors
from warehouse.errors import SmaltiError
from warehouse.settings import CHECKOUT, Settings

PATIENCE_SECONDS = 360


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A session whose second process ignores SIGTERM and is in a group of its own, as Airflow's tasks are."""
    stubborn = "import os, signal, time; signal.signal(15, signal.SIG_IGN); os.setpgid(0, 0); print(); time.sleep(60)"
    leader = f"import subprocess, sys; subprocess.run([sys.executable, '-uc', {stubborn!r}])"
    child = subprocess.Popen([sys.executable, "-c", leader], start_new_session=True, stdout=subprocess.PIPE)
    assert child.stdout
    child.stdout.readline()
    yield child
    session.end(child.pid, 0.0)
    child.wait()
    child.stdout.close()


def known(settings: Settings, pid: int, **other: object) -> Path:
    """The file in which `up` keeps its leader."""
    leader = services._Leader(pid, session.started(pid) or 0, session.boot(), 8080)
    file = settings.airflow / "services.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(asdict(leader) | other))
    return file


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((services.HOST, 0))
        return int(probe.getsockname()[1])


def test_down_says_so_when_nothing_was_up(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(app, ["down"])
    assert (result.exit_code, result.stdout) == (0, "nothing was up\n")


def test_down_ends_every_process_of_the_session(settings: Settings, sleeper: subprocess.Popen[bytes]):
    file = known(settings, sleeper.pid)
    assert len(session.members(sleeper.pid)) == 2
    assert services.down(settings)
    assert session.members(sleeper.pid) == []
    assert not file.exists()


def test_down_ends_what_outlived_its_leader(settings: Settings, sleeper: subprocess.Popen[bytes]):
    known(settings, sleeper.pid)
    sleeper.kill()
    sleeper.wait()
    assert len(session.members(sleeper.pid)) == 1
    assert services.down(settings)
    assert session.members(sleeper.pid) == []


@pytest.mark.parametrize("other", [{"started": 1}, {"boot": "another"}], ids=["start", "boot"])
def test_a_number_that_now_belongs_to_another_program_is_left_alone(
    settings: Settings, sleeper: subprocess.Popen[bytes], other: dict[str, object]
):
    file = known(settings, sleeper.pid, **other)
    assert not services.down(settings)
    assert len(session.members(sleeper.pid)) == 2
    assert not file.exists()


FAKE = """#!/bin/sh
case "$1" in
    scheduler) sleep {scheduler} ;;
    *) trap "" TERM; sleep 60 ;;
esac
"""


@pytest.fixture
def components(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """The leader, over components that only sleep: the scheduler for some seconds, the others for long, stubbornly."""
    started: list[subprocess.Popen[bytes]] = []

    def start(scheduler: int, line: bytes = b"noted\n") -> subprocess.Popen[bytes]:
        airflow = tmp_path / "airflow"
        airflow.write_text(FAKE.format(scheduler=scheduler))
        airflow.chmod(0o700)
        command = [sys.executable, "-c", QUICK, str(airflow), str(tmp_path / "log")]
        child = subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.PIPE, start_new_session=True)
        assert child.stdin
        with child.stdin as pipe:
            pipe.write(line)
        started.append(child)
        return child

    yield start
    for child in started:
        session.end(child.pid, 0.0)
        child.wait()


QUICK = """
import sys, pathlib
from smalti import components
components._PATIENCE_SECONDS = 0.5
sys.exit(components.hold(sys.argv[1], pathlib.Path(sys.argv[2])))
"""


def test_a_component_that_ends_ends_all(components: Callable[..., subprocess.Popen[bytes]]):
    leader = components(scheduler=1)
    assert leader.wait(timeout=20) == 1
    assert session.members(leader.pid) == []


def test_components_that_ignore_sigterm_end_too(components: Callable[..., subprocess.Popen[bytes]]):
    leader = components(scheduler=60)
    while len(session.members(leader.pid)) < 7:  # the leader, three shells, three sleeps
        assert leader.poll() is None
        time.sleep(0.02)
    leader.terminate()
    assert leader.wait(timeout=20) == 0
    assert session.members(leader.pid) == []


def test_a_leader_whose_number_was_not_noted_starts_nothing(
    components: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
):
    assert components(scheduler=60, line=b"").wait(timeout=20) == 1
    assert not (tmp_path / "log").exists()


def test_up_refuses_while_the_services_are_up(settings: Settings, sleeper: subprocess.Popen[bytes]):
    known(settings, sleeper.pid)
    with pytest.raises(SmaltiError, match=r"up already at http://127\.0\.0\.1:8080; `smalti down` ends them"):
        services.up(settings, free_port())


def test_up_names_a_port_that_is_taken(settings: Settings):
    with socket.socket() as taken:
        taken.bind((services.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SmaltiError, match=rf"port {port} of 127\.0\.0\.1: Address already in use"):
            services.up(settings, port)
    assert not settings.airflow.exists()


def successes(home: Home) -> list[str]:
    """States of the scheduled hourly runs that have ended, oldest first."""
    database = home.path / "airflow" / "services" / "airflow.db"
    found = "select state from dag_run where dag_id = 'hourly' and state in ('success', 'failed') order by run_after"
    return services._query(database.parent, found)


@pytest.mark.slow
@pytest.mark.timeout(PATIENCE_SECONDS + 200)
def test_scheduled_runs_succeed_one_after_the_other_and_nothing_outlives_down(tmp_path: Path):
    home = Home(tmp_path / "home", {"SMALTI_SEGMENT_FLOOR": "10", "SMALTI_HOURLY_SCHEDULE": "* * * * *"})
    simulate(home, tmp_path / "exports", customers=500, days=30)
    shutil.copytree(tmp_path / "exports", home.path / "drop")
    port = free_port()
    try:
        up = home.smalti("up", "--port", str(port))
        assert up.returncode == 0, up.stderr
        leader = json.loads((home.path / "airflow" / "services.json").read_text())["pid"]
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (ended := successes(home))[-3:] != ["success"] * 3:
            assert time.monotonic() < deadline, f"hourly runs ended as {ended}"
            time.sleep(1)
        assert len(session.members(leader)) > 3
        secret = home.path / "airflow" / "services" / "keys.json"
        login = home.path / "airflow" / "services" / "simple_auth_manager_passwords.json.generated"
        assert [oct(path.stat().st_mode & 0o777) for path in (secret, login)] == ["0o600"] * 2
    finally:
        down = home.smalti("down")
    assert (down.returncode, down.stdout) == (0, "down\n")
    assert session.members(leader) == []
    assert survivors(home) == []
    runs = home.ledger("select distinct run_id from runs where run_id like 'scheduled%' and stage = 'publish'")
    assert len(runs) >= 3
    assert home.version
    assert home.smalti("down").stdout == "nothing was up\n"
