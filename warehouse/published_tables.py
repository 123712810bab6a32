"""Large tables of the published version: base, deltas and index as Parquet that versions share and nobody changes.

A publication writes the rows of the people whose rows changed, as a delta. The index says of each of them in which
delta their rows stand; who has none any more stands there without rows.
"""

import secrets
from dataclasses import dataclass, fields, replace
from pathlib import Path

import duckdb

from warehouse import atomic, bags
from warehouse.settings import Settings
from warehouse.sql import literal

# level 1 takes two thirds of the default's time and makes files of the same size
PARQUET = "format parquet, compression zstd, compression_level 1"
# each delta is one more file to read, and what the index hides is read in vain
_MOST_DELTAS, _LARGEST_SHARE = 48, 0.5
# what Parquet would give back as another type
_LOSSY = ("HUGEINT", "BIT", "INTERVAL", "ENUM", "UNION", "TIME_NS", "VARIANT")
KEYS = {"durable.customer_ids": "identifier_hash"}
_CATALOG = """
create table version.ops.table_files (
    name varchar, key varchar, shape varchar, row_count bigint, bag ubigint, base_file varchar, people bigint,
    bags_file varchar, index_file varchar, indexed bigint, is_restless boolean,
    delta_files varchar[]
)"""


@dataclass(frozen=True)
class Table:
    """A table to publish: its name, its rows in SQL, its columns, and the one whose rows change together, if any."""

    name: str
    rows: str
    columns: dict[str, str]
    key: str | None

    @property
    def changed(self) -> str:
        """The temporary table of the keys that changed."""
        return f"changed_{self.name.replace('.', '_')}"


@dataclass(frozen=True)
class Files:
    """What a version shows as one table, by names of files in `data/`, and what the next needs to tell a change.

    A table is restless if most people changed between two versions, as in what fades with time: until the next night
    nobody is compared, each version gets its own base.
    """

    name: str
    key: str | None
    shape: str
    row_count: int
    bag: int
    base_file: str
    people: int = 0
    bags_file: str | None = None
    index_file: str | None = None
    indexed: int = 0
    is_restless: bool = False
    delta_files: tuple[str, ...] = ()

    def named(self) -> set[str]:
        """The files without which it cannot be read or continued."""
        return {name for name in (self.base_file, self.bags_file, self.index_file, *self.delta_files) if name}


@dataclass(frozen=True)
class Written:
    """A table's files, whether it is known which people changed since the last version, and whether nobody did."""

    files: Files
    knows_changed: bool
    is_same: bool = False


Kept = dict[str, Written]


def write(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    shown: dict[str, str],
    unshown: dict[str, str],
    *,
    folds: bool,
) -> Kept:
    """Put tables, given by name and rows in SQL, into the attached `version`; return those that are files.

    Those unshown are kept as files, and the version only says so.
    """
    before, written = of(settings.current), {}
    writer = Writer(connection, settings.data, _run_id(connection), folds)
    for name, rows_sql in sorted((shown | unshown).items()):
        table = describe(connection, name, rows_sql)
        if _is_large(connection, settings, table):
            written[name] = writer.write(table, before.get(name))
            if name in shown:
                bind(connection, settings.data, table, written[name].files)
        elif name in shown:
            schema, _, short = name.partition(".")
            connection.execute(f'create table version.{schema}."{short}" as from {rows_sql}')
    keep(connection, [one.files for one in written.values()])
    return written


def _run_id(connection: duckdb.DuckDBPyConnection) -> str:
    [(run_id,)] = connection.execute("select run_id from working.ops.control").fetchall()
    return str(run_id)


def _is_large(connection: duckdb.DuckDBPyConnection, settings: Settings, table: Table) -> bool:
    """A file for each small table would cost more than its rows; what Parquet gives back as another type is copied."""
    if any(word in kind for kind in table.columns.values() for word in _LOSSY):
        return False
    [(count,)] = connection.execute(f"select count(*) from {table.rows}").fetchall()
    return bool(count >= settings.delta_from_rows)


def describe(connection: duckdb.DuckDBPyConnection, name: str, rows: str) -> Table:
    """A table by its rows: those of a person change together, or those of an identifier where a person may change."""
    columns = {column: kind for column, kind, *_ in connection.execute(f"describe from {rows}").fetchall()}
    keys = KEYS.get(name, "customer_id")
    return Table(name, rows, columns, keys if keys in columns else None)


