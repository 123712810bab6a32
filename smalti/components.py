"""The process that holds Airflow's components together: one that ends ends all, so that none runs alone unnoticed."""

import os
import signal
import sys
import threading
from pathlib import Path

from smalti import session
from warehouse import process

_POLL_SECONDS, _PATIENCE_SECONDS = 0.25, 8.0
COMPONENTS = (
    ("api-server",),
    ("scheduler", "--skip-serve-logs"),  # it would serve logs to other machines
    ("dag-processor",),
)


def hold(airflow: str, log: Path) -> int:
    """Run the components until one of them ends or SIGTERM comes, then end the whole session.

    Returns the exit code: 0 where we were asked to end, 1 where a component ended on its own.
    """
    if not sys.stdin.readline():
        return 1  # whoever started us ended before it could note our number
    asked = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: asked.set())
    os.umask(0o077)  # the login among others
    children = [process.start([airflow, *component], os.environ, log) for component in COMPONENTS]
    while all(child.poll() is None for child in children) and not asked.wait(_POLL_SECONDS):
        pass
    # tasks report their end to the api server: it goes last
    session.end(os.getpid(), _PATIENCE_SECONDS, spare={os.getpid(), children[0].pid})
    session.end(os.getpid(), _PATIENCE_SECONDS, spare={os.getpid()})
    return 0 if asked.is_set() else 1


if __name__ == "__main__":
    sys.exit(hold(sys.argv[1], Path(sys.argv[2])))
