"""A PostgreSQL server of its own for the race, unpacked as `make test-tools` unpacks it, and what it costs."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil

from benchmarks.peers.work import NotMeasured
from tests.tools import servers
from tests.tools.install import NotInstalled, install, installed

# as somebody who knows it sets it for queries over everything, on two cores of a machine with memory to spare
SETTINGS = {
    "shared_buffers": "2GB",
    "work_mem": "512MB",
    "maintenance_work_mem": "512MB",
    "effective_cache_size": "8GB",
    "max_wal_size": "8GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "synchronous_commit": "off",
    "fsync": "off",
    "random_page_cost": "1.1",
    "max_parallel_workers_per_gather": "1",
    "jit": "off",
}
_PAUSE_SECONDS = 0.3


class Server:
    """The processes of a running server."""

    def __init__(self, pid: int, connect: Any) -> None:
        """Its first process, and what connects to it."""
        self.connect = connect
        self._head = psutil.Process(pid)
        self._peak, self._ended = 0, threading.Event()

    def cpu(self) -> float:
        """CPU-seconds of all its processes so far, those that have ended included."""
        used = 0.0
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):
                used += sum(process.cpu_times()[:4])  # user, system, and both of children that were waited for
        return used

    def peak(self) -> int:
        """The most memory that all of them held at once, what they share counted once."""
        return self._peak

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look at the memory now and then."""
        watcher = threading.Thread(target=self._watch)
        watcher.start()
        try:
            yield
        finally:
            self._ended.set()
            watcher.join()

    def _watch(self) -> None:
        while not self._ended.wait(_PAUSE_SECONDS):
            held = 0
            for process in self._processes():
                with suppress(psutil.NoSuchProcess):
                    held += process.memory_full_info().pss
            self._peak = max(self._peak, held)

    def _processes(self) -> list[psutil.Process]:
        return [self._head, *self._head.children(recursive=True)]


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """A server on this machine's loopback, with its data in this folder.

    Raises:
        NotMeasured: PostgreSQL or its client cannot be had, or does not start.
    """
    try:
        root, plain = _unpacked("postgresql"), servers.without_root()
        bin_, environment = root / "usr/lib/postgresql/15/bin", _libraries(root)
        sys.path.append(str(_unpacked("psycopg")))
        connect = import_module("psycopg").connect
        data, number, log = folder / "data", servers.port(), folder / "postgresql.log"
        _make([*plain, bin_ / "initdb", "-D", data], environment)
        stated = SETTINGS | {"port": str(number), "listen_addresses": servers.LOOPBACK, "unix_socket_directories": ""}
        command: list[str | Path] = [
            *plain,
            bin_ / "postgres",
            "-D",
            data,
            *(f"--{name}={value}" for name, value in stated.items()),
        ]
        tool = servers.Tool("postgresql", command, lambda: "ready to accept" in log.read_text(), environment)
        url = f"postgres://race@{servers.LOOPBACK}:{number}/postgres"
        with servers.running(tool, folder):
            pid = int((data / "postmaster.pid").read_text().split()[0])
            server = Server(pid, lambda: connect(url, autocommit=True))
            with server.watched():
                yield server
    except (NotInstalled, servers.NotStarted) as error:
        raise NotMeasured(str(error)) from None


def _unpacked(name: str) -> Path:
    install(name)
    return installed(name)


def _libraries(root: Path) -> dict[str, str]:
    return {"LD_LIBRARY_PATH": ":".join(map(str, root.glob("usr/lib/*-linux-gnu"))), "PATH": os.environ["PATH"]}


def _make(command: Sequence[str | Path], environment: dict[str, str]) -> None:
    asked = ["--no-sync", "--auth=trust", "--username=race", "--locale=C", "--encoding=UTF8"]
    done = subprocess.run([*command, *asked], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise servers.NotStarted(f"initdb: {done.stderr[-200:]}")
