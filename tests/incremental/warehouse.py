"""The dbt project in memory: its compiled SQL, run by hand, so that a thousand histories take seconds.

In production dbt runs for real; what dbt's materializations do is done here by a few lines, on the same compiled text.
"""

import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Self

import duckdb
import polars as pl
import yaml
from pydantic import SecretStr

from ingestion import source
from segmentation import definition
from segmentation.alone import stands_alone
from segmentation.render import Published, render
from segmentation.shape import shape
from warehouse import arrivals, dbt, durable, examined, links, pseudonyms, refreshed, run, scores, separations
from warehouse.examined import Examined
from warehouse.settings import Settings

Node = dict[str, Any]
MEASURED_OF = {"model.smalti.customers", "model.smalti.customer_events", "source.smalti.ops.control"}
EDGE = re.compile(r"ops\"?\.\"?control\"?\) *- *((?:[0-9.]+ *\* *)?interval *'?[0-9]+'? *[a-z]+)")
UNTIL = "_until"  # beside the columns of raw: the batch that took the row's file back
FOLDERS = ("staging", "input", "identity", "profiles", "segments", "memberships", "activation")
SETTINGS = Settings(
    home=Path("unused"),
    hmac_key=SecretStr("ab" * 32),
    namespace=SecretStr("6f3c1a52-6f0e-4d5e-9d54-2f6d8f2b7a10"),
)


@cache
def _stands_alone(segment: str) -> bool:
    """As a run finds it before it builds."""
    tables = {path.stem: path.stem for path in (dbt.PROJECT / "models").rglob("*.sql")}
    known = Published(tables, {name: name for name in scores.TABLES}, {})
    return stands_alone(shape(segment, render(definition.read(segment), known, with_sieve=False)).steps)


@cache
def compiled(target: Path) -> list[Node]:
    """The models, after those that they read, with their compiled SQL for a database in memory."""
    command = [str(Path(sys.executable).with_name("dbt")), "--quiet", "--no-version-check", "compile"]
    options = ["--target", "memory", *dbt.arguments(target)]
    subprocess.run([*command, *options], env=dbt.environment(SETTINGS.model_copy(update={"home": target})), check=True)
    nodes = json.loads((target / "manifest.json").read_text())["nodes"]
    models = {name: node for name, node in nodes.items() if node["resource_type"] == "model" and _wanted(node)}
    return _ordered(models)


def _wanted(node: Node) -> bool:
    return str(node["path"]).split("/")[0] in FOLDERS


def _ordered(models: dict[str, Node]) -> list[Node]:
    done: dict[str, Node] = {}
    while len(done) < len(models):
        ready = [n for n, node in models.items() if n not in done and _needs(node, models) <= set(done)]
        assert ready, "a circle"
        done |= {name: models[name] for name in sorted(ready)}
    return list(done.values())


def _needs(node: Node, models: dict[str, Node]) -> set[str]:
    # segments are built after the profiles, and ask whom the run touched
    others = {"model.smalti.touched", "model.smalti.customers_history"} if node["fqn"][1] == "segments" else set()
    return {name for name in {*node["depends_on"]["nodes"], *others} if name in models}


