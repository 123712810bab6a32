"""Airflow's services on this machine, for scheduled runs: up, and down again without a trace."""

import base64
import json
import secrets
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from smalti import orchestrator, session
from warehouse import lease, slot
from warehouse.errors import SmaltiError
from warehouse.settings import CHECKOUT, Settings

HOST = "127.0.0.1"
_UP_SECONDS, _DOWN_SECONDS = 150.0, 20.0
_POLL_SECONDS = 0.25


@dataclass(frozen=True)
class Services:
    """Where the services answer, the file with the login, the scheduled DAGs, and the log."""

    address: str
    login: Path
    dags: list[str]
    log: Path


@dataclass(frozen=True)
class _Leader:
    """The process that leads the services' session; with start and boot its number is unmistakable."""

    pid: int
    started: int
    boot: str
    port: int


def up(settings: Settings, port: int = 8080) -> Services:
    """Start Airflow's api server, scheduler and DAG processor; wait until they answer and know every DAG.

    They have a home and a database of their own: a scheduler would carry on the runs that it finds in the
    database of `smalti run`, so that their tasks would run twice.

    Raises:
        SmaltiError: they are up already, the port is taken, or they do not answer in time.
        Busy: a run holds the slot.
        RunFailed: Airflow's database could not be made.
    """
    _not_up(settings)
    _free(port)
    log = settings.logs / "airflow-services.log"
    with slot.take(settings):
        _not_up(settings)
        lease.release(settings.ledger)  # nothing scheduled lives: whoever held the turn ended with the machine
        home = _home(settings)
        environment = _environment(settings, home, port)
        orchestrator.prepare(home, settings.logs, orchestrator.environment(settings, home), ())
        child = _start(environment | _secrets(home / "keys.json"), log)
        leader = _Leader(child.pid, session.started(child.pid) or 0, session.boot(), port)
        _write(_file(settings), asdict(leader))
        assert child.stdin is not None
        with child.stdin as line:
            line.write(b"noted\n")
    try:
        _wait(home, leader, log)
    except BaseException:
        down(settings)
        raise
    login = home / "simple_auth_manager_passwords.json.generated"
    return Services(_address(port), login, _scheduled(home), log)


def down(settings: Settings) -> bool:
    """End every process of the services; say whether there was any.

    SIGTERM to the leader, which ends the others in order; after a bounded wait SIGKILL to all that is left.
    """
    leader = _read(settings)
    pids = _living(leader)
    if leader and pids:
        if leader.pid in pids:
            session.end(leader.pid, _DOWN_SECONDS, spare=set(pids) - {leader.pid})
        session.end(leader.pid, 1.0)
    _file(settings).unlink(missing_ok=True)
    if pids:
        with slot.take(settings):
            lease.release(settings.ledger)  # a run that was cut short must not keep the next one waiting
    return bool(pids)


def _home(settings: Settings) -> Path:
    return settings.airflow / "services"


def _file(settings: Settings) -> Path:
    return settings.airflow / "services.json"


def _address(port: int) -> str:
    return f"http://{HOST}:{port}"


def _write(path: Path, found: dict[str, Any]) -> None:
    temporary = path.with_name(f"{path.name}.tmp")
    temporary.unlink(missing_ok=True)
    temporary.touch(mode=0o600)
    temporary.write_text(json.dumps(found))
    temporary.replace(path)


def _read(settings: Settings) -> _Leader | None:
    try:
        return _Leader(**json.loads(_file(settings).read_text()))
    except FileNotFoundError:
        return None


def _living(leader: _Leader | None) -> list[int]:
    """What lives of the services; nothing where the number now belongs to another program."""
    if leader is None or leader.boot != session.boot():
        return []
    if session.started(leader.pid) not in (None, leader.started):
        return []
    return session.members(leader.pid)


def _not_up(settings: Settings) -> None:
    leader = _read(settings)
    if leader and _living(leader):
        raise SmaltiError(f"the services are up already at {_address(leader.port)}; `smalti down` ends them")


def _free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise SmaltiError(f"port {port} of {HOST}: {error.strerror}; `--port` names another") from None


def _environment(settings: Settings, home: Path, port: int) -> dict[str, str]:
    return orchestrator.environment(settings, home) | {
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "2",  # the pool has one slot
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",  # a DAG that a person pauses stays paused
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{_address(port)}/execution/",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",  # after a power cut the next run waits that long
        "AIRFLOW__API__BASE_URL": _address(port),
        "AIRFLOW__API__HOST": HOST,
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__WORKERS": "1",
    }


def _secrets(path: Path) -> dict[str, str]:
    """Random keys, made once, mode 0600: what is signed or encrypted today is read after the next start too."""
    if not path.exists():
        _write(
            path,
            {
                "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
                "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
                "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            },
        )
    found: dict[str, str] = json.loads(path.read_text())
    return found


def _start(environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Start the leader in a session of its own, which outlives us; it waits for a line until its number is noted."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "smalti.components", orchestrator.airflow(), str(log)],
            cwd=CHECKOUT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _wait(home: Path, leader: _Leader, log: Path) -> None:
    begun, deadline = datetime.now(UTC), time.monotonic() + _UP_SECONDS
    while not (_answers(leader.port, begun) and _parsed(home)):
        if session.started(leader.pid) != leader.started:
            raise SmaltiError(f"the services ended while they started; see {log}")
        if time.monotonic() > deadline:
            raise SmaltiError(f"the services did not answer within {_UP_SECONDS:.0f} seconds; see {log}")
        time.sleep(_POLL_SECONDS)


def _answers(port: int, begun: datetime) -> bool:
    """Whether the api server answers and the scheduler's and DAG processor's heartbeats are of this start."""
    try:
        with urllib.request.urlopen(f"{_address(port)}/api/v2/monitor/health", timeout=5) as answer:  # noqa: S310  # ours
            health = json.load(answer)
    except (OSError, ValueError):
        return False
    beats = [health[part].get(f"latest_{part}_heartbeat") for part in ("scheduler", "dag_processor")]
    return all(beat and datetime.fromisoformat(beat) >= begun for beat in beats)


def _parsed(home: Path) -> bool:
    """Whether every DAG is known, or the reason why it cannot be."""
    names = {path.stem for path in (CHECKOUT / "dags").glob("*.py")} - {"tasks", "clocks"}
    found = _query(home, "select dag_id from dag union select replace(filename, '.py', '') from import_error")
    return names <= set(found)


def _scheduled(home: Path) -> list[str]:
    return _query(home, "select dag_id from dag where not is_paused and not is_stale order by dag_id")


def _query(home: Path, sql: str) -> list[str]:
    with closing(sqlite3.connect(f"file:{home / 'airflow.db'}?mode=ro", uri=True, timeout=5)) as connection:
        return [str(row[0]) for row in connection.execute(sql)]
