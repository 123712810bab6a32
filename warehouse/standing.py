"""Which models stand as they were built: neither their text nor anything that they read is another than it was then.

What stands is left out of an hour's build. A model is built again with every model that it reads, and always where it
speaks of the run's moment; one that speaks of it by the end of the day alone stands within that day. Of a `refreshed`
model that does not stand, but reads nothing that changed for others than those whom the run touched, their rows are
built again and nobody else's. What it was built from is noted in the working file, beside the tables it speaks of: the
note is taken away before dbt begins and written once it has ended well, so whatever dies is built again.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from warehouse import arrivals, bags, dbt, refreshed, run
from warehouse.pseudonyms import key_id
from warehouse.settings import Settings

_CONTROL = "source('ops', 'control')"
# they tell new rows from known ones: where no row is new, they say nothing of the moment
_OF_NEWS = ("macro.smalti.is_new", "macro.smalti.run_number", "macro.smalti.written_before")
# it speaks of the moment, but is the same all day
_DAY_END = "macro.smalti.day_end"
_NOTES = "create table if not exists ops.standing (node varchar primary key, built_from varchar)"
Nodes = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Project:
    """dbt's graph as its last process left it in `target`; nothing is known before the first."""

    nodes: Nodes
    macros: Nodes

    @classmethod
    def read(cls, target: Path, folders: Collection[str]) -> "Project":
        """The models and seeds of these folders, in the order in which they read each other."""
        known = dbt.artifact(target / "manifest.json") or {"nodes": {}, "macros": {}}
        nodes = {
            name: node
            for name, node in known["nodes"].items()
            if node["resource_type"] in ("model", "seed") and _folder(node) in folders
        }
        return cls(dict(_in_order(nodes)), known["macros"])

    def speaks_of_moment(self, node: dict[str, Any]) -> bool:
        """Whether the model reads the control row, itself or by a macro, for more than to tell what is new."""
        if _CONTROL in node.get("raw_code", ""):
            return True
        called = self._called(node, {*_OF_NEWS, _DAY_END})
        return any(_CONTROL in self.macros[name]["macro_sql"] for name in called)

    def speaks_of_day(self, node: dict[str, Any]) -> bool:
        """Whether the model reads the end of the run's day, itself or by a macro."""
        return _DAY_END in self._called(node, set())

    def _called(self, node: dict[str, Any], passed: set[str]) -> set[str]:
        """The macros that it calls and that these call, but for those passed over."""
        called, found = list(node["depends_on"].get("macros", [])), set[str]()
        while called:
            name = called.pop()
            if name not in found | passed and name in self.macros:
                found.add(name)
                called += self.macros[name]["depends_on"]["macros"]
        return found


def _folder(node: dict[str, Any]) -> str:
    return "seeds" if node["resource_type"] == "seed" else str(node["fqn"][1])


def _in_order(nodes: Nodes) -> Iterable[tuple[str, dict[str, Any]]]:
    """Each after what it reads."""
    done: set[str] = set()
    while len(done) < len(nodes):
        for name, node in nodes.items():
            if name not in done and not ({*_read(node)} & nodes.keys()) - done:
                done.add(name)
                yield name, node


def _read(node: dict[str, Any]) -> list[str]:
    found: list[str] = node["depends_on"].get("nodes", [])
    return found


def build(settings: Settings, folders: Sequence[str], *, data_tests: bool) -> int:
    """Build the models of these folders that do not stand; with data tests, as at night, all of them.

    Returns how many nodes of dbt succeeded.

    Raises:
        SmaltiError: a model or test failed, as `warehouse.dbt.build` says it.
    """
    left_out = _begin(settings, folders, everything=data_tests)
    built = dbt.build(settings, folders, data_tests=data_tests, left_out=left_out)
    _end(settings, folders)
    return built