@dataclass(frozen=True)
class Writer:
    """Writes the files of one publication; `folds` makes a new base of whatever has deltas or changed."""

    connection: duckdb.DuckDBPyConnection
    folder: Path
    run_id: str
    folds: bool

    def write(self, table: Table, before: Files | None) -> Written:
        """The files that show the table as it is now: those of before, one delta more, or a new base."""
        shape = f"{duckdb.__version__} {table.key} {table.columns}"
        rows, bag = bags.whole(self.connection, table.rows, list(table.columns))
        files = Files(table.name, table.key, shape, rows, bag, "")
        if before is None or before.shape != shape:
            return self._base(table, files)
        if (before.row_count, before.bag) == (rows, bag) and not (self.folds and before.delta_files):
            self.connection.execute(f"create or replace temp table {table.changed} as {_nobody(table)}")
            return Written(before, knows_changed=True, is_same=True)
        if table.key is None or self.folds or before.is_restless:
            return self._base(table, replace(files, is_restless=before.is_restless and not self.folds))
        return self._continue(table, files, self._with_bags(table, before))

    def _continue(self, table: Table, files: Files, before: Files) -> Written:
        """A delta of whoever changed; a new base where that is much, or much has come together."""
        bags.each(self.connection, table.rows, list(table.columns), str(table.key), "bags_now")
        changed = bags.compare(self.connection, self._bags(before), str(table.key), table.changed)
        if len(before.delta_files) < _MOST_DELTAS and changed + before.indexed <= _LARGEST_SHARE * before.people:
            now = replace(before, row_count=files.row_count, bag=files.bag)
            return Written(self._delta(table, now), knows_changed=True)
        is_restless = changed > _LARGEST_SHARE * before.people
        return replace(self._base(table, replace(files, is_restless=is_restless)), knows_changed=True)

    def _base(self, table: Table, files: Files) -> Written:
        return Written(replace(files, base_file=self._copy(table, "base", f"from {table.rows}")), knows_changed=False)

    def _with_bags(self, table: Table, before: Files) -> Files:
        """The bags of a base are counted when it is first needed to know who changed."""
        if before.bags_file:
            return before
        base = self._read(before.base_file)
        people = bags.each(self.connection, base, list(table.columns), str(table.key), "bags_before")
        return replace(before, people=people, bags_file=self._copy(table, "bags", "from bags_before"))

    def _delta(self, table: Table, before: Files) -> Files:
        number = len(before.delta_files) + 1
        those = f"join {table.changed} as changed on {_same(table.key, 'kept', 'changed')}"
        rows = f"select kept.*, {number} as _delta from {table.rows} as kept semi {those}"
        index = f'select "{table.key}", {number} as _delta, bag from {table.changed}'
        if before.index_file:
            index += f" union all from {self._read(before.index_file)} as kept anti {those}"
        files = replace(before, delta_files=(*before.delta_files, self._copy(table, "delta", rows)))
        files = replace(files, index_file=self._copy(table, "index", index))
        [(indexed,)] = self.connection.execute(f"select count(*) from {self._read(str(files.index_file))}").fetchall()
        return replace(files, indexed=indexed)

    def _bags(self, before: Files) -> str:
        """The bags of what the last version shows."""
        base = f'select kept."{before.key}", kept.bag from {self._read(str(before.bags_file))} as kept'
        if not before.index_file:
            return base
        index, same = self._read(before.index_file), _same(before.key, "kept", "newer")
        newer = f'select "{before.key}", bag from {index}'
        return f"{base} anti join {index} as newer on {same} union all {newer}"

    def _read(self, name: str) -> str:
        return f"read_parquet({literal(self.folder / name)})"

    def _copy(self, table: Table, kind: str, query: str) -> str:
        """A name that was never used: what a version shows is not overwritten, whatever is repeated."""
        path = self.folder / f"{table.name}-{kind}-{self.run_id}-{secrets.token_hex(4)}.parquet"
        temporary = path.with_suffix(".tmp")
        self.connection.execute(f"copy ({query}) to {literal(temporary)} ({PARQUET})")
        atomic.sync(temporary)
        temporary.replace(path)
        return path.name


def rows(base: Path, index: Path | None, deltas: list[Path], key: str | None) -> str:
    """SQL for the rows that these files show."""
    shown = f"from read_parquet({literal(base)}) as base"
    if index is None:
        return shown
    index_rows = f"read_parquet({literal(index)}) as newer"
    listed = ", ".join(map(literal, deltas))
    return f"""{shown} anti join {index_rows} on {_same(key, "base", "newer")}
        union all by name
        select delta.* exclude (_delta) from read_parquet([{listed}]) as delta
        semi join {index_rows} on {_same(key, "delta", "newer")} and delta._delta = newer._delta"""


def bind(connection: duckdb.DuckDBPyConnection, folder: Path, table: Table, files: Files) -> None:
    """Make the view in the attached `version`."""
    index = folder / files.index_file if files.index_file else None
    shown = rows(folder / files.base_file, index, [folder / name for name in files.delta_files], files.key)
    columns = ", ".join(f'"{name}"' for name in table.columns)
    schema, _, name = table.name.partition(".")
    connection.execute(f'create view version.{schema}."{name}" as select {columns} from ({shown})')


def keep(connection: duckdb.DuckDBPyConnection, every: list[Files]) -> None:
    """Say in the attached `version` which files it rests on."""
    connection.execute(_CATALOG)
    marks = ", ".join("?" for _ in fields(Files))
    for files in every:
        values = [list(value) if isinstance(value, tuple) else value for value in vars(files).values()]
        connection.execute(f"insert into version.ops.table_files values ({marks})", values)


def of(version: Path) -> dict[str, Files]:
    """What a version shows, by table; without tables of which a file is not there."""
    data = version.resolve().parent / "data"
    return {files.name: files for files in _kept(version) if all((data / name).exists() for name in files.named())}


def _kept(version: Path) -> list[Files]:
    if not version.exists():
        return []
    names = ", ".join(field.name for field in fields(Files))
    with duckdb.connect(version, read_only=True) as connection:
        there = connection.execute("select 1 from duckdb_tables() where table_name = 'table_files'").fetchall()
        found = connection.execute(f"select {names} from ops.table_files").fetchall() if there else []
    values = [[*row[:-1], tuple(row[-1])] for row in found]
    return [Files(*row) for row in values]


def prune(settings: Settings, kept: list[Path]) -> None:
    """Remove the files that none of the kept versions names."""
    named = {name for version in kept for files in _kept(version) for name in files.named()}
    for path in settings.data.glob("*"):
        if not path.name.startswith("events-") and path.name not in named:
            path.unlink()


def _same(key: str | None, one: str, other: str) -> str:
    return f'{one}."{key}" is not distinct from {other}."{key}"'


def _nobody(table: Table) -> str:
    key = table.key or next(iter(table.columns))
    return f'select "{key}", cast(null as ubigint) as bag from {table.rows} limit 0'
