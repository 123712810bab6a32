"""Run a DAG through Airflow, without a server, and follow it through the ledger."""

import json
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from smalti.errors import RunFailed
from warehouse import lease, ledger, metrics, process, slot
from warehouse.settings import CHECKOUT, Settings

Row = dict[str, object]
_POLL_SECONDS = 0.25


def new_run_id(dag: str) -> str:
    """A name for this run: the DAG, the second it started, and a few random digits."""
    return f"{dag}-{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"


def execute(
    settings: Settings, dag: str, run_id: str, conf: dict[str, str], follow: Callable[[list[Row]], None]
) -> None:
    """Execute the DAG to its end under the slot; `follow` gets the run's ledger rows, again and again.

    Raises:
        Busy: another run holds the slot, or a scheduled one the turn.
        RunFailed: a step failed; the message is the step's own.
    """
    _refuse_while_scheduled(settings)  # before the wait for the slot, and once more with it
    with slot.take(settings) as descriptor:
        _refuse_while_scheduled(settings)
        home = settings.airflow / "runs"
        variables = environment(settings, home)
        held = () if descriptor is None else (descriptor,)
        if descriptor is not None:
            variables[slot.INHERITED] = str(descriptor)
        prepare(home, settings.logs, variables, held)
        log = settings.logs / f"{run_id}.log"
        command = [airflow(), "dags", "test", dag, "--conf", json.dumps(conf | {"run_id": run_id})]
        child = process.start(command, variables, log, held)
        while child.poll() is None:
            follow(ledger.stages(settings.ledger, run_id))
            time.sleep(_POLL_SECONDS)
        rows = ledger.stages(settings.ledger, run_id)
        follow(rows)
        if child.returncode or any(row["status"] == "failed" for row in rows):
            raise RunFailed(_reason(rows, child.returncode, log))


def _refuse_while_scheduled(settings: Settings) -> None:
    lease.refuse_while_held(settings.ledger, datetime.now(UTC).replace(tzinfo=None))


def airflow() -> str:
    """Airflow's command, of the environment that we run in."""
    return str(Path(sys.executable).with_name("airflow"))


def environment(settings: Settings, home: Path) -> dict[str, str]:
    """What an Airflow process with this home is given: our settings, and nothing outside `SMALTI_HOME`."""
    own = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(CHECKOUT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DEFAULT_TIMEZONE": "utc",
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "300",  # a busy machine takes more than the 30 seconds it allows
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(settings.logs / "airflow"),
    }
    return os.environ | settings.environment() | own | metrics.of_airflow(settings.statsd)


def prepare(home: Path, logs: Path, variables: dict[str, str], held: tuple[int, ...]) -> None:
    """Create Airflow's database and the pool of one slot; again from nothing where that was cut short.

    Raises:
        RunFailed: Airflow's own command failed; the message names the log.
    """
    ready = home / ".ready"
    if ready.exists():
        return
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    log = logs / "airflow-setup.log"
    for arguments in (("db", "migrate"), ("pools", "set", "warehouse", "1", "DuckDB admits one writing process")):
        code = process.start([airflow(), *arguments], variables, log, held).wait()
        if code:
            raise RunFailed(f"airflow {' '.join(arguments[:2])} ended with exit code {code}; see {log}")
    ready.touch()


def _reason(rows: list[Row], code: int, log: Path) -> str:
    failed = [row for row in rows if row["status"] in ("failed", "running")]
    if not failed:
        return f"Airflow ended with exit code {code}; see {log}"
    row = failed[-1]
    where = f"{row['stage']} {row['source']}".strip()
    return f"{where}: {row['message'] or 'was cut short'} (log: {log})"