@dataclass
class Warehouse:
    """A database in memory that runs are made in; `changed` replaces SQL of a model, to see that a fault is noticed."""

    models: list[Node]
    changed: dict[str, tuple[str, str]] = field(default_factory=dict)
    connection: duckdb.DuckDBPyConnection = field(default_factory=duckdb.connect)
    control: run._Control = field(default_factory=run._Control)
    same: set[str] = field(default_factory=set)  # what this run left as it was, but for those whom it touched
    is_noted: bool = False  # whether the run before ended: of one that died nothing stands

    @classmethod
    def of(cls, models: list[Node], exports: dict[str, pl.DataFrame], **changed: tuple[str, str]) -> Self:
        """A warehouse with these raw rows, `_batch` numbered by the run before which they are loaded."""
        made = cls(models, changed)
        # a fault may join everybody with everybody: it ends for want of memory, and fills no disk
        made.connection.execute("set TimeZone = 'UTC'; set threads = 2; set memory_limit = '4GB'")
        made.connection.execute("set temp_directory = ''")
        pseudonyms.bind(made.connection, SETTINGS)
        schemas = {str(node["schema"]) for node in models}
        for schema in schemas | {
            "ops",
            "raw",
            "arrivals",
            "exports",
            "durable",
            "ledger",
            "links",
            "scores",
            "seeds",
            "segment_measures",
        }:
            made.connection.execute(f"create schema if not exists {schema}")
        made._load(exports)
        made._seeds()
        made._empty()
        return made

    def _load(self, exports: dict[str, pl.DataFrame]) -> None:
        for name in source.names():
            columns = source.load_source(name).contract.raw_columns()
            typed = ", ".join(f'"{column}" {kind}' for column, kind in {**columns, UNTIL: "integer"}.items())
            self.connection.execute(f'create table exports."{name}" ({typed})')
            if name in exports:
                rows = exports[name]
                assert set(rows.columns) <= {*columns, UNTIL}, name
                self.connection.execute(f'insert into exports."{name}" by name select * from rows')

    def _seeds(self) -> None:
        folder = dbt.PROJECT / "seeds"
        for seed in yaml.safe_load((folder / "_seeds.yml").read_text())["seeds"]:
            types = seed["config"]["column_types"]
            rows = "read_csv(?, nullstr = '', types = ?)"
            self.connection.execute(
                f"create table seeds.{seed['name']} as select * from {rows}", [f"{folder}/{seed['name']}.csv", types]
            )

    def _empty(self) -> None:
        run._control(self.connection)
        self.connection.execute("create table ops.lawful_bases (source varchar, purpose varchar, channel varchar)")
        self.connection.execute(
            "create table ledger.accepted"
            " (destination varchar, customer_id varchar, segment_ids varchar[], attributes varchar)"
        )
        separations.create(self.connection)
        # histories have too few people for sizes to be compared with
        examined.bind(self.connection, (Examined(name, comes_and_goes=True) for name in dbt.segment_names()))
        self._table("links.record_links", links.COLUMNS)
        for name, columns in scores.TABLES.items():
            self._table(f"scores.{name}", columns)
        for name, columns in durable.schemas().items():
            self._table(f"durable.{name}", columns)

    def _table(self, name: str, columns: dict[str, str]) -> None:
        typed = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
        self.connection.execute(f"create table {name} ({typed})")

    def run(self, batch: int, as_of: datetime, *, is_full: bool = False, until: str | None = None) -> None:
        """A run that sees the rows up to this batch and moment; it dies after the model `until`, where one is named."""
        seen = self.control.hi if self.control.done else self.control.lo
        is_done, is_full = self.control.done, is_full or self._is_corrected(seen, batch)
        self.control = run._next(self.control, "run", batch, as_of, "unchanged", is_full=is_full)
        self._open()
        self.same, self.is_noted = set(), is_done
        for node in self.models:
            self._build(node)
            if node["name"] == until:
                return
        self._keep()
        self.control = run.replace(self.control, done=True)

    def _is_corrected(self, seen: int, batch: int) -> bool:
        """As a run knows it from the manifests: a file was taken back since the batch that was seen."""
        found = [
            f'select 1 from exports."{name}" where {UNTIL} > {seen} and {UNTIL} <= {batch}' for name in source.names()
        ]
        return self.connection.execute(" union all ".join(found)).fetchone() is not None

    def _open(self) -> None:
        row = run.asdict(self.control) | {"segment_floor": 1}
        names, marks = ", ".join(row), ", ".join("?" for _ in row)
        self.connection.execute("delete from ops.control")
        self.connection.execute(f"insert into ops.control ({names}) values ({marks})", list(row.values()))
        since = None if self.control.is_full else (self.control.lo, self.control.prev_as_of)
        for name in source.names():
            contract = source.load_source(name).contract
            for schema, bound in (("raw", None), ("arrivals", since)):
                is_live = f"_batch <= {self.control.hi} and coalesce({UNTIL} > {self.control.hi}, true)"
                where = f"{is_live} and {arrivals.condition(contract, bound)}"
                body = f'select * exclude ({UNTIL}) from exports."{name}" where {where}'
                self.connection.execute(f'create or replace view {schema}."{name}" as {body}')

    def _build(self, node: Node) -> None:
        name, kind = f"{node['schema']}.{node['name']}", node["config"]["materialized"]
        old, new = self.changed.get(node["name"], ("", ""))
        text = str(node["compiled_code"])
        assert old in text, f"{name} has no {old!r}"
        sql = text.replace(old, new) if old else text
        if kind == "segment":
            self._segment(node, sql)
        elif kind in {"log", "per_customer"} or (kind == "refreshed" and self._is_changed_by_touched(node)):
            self._add(name, kind, node, sql)
            self.same |= {str(node["unique_id"])} if kind != "log" else set()
        elif kind == "view":
            self.connection.execute(f"create or replace view {name} as {sql}")
        else:
            self._replace(name, node, sql)

    def _replace(self, name: str, node: Node, sql: str) -> None:
        """All of it; what comes to the same rows stands, which is what a run knows by the files."""
        found = "select count(*), sum(cast(hash(one) as hugeint)) from {name} as one"
        is_known = self.connection.execute(
            "select 1 from duckdb_tables() where schema_name || '.' || table_name = ?", [name]
        ).fetchall()
        before = self.connection.execute(found.format(name=name)).fetchall() if is_known and self.is_noted else None
        self.connection.execute(f"create or replace table {name} as {sql}")
        if before == self.connection.execute(found.format(name=name)).fetchall() or node["name"] == "touched":
            self.same.add(str(node["unique_id"]))

    def _is_changed_by_touched(self, node: Node) -> bool:
        """As `warehouse/refreshed.py` knows it."""
        read = {str(one) for one in node["depends_on"]["nodes"] if one.startswith("model.")}
        is_of_day = "macro.smalti.day_end" in node["depends_on"]["macros"]
        before, now = self.control.prev_as_of, self.control.as_of
        is_same_day = before is not None and now is not None and refreshed.day(before) == refreshed.day(now)
        return not self.control.is_full and read <= self.same and (is_same_day or not is_of_day)

    def _add(self, name: str, kind: str, node: Node, sql: str) -> None:
        if self.control.is_full:
            self.connection.execute(f"drop table if exists {name}")
            self._table(name, {column: of["data_type"] for column, of in node["columns"].items()})
        replaced = {
            "log": f"run_number >= {self.control.run_number}",
            **dict.fromkeys(("per_customer", "refreshed"), "customer_id in (select customer_id from identity.touched)"),
        }
        self.connection.execute(f"begin; delete from {name} where {replaced[kind]}")
        where = f"where {replaced[kind]}" if kind == "refreshed" else ""
        self.connection.execute(f"insert into {name} by name select * from ({sql}) {where}")
        self.connection.execute("commit")

    def _segment(self, node: Node, sql: str) -> None:
        """What it measures as a table, of which a run replaces the people of whom it may differ; the rule as a view."""
        name, read = node["name"], {str(one) for one in node["depends_on"]["nodes"]}
        if "\nmeasured as (" not in sql:
            self.connection.execute(f"create or replace view segment_rules.{name} as {sql}")
            return
        steps, _, rule = sql.rpartition(f"\n{name} as (")
        body, table = steps.rstrip().rstrip(",") + "\n\nselect * from measured", f"segment_measures.{name}"
        if self.control.is_full or read - MEASURED_OF or not _stands_alone(name):
            self.connection.execute(f"create or replace table {table} as {body}")
        else:
            self._measure_again(table, body)
        view = f"with measured as (select * from {table}), {name} as ({rule}"
        self.connection.execute(f"create or replace view segment_rules.{name} as {view}")

    def _measure_again(self, table: str, body: str) -> None:
        edges = "".join(
            " union select customer_id from identity.customer_events, ops.control"
            f" where occurred_at >= prev_as_of - {edge} and occurred_at <= as_of - {edge}"
            for edge in set(EDGE.findall(body))
        )
        self.connection.execute(
            "create or replace temp table evaluated as select customer_id from identity.touched union"
            " select customer_id from profiles.customers_history where valid_from = (select as_of from ops.control)"
            + edges
        )
        events = "(select * from identity.customer_events semi join evaluated using (customer_id))"
        replaced = re.sub(r'"?memory"?\."?identity"?\."?customer_events"?', events, body)
        assert replaced != body, table
        again = "where customer_id in (select customer_id from evaluated)"
        self.connection.execute(f"delete from {table} {again}")
        self.connection.execute(f"insert into {table} by name select * from ({replaced}) {again}")

    def _keep(self) -> None:
        for name, query in durable._KEEP.items():
            self.connection.execute(f"create table durable.kept as {query}")
            self.connection.execute(f"delete from durable.{name}")
            self.connection.execute(f"insert into durable.{name} by name select * from durable.kept")
            self.connection.execute("drop table durable.kept")

    def decisions(self) -> dict[str, pl.DataFrame]:
        """What the runs so far decided and raw cannot give back."""
        return {name: self.connection.execute(f"from durable.{name}").pl() for name in durable.schemas()}

    def restore(self, decisions: dict[str, pl.DataFrame]) -> None:
        """Begin with decisions of earlier runs, and no other trace of them."""
        for name, kept in decisions.items():
            assert not kept.is_empty() or name in {"merges", "message_intents"}  # nobody ships a trigger
            self.connection.execute(f"insert into durable.{name} by name select * from kept")

    def rows(self, sql: str) -> pl.DataFrame:
        """Rows in a fixed order."""
        return self.connection.execute(f"select * from ({sql}) order by all").pl()