def _begin(settings: Settings, folders: Sequence[str], *, everything: bool) -> list[str]:
    """What stands, by name, and is left out; the notes of all others are gone. In a full run nothing stands."""
    project = Project.read(settings.home / "dbt", folders)
    with run.working(settings) as connection:
        connection.execute(_NOTES)
        [(is_full,)] = connection.execute("select is_full from ops.control").fetchall()
        stand = set() if is_full or everything else _stand(connection, settings, project)
        of_day = {name for name, node in project.nodes.items() if project.speaks_of_day(node)}
        refreshed.bind(connection, {} if is_full or everything else project.nodes, stand, of_day)
        connection.execute("delete from ops.standing where not list_contains(?, node)", [list(stand)])
    return sorted(project.nodes[name]["name"] for name in stand)


def _end(settings: Settings, folders: Sequence[str]) -> None:
    """Note what the models of these folders, which are as the open run wants them, were built from."""
    project = Project.read(settings.home / "dbt", folders)
    with run.working(settings) as connection:
        now = {name: text for name, text in _built_from(connection, settings, project, ()).items() if text}
        rows = [list(now), list(now.values())]
        connection.execute("insert or replace into ops.standing select unnest(?), unnest(?)", rows)


def _stand(connection: duckdb.DuckDBPyConnection, settings: Settings, project: Project) -> set[str]:
    known = dict(connection.execute("from ops.standing").fetchall())
    now = _built_from(connection, settings, project, arrivals.delivering(connection, settings))
    stand = set[str]()
    for name, node in project.nodes.items():
        models = {read for read in _read(node) if not read.startswith("source.")}
        if now[name] and known.get(name) == now[name] and models <= stand:
            stand.add(name)
    return stand


def _built_from(
    connection: duckdb.DuckDBPyConnection, settings: Settings, project: Project, delivering: Collection[str]
) -> dict[str, str | None]:
    """Of each model what it and its sources are now; None where it is built in any case."""
    sources = _Sources(connection, delivering)
    keys = f"{duckdb.__version__} {key_id(settings.hmac_key)} {settings.namespace.get_secret_value()}"
    [(as_of,)] = connection.execute("select as_of from ops.control").fetchall()
    found = dict[str, str | None]()
    for name, node in project.nodes.items():
        read = [source for source in _read(node) if source.startswith("source.") and not source.endswith("ops.control")]
        states = [sources.state(source) for source in read]
        if None in states or project.speaks_of_moment(node):
            found[name] = None
            continue
        digest = hashlib.sha256((dbt.PROJECT / node["original_file_path"]).read_bytes())
        digest.update("\0".join((keys, *map(str, states))).encode())
        if project.speaks_of_day(node):
            digest.update(str(refreshed.day(as_of)).encode())
        found[name] = digest.hexdigest()
    return found


class _Sources:
    """What sources hold now: raw and arrivals by the files that they name, the small others by their rows."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, delivering: Collection[str]) -> None:
        self._connection, self._delivering = connection, delivering
        self._states = dict[str, str | None]()

    def state(self, source: str) -> str | None:
        """The same text as long as the source is the same; None where rows are new in the open run."""
        if source not in self._states:
            schema, table = source.split(".")[-2:]
            self._states[source] = self._of(schema, table)
        return self._states[source]

    def _of(self, schema: str, table: str) -> str | None:
        if schema not in ("raw", "arrivals"):
            return self._rows(schema, table)
        if table in self._delivering:
            return None
        return "nothing is new" if schema == "arrivals" else self._files(table)

    def _files(self, table: str) -> str:
        found = self._connection.execute(
            "select sha256(sql) from duckdb_views() where schema_name = 'raw' and view_name = ?", [table]
        ).fetchall()
        return str(found)

    def _rows(self, schema: str, table: str) -> str:
        relation = f'{schema}."{table}"'
        columns = [str(name) for name, *_ in self._connection.execute(f"describe from {relation}").fetchall()]
        return str(bags.whole(self._connection, relation, columns))
