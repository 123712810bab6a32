"""dbt, one subprocess per phase: it holds the working file until it ends."""

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from warehouse import activations, content, process, thresholds
from warehouse.errors import SmaltiError
from warehouse.settings import CHECKOUT, Settings

PROJECT = CHECKOUT / "dbt_project"
SEGMENTS = PROJECT / "models" / "segments"
_OF_SEGMENTS = (
    "activations.csv",
    *content.FILES,
    "destinations.csv",
    "destination_attributes.csv",
    "holdouts.csv",
    thresholds.FILE.name,
)


def _dbt() -> str:
    return str(Path(sys.executable).with_name("dbt"))


def segment_names() -> list[str]:
    """The segments, found by discovery: one `.sql` file each."""
    return sorted(path.stem for path in SEGMENTS.glob("*.sql"))


def fingerprint() -> str:
    """A hash of everything that decides what the kept tables hold: where it changes, they are built again.

    Segments and what follows them keep nothing; a redefined segment has a fingerprint of its own.
    """
    kept = ("macros", "seeds", *(f"models/{folder}" for folder in ("staging", "input", "identity", "profiles")))
    files = sorted(path for folder in kept for path in (PROJECT / folder).iterdir() if path.name not in _OF_SEGMENTS)
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


class BuildFailed(SmaltiError):
    """Models or tests failed; of those that are segments the kind of error, by name."""

    def __init__(self, message: str, segments: dict[str, str]) -> None:
        """The message for a person, and the segments that are among what failed."""
        super().__init__(message)
        self.segments = segments


def copy_of(settings: Settings) -> Path:
    """Where the run keeps a copy of the project in which others stand in for segments that cannot be read."""
    return settings.home / "dbt_project"


def forget(settings: Settings) -> None:
    """Let dbt parse everything anew: what it keeps of one project it takes for true of a copy with other sidecars."""
    (settings.home / "dbt" / "partial_parse.msgpack").unlink(missing_ok=True)


def _read(settings: Settings) -> Path:
    """The project that a run of this home reads."""
    copy = copy_of(settings)
    return copy if copy.exists() else PROJECT


def arguments(target_path: Path, project: Path | None = None) -> list[str]:
    """Options that every call of dbt in this project needs.

    Raises:
        SmaltiError: the seed of shared thresholds is wrong.
    """
    given = {
        "segments": segment_names(),
        "shared_thresholds": thresholds.values(PROJECT / "seeds" / thresholds.FILE.name),
    }
    return [
        *("--project-dir", str(project or PROJECT), "--profiles-dir", str(PROJECT)),
        *("--target-path", str(target_path), "--vars", json.dumps(given)),
    ]


def environment(settings: Settings) -> dict[str, str]:
    """The environment of a dbt process: the same settings, and the file that only dbt writes."""
    own = {"SMALTI_WORKING": str(settings.working), "DBT_LOG_PATH": str(settings.logs / "dbt")}
    own |= {"SMALTI_WORKING_SPILL": str(settings.engine["temp_directory"])}
    return os.environ | settings.environment() | own


def parse() -> int:
    """Parse the project against an in-memory target and return dbt's exit code; needs no settings and no file."""
    with tempfile.TemporaryDirectory() as target:
        options = ["--target", "memory", "--no-partial-parse", *arguments(Path(target))]
        quiet = os.environ | {"DBT_LOG_PATH": target}
        return subprocess.run(
            [_dbt(), "--quiet", "--no-version-check", "parse", *options], env=quiet, check=False
        ).returncode


def project() -> dict[str, Any]:
    """What dbt knows of the project, as its manifest: parsed against an in-memory target, no settings and no file.

    Raises:
        SmaltiError: the project cannot be parsed; `python -m warehouse.dbt` says why.
    """
    with tempfile.TemporaryDirectory() as target:
        options = ["--target", "memory", "--no-partial-parse", *arguments(Path(target))]
        quiet = os.environ | {"DBT_LOG_PATH": target}
        command = [_dbt(), "--quiet", "--no-version-check", "parse", *options]
        if subprocess.run(command, env=quiet, check=False, capture_output=True).returncode:
            raise SmaltiError(f"dbt cannot parse {PROJECT.name} · allowed: what `python -m warehouse.dbt` accepts")
        found: dict[str, Any] = json.loads((Path(target) / "manifest.json").read_text())
        return found


def artifact(path: Path) -> dict[str, Any]:
    """What dbt wrote there, as JSON; nothing where it wrote none, or was killed half way through."""
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return found


