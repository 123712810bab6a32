"""The library that lets calls go wrong sees Python's and DuckDB's calls, and each fault is what it says."""

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion.filesystem import Contents
from ingestion.load import LoadError, plainly
from ingestion.sql import connect
from tests.ingestion.faults import preload
from tests.ingestion.faults.preload import Fault, compiled, environment
from tests.ingestion.faults.situations import settings
from warehouse.settings import Settings

CHECKOUT = Path(__file__).resolve().parents[3]
WRITE = """
import json, os, sys
from pathlib import Path
from tests.ingestion.faults.preload import Fault, arm
folder = Path(sys.argv[1])
arm(folder, 2, Fault[sys.argv[2]], folder.with_name("trace"))
told = []
file = os.open(folder / "file", os.O_WRONLY | os.O_CREAT)
for _ in range(3):
    try:
        told.append(os.write(file, b"12345678"))
    except OSError as error:
        told.append(error.strerror)
print(json.dumps(told))
"""
ENGINE = """
import sys
from pathlib import Path
from tests.ingestion.faults import test_preload
test_preload.{what}(Path(sys.argv[1]))
"""
FULL, BROKEN = "No space left on device", "Input/output error"


def run(folder: Path, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    home = folder / "home"
    home.mkdir()
    command = [sys.executable, "-c", code, str(home), *arguments]
    variables = environment(compiled(folder))
    return subprocess.run(command, cwd=CHECKOUT, env=variables, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    ("fault", "code", "told", "size"),
    [
        (Fault.NONE, 0, [8, 8, 8], 24),
        (Fault.KILL_BEFORE, -signal.SIGKILL, None, 0),
        (Fault.KILL_AFTER, -signal.SIGKILL, None, 4),
        (Fault.IO_ERROR, 0, [BROKEN, 8, 8], 16),
        (Fault.FULL_ONCE, 0, [FULL, 8, 8], 16),
        (Fault.FULL_ON, 0, [4, FULL, FULL], 4),
        (Fault.SHORT, 0, [4, 8, 8], 20),
    ],
)
def test_a_fault_is_what_it_says(tmp_path: Path, fault: Fault, code: int, told: Any, size: int) -> None:
    done = run(tmp_path, WRITE, fault.name)
    assert done.returncode == code, done.stderr
    assert (json.loads(done.stdout) if done.stdout else None) == told
    assert (tmp_path / "home" / "file").stat().st_size == size
    marked = [call.nth for call in preload.calls(tmp_path / "trace") if call.is_wrong]
    assert marked == {Fault.NONE: [], Fault.FULL_ON: [2, 3, 4]}.get(fault, [2])


def _cramped(home: Path) -> Settings:
    return settings(home, memory_limit="60MB")


def _spill(config: Settings) -> None:
    with connect(config, config.home / "spill", config.home, Contents()) as connection:
        connection.execute("create table t as select hash(range) as a, hash(range + 1) as b from range(6_000_000)")


def everything(home: Path) -> None:
    """What a load does to files, by Python and by DuckDB."""
    preload.arm(home, 0, Fault.NONE, home.with_name("trace"))
    for name in ("a", "b"):
        (home / name).mkdir()
        (home / name / "file").write_text("x")
    (home / "a" / "file").replace(home / "b" / "file")
    (home / "b" / "file").unlink()
    (home / "a").rmdir()
    with duckdb.connect(str(home / "vault.duckdb")) as connection:
        connection.execute("create table t as select 1 as a")
    duckdb.execute(f"copy (select 1 as a) to '{home / 'p.parquet'}' (format parquet)")
    _spill(_cramped(home))


def full(home: Path) -> None:
    """Spill into a disk that is full by then: the create and the first half of a write still pass."""
    preload.arm(home, 3, Fault.FULL_ON, home.with_name("trace"))
    with pytest.raises(LoadError, match=r"^\w+ in DuckDB · s · allowed: enough memory and disk"):
        plainly("s", lambda: _spill(_cramped(home)))


def test_calls_of_python_and_of_duckdb_are_counted(tmp_path: Path) -> None:
    done = run(tmp_path, ENGINE.format(what="everything"))
    assert done.returncode == 0, done.stderr
    seen = Counter(
        (call.operation, Path(call.path).relative_to(tmp_path / "home").parts[0])
        for call in preload.calls(tmp_path / "trace")
    )
    python = {("mkdir", "a"), ("create", "a"), ("write", "a"), ("rename", "b"), ("unlink", "b"), ("rmdir", "a")}
    engine = {("create", "p.parquet"), ("write", "p.parquet"), ("pwrite", "vault.duckdb"), ("fsync", "vault.duckdb")}
    spill = {("mkdir", "spill"), ("create", "spill"), ("pwrite", "spill")}
    assert not (python | engine | spill) - set(seen)
    assert seen["pwrite", "spill"] > 10


def test_a_disk_that_is_full_while_it_spills_ends_a_load_with_a_clean_error(tmp_path: Path) -> None:
    done = run(tmp_path, ENGINE.format(what="full"))
    assert done.returncode == 0, done.stderr
    assert any(call.is_wrong and "spill" in call.path for call in preload.calls(tmp_path / "trace"))
