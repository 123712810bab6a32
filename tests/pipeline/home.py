"""One `SMALTI_HOME`, and what a person does with it: run commands, read what is published and what was sent."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

SMALTI = Path(sys.executable).with_name("smalti")
KEY, NAMESPACE = "5e" * 32, "9f1b6c1e-8a52-4f2b-9d8e-0c5d7f3a1b22"
Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Home:
    """A state folder with its own fixed keys; `more` are further settings."""

    path: Path
    more: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a command: nothing of the caller's settings."""
        outside = {name: value for name, value in os.environ.items() if not name.startswith(("SMALTI_", "AIRFLOW_"))}
        keys = {"SMALTI_HOME": str(self.path), "SMALTI_HMAC_KEY": KEY, "SMALTI_NAMESPACE": NAMESPACE}
        keys["SMALTI_LINKAGE"] = "false"  # the oracles know people by their identifiers
        return outside | keys | self.more

    def smalti(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        command = [str(SMALTI), *map(str, arguments)]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False, timeout=500)

    def start(self, *arguments: str | Path) -> subprocess.Popen[bytes]:
        """Start a command."""
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen([str(SMALTI), *map(str, arguments)], env=self.environment, **quiet)  # type: ignore[call-overload, no-any-return]

    def nightly(self, data: Path) -> dict[str, Any]:
        """A nightly run that must succeed, and what it came to."""
        return self.run("nightly", data)

    def run(self, dag: str, data: Path, *more: str) -> dict[str, Any]:
        """A run that must succeed, and what it came to."""
        ended = self.smalti("run", dag, "--data", data, "--json", *more)
        assert ended.returncode == 0, ended.stderr
        found: dict[str, Any] = json.loads(ended.stdout)
        return found

    @property
    def version(self) -> str | None:
        """The name of the published version."""
        current = self.path / "published" / "current.duckdb"
        return current.resolve().stem if current.exists() else None

    @contextmanager
    def published(self, version: str | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
        """A published version, read only; the current one where none is named."""
        with duckdb.connect(self.path / "published" / f"{version or 'current'}.duckdb", read_only=True) as connection:
            yield connection

    def query(self, sql: str, version: str | None = None) -> Rows:
        """Rows of a published version."""
        with self.published(version) as connection:
            return connection.execute(sql).fetchall()

    def columns(self) -> dict[str, set[str]]:
        """`schema.table` → its columns."""
        found: dict[str, set[str]] = {}
        for table, column in self.query(
            "select table_schema || '.' || table_name, column_name from information_schema.columns"
        ):
            found.setdefault(table, set()).add(column)
        return found

    def tables(self, version: str | None = None) -> dict[str, Rows]:
        """All published rows but those about runs; changes of the audience and of people are of one run too."""
        of_runs = {"activation.audience_changes", "profiles.identity_quality"}
        names = [name for name in self.columns() if not name.startswith("ops.") and name not in of_runs]
        return {name: self.query(f"select * from {name} order by all", version) for name in sorted(names)}

    def ledger(self, sql: str) -> Rows:
        """Rows of the ledger."""
        with closing(sqlite3.connect(self.path / "ledger.sqlite")) as book:
            return book.execute(sql).fetchall()

    def accepted(self) -> dict[tuple[str, str], list[str]]:
        """(destination, customer) → segments, as the destination last accepted them."""
        rows = self.ledger("select destination, customer_id, segment_ids from accepted")
        return {(destination, customer): json.loads(segments) for destination, customer, segments in rows}

    @property
    def latest(self) -> Path:
        """The newest delivery."""
        return self.path / "outbox" / "files" / "latest"

    def delivered(self) -> dict[str, bytes]:
        """Every file of the newest delivery."""
        return {
            str(path.relative_to(self.latest)): path.read_bytes()
            for path in sorted(self.latest.rglob("*"))
            if path.is_file()
        }