def compile(settings: Settings, name: str) -> dict[str, dict[str, Any]]:  # noqa: A001 - what dbt calls it
    """The model of that name and all that it reads, seeds included, as dbt's nodes with their compiled SQL, by id.

    Raises:
        SmaltiError: dbt failed; the message names the log.
    """
    target, log = settings.home / "dbt", settings.logs / "dbt.log"
    command = [_dbt(), "--no-version-check", "compile", *arguments(target, _read(settings)), "--select", f"+{name}"]
    code = process.start(command, environment(settings), log).wait()
    if code:
        raise SmaltiError(f"dbt compile ended with exit code {code}; see {log}")
    nodes = json.loads((target / "manifest.json").read_text())["nodes"]
    wanted, new = dict[str, dict[str, Any]](), {f"model.smalti.{name}"}
    while new:
        wanted |= {key: nodes[key] for key in sorted(new)}
        read = {key for name in new for key in nodes[name]["depends_on"].get("nodes", [])}
        new = {key for key in read if key in nodes} - set(wanted)
    return wanted


def describe(target: Path, log: Path) -> str:
    """The page that dbt makes of all models, columns and tests, as one HTML text; no row is read for it.

    dbt notes where it found the project and wrote the compiled SQL: both paths are made relative again.

    Raises:
        SmaltiError: dbt failed; the message names the log.
    """
    command = [_dbt(), "--no-version-check", "docs", "generate", "--static", "--empty-catalog"]
    command += ["--target", "memory", *arguments(target)]
    code = process.start(command, os.environ | {"DBT_LOG_PATH": str(target)}, log).wait()
    if code:
        raise SmaltiError(f"dbt docs ended with exit code {code}; see {log}")
    page = (target / "static_index.html").read_text()
    return page.replace(f"{target}{os.sep}", "").replace(str(PROJECT), PROJECT.name)


def build(
    settings: Settings,
    folders: Sequence[str],
    *,
    data_tests: bool = True,
    unit_tests: bool = False,
    left_out: Sequence[str] = (),
) -> int:
    """Build the models of these folders of `models/`, with their tests; return how many nodes succeeded.

    Models and seeds that are `left_out`, by name, stay as they are.

    Unit tests do not depend on data: they run when the project is tested, not when it runs.

    Raises:
        BuildFailed: a model or test failed, by name.
        SmaltiError: the seeds would send what may not be sent.
    """
    activations.refuse(PROJECT / "seeds")
    target = settings.home / "dbt"
    (target / "run_results.json").unlink(missing_ok=True)
    command = [_dbt(), "--no-version-check", "build", *arguments(target, _read(settings))]
    command += ["--select", *(f"path:{'' if folder == 'seeds' else 'models/'}{folder}" for folder in folders)]
    command += ["--exclude", *left_out] if left_out else []
    unwanted = [kind for kind, wanted in (("test", data_tests), ("unit_test", unit_tests)) if not wanted]
    command += ["--exclude-resource-type", *unwanted] if unwanted else []
    exit_code = process.start(command, environment(settings), settings.logs / "dbt.log").wait()
    return _succeeded(target / "run_results.json", exit_code, settings.logs / "dbt.log")


def _succeeded(results: Path, exit_code: int, log: Path) -> int:
    nodes = artifact(results).get("results", [])
    failed = [node for node in nodes if node["status"] in ("error", "fail", "runtime error")]
    if exit_code or failed or not nodes:
        known = artifact(results.with_name("manifest.json")).get("nodes", {}) if failed else {}
        told = ", ".join(_told(known, node["unique_id"]) for node in failed)
        what = f"failed: {told}" if failed else f"ended with exit code {exit_code} before any result"
        segments = {
            segment["name"]: _kind(node.get("message") or "")
            for node in failed
            for segment in _segments(known, node["unique_id"])
        }
        raise BuildFailed(f"dbt {what}; see {log}", segments)
    return sum(node["status"] in ("success", "pass") for node in nodes)


def _told(nodes: dict[str, Any], unique_id: str) -> str:
    """A model or test by name; of a segment also whose it is, so that its owner can be told."""
    name = unique_id.split(".")[2]
    owners = [
        f"segment {segment['name']}, owner {segment['config']['meta']['owner']}"
        for segment in _segments(nodes, unique_id)
    ]
    return f"{name} ({'; '.join(owners)})" if owners else name


def _segments(nodes: dict[str, Any], unique_id: str) -> list[dict[str, Any]]:
    """The segment that this is, or the segments that this test looks at."""
    is_test = unique_id.startswith("test.")
    concerned = nodes.get(unique_id, {}).get("depends_on", {}).get("nodes", []) if is_test else [unique_id]
    return [nodes[model] for model in concerned if nodes.get(model, {}).get("fqn", [""])[1:2] == ["segments"]]


def _kind(message: str) -> str:
    """The kind of a database's error; the rest of its message may quote a value."""
    found = re.search(r"^\s*(\w+ Error): ", message, re.MULTILINE) or re.search(r"^(\w+ Error) in ", message)
    return found[1] if found else "a data test is red"


if __name__ == "__main__":
    sys.exit(parse())
