"""Airflow's services: they run what is due, and leave nothing behind when they are ended."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
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

PATIENCE_SECONDS = 1500


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


@dataclass(frozen=True)
class Scheduled:
    """A home whose services are up, with an hourly run each minute and the nightly one of the last night."""

    home: Home
    leader: int

    def states(self, dag: str) -> list[str]:
        """States of the DAG's runs that have ended, oldest first."""
        found = (
            f"select state from dag_run where dag_id = '{dag}' and state in ('success', 'failed') order by run_after"
        )
        return services._query(self.home.path / "airflow" / "services", found)

    def published(self) -> list[str]:
        """Runs that have published, oldest first."""
        ended = "select run_id from runs where stage = 'publish' and status = 'ok' order by started_at"
        return [str(row[0]) for row in self.home.ledger(ended)]

    def running(self, stage: str) -> list[str]:
        """Runs that stand in this stage."""
        found = f"select run_id from runs where stage = '{stage}' and status = 'running'"
        return [str(row[0]) for row in self.home.ledger(found)]

    def until(self, reached: Callable[[], object]) -> None:
        """Wait, with patience, and say how runs have ended where it was in vain."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not reached():
            told = f"nightly {self.states('nightly')}, hourly {self.states('hourly')}, {self.published()}"
            assert time.monotonic() < deadline, told
            time.sleep(0.5)


@pytest.fixture
def scheduled(tmp_path: Path) -> Iterator[Scheduled]:
    """The services, up; whatever the test does, they are down after it."""
    more = {"SMALTI_SEGMENT_FLOOR": "10", "SMALTI_HOURLY_SCHEDULE": "* * * * *", "SMALTI_HOURLY_DEADLINE_MINUTES": "1"}
    home = Home(tmp_path / "home", more)
    simulate(home, tmp_path / "exports", customers=500, days=30)
    shutil.copytree(tmp_path / "exports", home.path / "drop")
    try:
        up = home.smalti("up", "--port", str(free_port()))
        assert up.returncode == 0, up.stderr
        leader = json.loads((home.path / "airflow" / "services.json").read_text())["pid"]
        yield Scheduled(home, leader)
    finally:
        home.smalti("down")


def slot_holder(home: Home) -> int | None:
    """The process that has the lock of the slot open: the task that runs."""
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            if any(file.readlink() == home.path / "slot.lock" for file in (entry / "fd").iterdir()):
                return int(entry.name)
    return None


@pytest.mark.slow
@pytest.mark.timeout(3 * PATIENCE_SECONDS)
def test_two_clocks_run_without_hurting_each_other_and_nothing_outlives_down(scheduled: Scheduled):
    home = scheduled.home
    scheduled.until(lambda: "success" in scheduled.states("nightly") and len(scheduled.published()) >= 4)
    assert set(scheduled.states("nightly") + scheduled.states("hourly")) == {"success"}
    kinds = [alert["kind"] for alert in json.loads(home.smalti("status", "--json").stdout)["alerts"]]
    # a minute is short for an hourly run on a busy machine, and the data ends before the clock's moment
    assert set(kinds) <= {"late", "stale"}
    moments = home.ledger("select substr(message, 1, 13) from runs where stage = 'publish' order by started_at")
    assert moments == sorted(moments)
    assert len(session.members(scheduled.leader)) > 3
    secret = home.path / "airflow" / "services" / "keys.json"
    login = home.path / "airflow" / "services" / "simple_auth_manager_passwords.json.generated"
    assert [oct(path.stat().st_mode & 0o777) for path in (secret, login)] == ["0o600"] * 2
    down = home.smalti("down")
    assert (down.returncode, down.stdout) == (0, "down\n")
    assert session.members(scheduled.leader) == []
    assert survivors(home) == []
    assert home.smalti("down").stdout == "nothing was up\n"


@pytest.mark.slow
@pytest.mark.timeout(3 * PATIENCE_SECONDS)
def test_a_killed_task_gives_the_turn_back_and_the_next_run_begins_at_once(scheduled: Scheduled):
    scheduled.until(lambda: scheduled.running("build_profiles"))
    (killed,) = scheduled.running("build_profiles")
    holder = slot_holder(scheduled.home)
    assert holder
    os.kill(holder, signal.SIGKILL)
    began = time.monotonic()
    scheduled.until(lambda: scheduled.running("load_raw"))
    assert time.monotonic() - began < 150  # without the turn given back it takes half an hour
    assert killed not in scheduled.running("load_raw")
    alerts = json.loads(scheduled.home.smalti("status", "--json").stdout)["alerts"]
    told = [(alert["run_id"], alert["stage"], alert["message"]) for alert in alerts if alert["kind"] == "failed"]
    assert told == [(killed, "build_profiles", "was cut short")]
    scheduled.until(scheduled.published)
