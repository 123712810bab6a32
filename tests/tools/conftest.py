"""The real tools, started once for all tests; one that is not here skips its tests, all of them fail the session."""

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.tools.install import NotInstalled, installed, node
from tests.tools.servers import FIGURES, LOOPBACK, NotStarted, Tool, answers, listens, port, running, without_root

TOOLS = {"postgresql", "unleash", "openssh", "moto", "maildev"}
RAN, SKIPPED = pytest.StashKey[set[str]](), pytest.StashKey[set[str]]()


@dataclass(frozen=True)
class Postgresql:
    """A database that any name may use."""

    url: str


@dataclass(frozen=True)
class Unleash:
    """A server with a token of an admin and one of an application."""

    url: str
    admin: str = "*:*.of-this-test"
    application: str = "default:development.of-this-test"


@dataclass(frozen=True)
class Openssh:
    """A server for files, an account on it, and a folder of its own."""

    port: int
    user: str
    key: Path
    host_key: str
    folder: Path


@dataclass(frozen=True)
class Moto:
    """An S3 server with an empty bucket."""

    url: str
    bucket: str = "exchange"


@dataclass(frozen=True)
class Maildev:
    """A mail server that keeps what it is sent, and where that is read."""

    smtp: int
    url: str
    user: str = "operator"
    password: str = "of-this-test"


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="session")
def postgresql(logs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgresql]:
    try:
        root, plain = installed("postgresql"), without_root()
        data, number = tmp_path_factory.mktemp("postgresql") / "data", port()
        bin_, environment = root / "usr/lib/postgresql/15/bin", _libraries(root)
        _make_database([*plain, bin_ / "initdb", "-D", data], environment)
        quick = {"port": number, "listen_addresses": LOOPBACK, "unix_socket_directories": "", "jit": "off"}
        stated = [f"--{name}={value}" for name, value in (quick | {"fsync": "off"}).items()]
        log = logs / "postgresql.log"
        ready = "ready to accept connections"
        tool = Tool(
            "postgresql", [*plain, bin_ / "postgres", "-D", data, *stated], lambda: _says(log, ready), environment
        )
        with running(tool, logs):
            yield Postgresql(f"postgres://tools@{LOOPBACK}:{number}/postgres")
    except (NotInstalled, NotStarted) as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def unleash(logs: Path, postgresql: Postgresql) -> Iterator[Unleash]:
    try:
        found = Unleash(f"http://{LOOPBACK}:{(number := port())}")
        environment = {
            "DATABASE_URL": postgresql.url,
            "DATABASE_SSL": "false",
            "INIT_ADMIN_API_TOKENS": found.admin,
            "INIT_FRONTEND_API_TOKENS": found.application,
            "HTTP_HOST": LOOPBACK,
            "HTTP_PORT": str(number),
            "CHECK_VERSION": "false",  # it asks nobody outside
            "SEND_TELEMETRY": "false",
        }
        command = [node(), installed("unleash") / "node_modules/unleash-server/dist/server.js"]
        with running(Tool("unleash", command, lambda: answers(f"{found.url}/health"), environment), logs):
            yield found
    except (NotInstalled, NotStarted) as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def openssh(logs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Openssh]:
    try:
        root, plain, folder, number = installed("openssh"), without_root(), tmp_path_factory.mktemp("openssh"), port()
        user = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        for name in ("host", "person"):
            _key(folder / name)
        (folder / "config").write_text(_CONFIG.format(port=number, folder=folder))
        (folder / "files").mkdir()
        command = [*plain, root / "usr/sbin/sshd", "-D", "-e", "-f", folder / "config"]
        with running(Tool("openssh", command, lambda: listens(number), _libraries(root)), logs):
            host_key = (folder / "host.pub").read_text()
            yield Openssh(number, user, folder / "person", host_key, folder / "files")
    except (NotInstalled, NotStarted) as error:
        pytest.skip(str(error))


_CONFIG = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/person.pub
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
Subsystem sftp internal-sftp
ForceCommand internal-sftp
"""


@pytest.fixture(scope="session")
def moto(logs: Path) -> Iterator[Moto]:
    found = Moto(f"http://{LOOPBACK}:{(number := port())}")
    command = [Path(sys.executable).with_name("moto_server"), "-p", str(number)]
    try:
        with running(Tool("moto", command, lambda: listens(number), {}), logs):
            httpx.put(f"{found.url}/{found.bucket}").raise_for_status()
            yield found
    except NotStarted as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def maildev(logs: Path) -> Iterator[Maildev]:
    try:
        smtp, web = port(), port()
        found = Maildev(smtp, f"http://{LOOPBACK}:{web}")
        command = [node(), installed("maildev") / "node_modules/maildev/bin/maildev", "--ip", LOOPBACK]
        command += ["--smtp", str(smtp), "--web", str(web), "--mail-directory", str(logs / "mail")]
        command += ["--incoming-user", found.user, "--incoming-pass", found.password]
        with running(Tool("maildev", command, lambda: answers(f"{found.url}/email") and listens(smtp), {}), logs):
            yield found
    except (NotInstalled, NotStarted) as error:
        pytest.skip(str(error))


def _make_database(command: list[str | Path], environment: dict[str, str]) -> None:
    asked = ["--no-sync", "--auth=trust", "--username=tools", "--locale=C", "--encoding=UTF8"]
    done = subprocess.run([*command, *asked], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotStarted(f"initdb: {done.stderr[-200:]}")


def _libraries(root: Path) -> dict[str, str]:
    return {"LD_LIBRARY_PATH": ":".join(map(str, root.glob("usr/lib/*-linux-gnu"))), "PATH": os.environ["PATH"]}


def _says(log: Path, words: str) -> bool:
    return log.exists() and words in log.read_text(errors="replace")


def _key(path: Path) -> None:
    if not shutil.which("ssh-keygen"):
        raise NotInstalled("ssh-keygen is not here; it is in Debian's openssh-client")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)


def pytest_configure(config: pytest.Config) -> None:
    """Nothing has run yet."""
    config.stash[RAN], config.stash[SKIPPED] = set(), set()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Any:
    """Remember which tools a test ran with, and which it was skipped for."""
    report = yield
    tools = TOOLS & set(getattr(item, "fixturenames", ()))
    if report.skipped:
        item.config.stash[SKIPPED] |= tools
    elif report.when == "call":
        item.config.stash[RAN] |= tools
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A session in which every tool was missing has shown nothing."""
    if session.config.stash[SKIPPED] and not session.config.stash[RAN]:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """What the tools cost."""
    for line in FIGURES:
        terminalreporter.write_line(line)
    if config.stash[SKIPPED] and not config.stash[RAN]:
        terminalreporter.write_line("no tool ran: the session fails", red=True)
