"""Base, deltas and index: what a version shows is what the table holds, whatever changed and however often."""

import random
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from warehouse import atomic, bags, digest, durable, published_digest, published_place, published_tables
from warehouse.published_tables import Files
from warehouse.settings import Settings

COLUMNS = """
    customer_id varchar, kind varchar, amount double, price decimal(18, 2), seen_at timestamp, day date, is_new boolean,
    tags varchar[], detail struct(a integer, b varchar), number integer
"""
PEOPLE = 60


class Shop:
    """A working file whose tables change, and versions that are published of it."""

    def __init__(self, settings: Settings, seed: int = 0) -> None:
        self.settings = settings.model_copy(update={"delta_from_rows": 5})
        self.random = random.Random(seed)
        self.settings.data.mkdir(parents=True)
        self.connection = duckdb.connect()
        for statement in (
            "attach ':memory:' as working",
            *(f"create schema working.{schema}" for schema in ("profiles", "ops", "segments")),
            f"create table working.profiles.orders ({COLUMNS})",
            "create table working.profiles.graph (from_key varchar, to_key varchar)",
            "create table working.profiles.few as select 'c1' as customer_id, 1 as value",
            "create table working.profiles.customers (customer_id varchar, state varchar, spend double)",
            "create table working.profiles.identifiers (identifier_type text, identifier_hash text, customer_id text)",
            "create table working.ops.control as select '' as run_id",
        ):
            self.connection.execute(statement)
        self.add(*range(PEOPLE))

    def add(self, *people: int | None) -> None:
        """People with rows in every table; None are rows of nobody."""
        for person in people:
            name = None if person is None else f"c{person:03}"
            for number in range(self.random.randint(1, 4)):
                kind = self.random.choice(["a", "it's", None])
                self.connection.execute(
                    "insert into working.profiles.orders values (?, ?, ?, 1.25, timestamp '2026-01-01 10:00:00.123456',"
                    " date '2026-01-01', true, ['x', null], {'a': 1, 'b': 'y'}, ?)",
                    [name, kind, self.random.random(), number],
                )
            self.connection.execute("insert into working.profiles.graph values (?, 'k')", [name])
            if name:
                self.connection.execute("insert into working.profiles.customers values (?, 'active', 1.5)", [name])
                self.connection.execute("insert into working.profiles.identifiers values ('email', ?, ?)", [name, name])

    def change(self) -> None:
        """Some change, some go, some come, two rows swap a value, one person is merged into another."""
        some = [f"c{self.random.randrange(PEOPLE):03}" for _ in range(6)]
        orders = "working.profiles.orders"
        self.connection.execute(f"update {orders} set amount = random() where customer_id in (?, ?)", some[:2])
        self.connection.execute(f"update {orders} set number = 3 - number where customer_id = ?", [some[2]])
        for table in ("orders", "customers", "identifiers"):
            self.connection.execute(f"delete from working.profiles.{table} where customer_id = ?", [some[3]])
        self.connection.execute(f"update {orders} set customer_id = ? where customer_id = ?", some[4:])
        self.connection.execute("delete from working.profiles.customers where customer_id = ?", [some[5]])
        self.connection.execute(
            "update working.profiles.identifiers set customer_id = ? where customer_id = ?", some[4:]
        )
        self.connection.execute(
            "update working.profiles.customers set spend = random() where customer_id = ?", [some[0]]
        )
        self.add(self.random.randrange(PEOPLE, 2 * PEOPLE))

    def publish(self, name: str, *, folds: bool = False, run_id: str = "") -> published_tables.Kept:
        self.connection.execute("update working.ops.control set run_id = ?", [run_id or name])
        path = self.settings.published / f"{name}.duckdb"
        self.connection.execute(f"attach '{str(path).replace(chr(39), chr(39) * 2)}' as version")
        self.connection.execute("create schema version.profiles; create schema version.ops")
        tables = {
            f"profiles.{table}": f"working.profiles.{table}"
            for table in ("orders", "graph", "few", "customers", "identifiers")
        }
        kept = published_tables.write(self.connection, self.settings, tables, {}, folds=folds)
        self.said = published_digest.write(self.connection, self.settings, kept)
        published_place.write(self.connection, self.settings)
        self.connection.execute("detach version")
        atomic.point(self.settings.current, path)
        return kept

    def differences(self, version: Path | None = None) -> dict[str, int]:
        """Rows, by table, that the version has and the working file has not, or the reverse."""
        path = version or self.settings.current.resolve()
        self.connection.execute(f"attach '{path}' as shown (read_only)")
        found = {}
        for table in ("orders", "graph", "few", "customers", "identifiers"):
            one, other = f"from shown.profiles.{table}", f"from working.profiles.{table}"
            query = f"select count(*) from (({one} except all {other}) union all ({other} except all {one}))"
            [(found[table],)] = self.connection.execute(query).fetchall()
        self.connection.execute("detach shown")
        return {table: count for table, count in found.items() if count}

    def data(self) -> set[str]:
        return {path.name for path in self.settings.data.iterdir()}


@pytest.fixture
def shop(settings: Settings) -> Iterator[Shop]:
    made = Shop(settings)
    yield made
    made.connection.close()


@pytest.mark.parametrize("seed", range(8))
def test_every_version_shows_what_the_tables_held_then(settings: Settings, seed: int):
    shop = Shop(settings, seed)
    shop.add(None)
    kinds = set()
    held = {}
    for number in range(14):
        kept = shop.publish(f"v{number:02}", folds=number == 9)
        files = kept["profiles.orders"].files
        kinds.add((bool(files.delta_files), number == 9))
        assert shop.differences() == {}, number
        held[number] = shop.connection.execute(
            "select md5(string_agg(o::varchar, '' order by o)) from working.profiles.orders o"
        ).fetchall()
        for _ in range(shop.random.randint(0, 2)):
            shop.change()
    assert {(True, False), (False, True)} <= kinds, "deltas were written, and the night folded them"
    for number, then in held.items():
        with duckdb.connect(settings.published / f"v{number:02}.duckdb", read_only=True) as version:
            query = "select md5(string_agg(o::varchar, '' order by o)) from profiles.orders o"
            assert version.execute(query).fetchall() == then, number


def test_a_version_has_the_columns_and_types_of_the_tables(shop: Shop):
    shop.publish("v1")
    shop.change()
    shop.publish("v2")
    for table in ("orders", "graph", "few"):
        here = shop.connection.execute(f"describe working.profiles.{table}").fetchall()
        with duckdb.connect(shop.settings.current, read_only=True) as version:
            assert version.execute(f"describe profiles.{table}").fetchall() == here


def test_a_delta_holds_the_rows_of_those_who_changed_and_of_nobody_else(shop: Shop):
    shop.add(None)
    shop.publish("v1")
    shop.connection.execute("update working.profiles.orders set amount = -1 where customer_id = 'c007' and number = 0")
    shop.connection.execute("delete from working.profiles.orders where customer_id = 'c008'")
    files = shop.publish("v2")["profiles.orders"].files
    [delta] = files.delta_files
    people = f"select distinct customer_id from '{shop.settings.data / delta}'"
    assert shop.connection.execute(people).fetchall() == [("c007",)]
    index = f"select customer_id, bag is null from '{shop.settings.data / str(files.index_file)}' order by 1"
    assert shop.connection.execute(index).fetchall() == [("c007", False), ("c008", True)]


def test_without_a_change_no_file_is_written(shop: Shop):
    first = shop.publish("v1")
    before = shop.data()
    assert shop.publish("v2") == {
        name: published_tables.Written(one.files, knows_changed=True, is_same=True) for name, one in first.items()
    }
    assert shop.data() == before


def test_a_swap_of_values_between_rows_of_one_person_is_a_change(shop: Shop):
    shop.connection.execute("delete from working.profiles.orders where customer_id = 'c001'")
    for number, kind in enumerate(("a", "b")):
        shop.connection.execute(
            f"insert into working.profiles.orders (customer_id, kind, number) values ('c001', '{kind}', {number})"
        )
    shop.publish("v1")
    shop.connection.execute("update working.profiles.orders set number = 1 - number where customer_id = 'c001'")
    assert len(shop.publish("v2")["profiles.orders"].files.delta_files) == 1
    assert shop.differences() == {}


def test_values_that_rows_swap_change_every_bit_of_a_bag(shop: Shop):
    """A sum of hashes that are not mixed once more would keep its lowest bit whatever is swapped."""
    kept = 0
    for value in range(40):
        rows = [f"(from (values ({value}, {one}), (-1, {other})) as rows(a, b))" for one, other in ((1, 2), (2, 1))]
        (_, before), (_, after) = (bags.whole(shop.connection, each, ["a", "b"]) for each in rows)
        kept += (before ^ after) & 1 == 0
    assert 5 < kept < 35


def test_a_run_that_publishes_again_overwrites_nothing_that_is_shown(shop: Shop):
    shop.publish("v1", run_id="r")
    shop.change()
    shop.publish("v2", run_id="r")
    then = {path: path.read_bytes() for path in shop.settings.data.iterdir()}
    shop.change()
    shop.publish("v3", run_id="r")
    shop.publish("v4", run_id="r", folds=True)
    assert {path: path.read_bytes() for path in then} == then
    assert shop.differences() == {}


def test_where_most_people_change_there_is_a_new_base_and_until_the_night_nobody_is_compared(shop: Shop):
    shop.publish("v1")
    found = []
    for name in ("v2", "v3", "v4"):
        shop.connection.execute("update working.profiles.orders set amount = amount * 0.9")
        written = shop.publish(name, folds=name == "v4")["profiles.orders"]
        assert (written.files.delta_files, shop.differences()) == ((), {})
        found.append((written.files.is_restless, written.knows_changed))
    assert found == [(True, True), (True, False), (False, False)]


def test_deltas_that_add_up_become_a_base(shop: Shop):
    shop.publish("v0")
    counts = []
    for number in range(12):
        people = [f"c{person:03}" for person in range(5 * number, 5 * number + 5)]
        shop.connection.execute(
            "update working.profiles.orders set amount = -1 where list_contains(?, customer_id)", [people]
        )
        counts.append(len(shop.publish(f"v{number + 1}")["profiles.orders"].files.delta_files))
    assert counts == [1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5]
    assert shop.differences() == {}


def test_after_so_many_deltas_there_is_a_base(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(published_tables, "_MOST_DELTAS", 2)
    shop.publish("v0")
    counts = []
    for number in range(4):
        shop.connection.execute(f"update working.profiles.orders set amount = {number} where customer_id = 'c001'")
        counts.append(len(shop.publish(f"v{number + 1}")["profiles.orders"].files.delta_files))
    assert counts == [1, 2, 0, 1]


@pytest.mark.parametrize("kind", ["base_file", "bags_file", "index_file"])
def test_a_file_that_is_gone_makes_a_new_base(shop: Shop, kind: str):
    shop.publish("v1")
    shop.change()
    files = shop.publish("v2")["profiles.orders"].files
    (shop.settings.data / getattr(files, kind)).unlink()
    assert shop.publish("v3")["profiles.orders"].files.delta_files == ()
    assert shop.differences() == {}


def test_a_column_more_makes_a_new_base(shop: Shop):
    shop.publish("v1")
    shop.connection.execute("alter table working.profiles.orders add column later integer")
    assert shop.publish("v2")["profiles.orders"].files.delta_files == ()
    assert shop.differences() == {}


def test_a_table_that_parquet_would_change_is_copied(shop: Shop):
    shop.connection.execute("alter table working.profiles.orders add column big hugeint")
    shop.connection.execute("update working.profiles.orders set big = 170141183460469231731687303715884105727")
    assert "profiles.orders" not in shop.publish("v1")
    assert shop.differences() == {}


def test_files_that_no_kept_version_names_go_and_no_other(shop: Shop):
    for number in range(4):
        shop.publish(f"v{number}", folds=number == 2)
        shop.change()
    (shop.settings.data / "profiles.orders-base-killed-00000000.parquet").touch()
    (shop.settings.data / "profiles.orders-base-killed-00000000.tmp").touch()
    (shop.settings.data / "events-1-r.parquet").touch()
    kept = [shop.settings.published / f"v{number}.duckdb" for number in (1, 3)]
    published_tables.prune(shop.settings, kept)
    named = {name for path in kept for files in published_tables.of(path).values() for name in files.named()}
    assert shop.data() == named | {"events-1-r.parquet"}
    assert {name for name in shop.data() if "v1" in name and "delta" in name}, "what only the older of them names"
    for path in kept:
        with duckdb.connect(path, read_only=True) as version:
            version.execute("select * from profiles.orders").fetchall()


def test_a_version_that_was_missing_a_file_keeps_its_others(shop: Shop):
    files = shop.publish("v1")["profiles.orders"].files
    shop.change()
    second = shop.publish("v2")["profiles.orders"].files
    (shop.settings.data / str(second.index_file)).unlink()
    published_tables.prune(shop.settings, [shop.settings.published / "v2.duckdb"])
    assert {files.base_file, *second.delta_files} <= shop.data()


def test_the_digest_that_follows_the_change_is_that_from_scratch(shop: Shop):
    scratch = []
    for number in range(5):
        kept = shop.publish(f"v{number}")
        assert shop.said == digest.of(shop.connection, "working"), number
        scratch.append(not all(kept[name].knows_changed for name in ("profiles.customers", "profiles.identifiers")))
        shop.change()
    assert scratch == [True, False, False, False, False]


def test_the_digest_takes_nobody_from_a_version_of_another_definition(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    shop.publish("v1")
    shop.change()
    monkeypatch.setattr(digest, "_exact", lambda name, _: f"upper(cast(customers.{name} as varchar))")
    shop.publish("v2")
    assert shop.said == digest.of(shop.connection, "working")


def test_a_home_that_moved_is_followed(settings: Settings, tmp_path: Path):
    shop = Shop(settings.model_copy(update={"home": tmp_path / "o'ne"}))
    shop.publish("v1")
    shop.change()
    shop.publish("v2")
    moved = tmp_path / "two's"
    shop.settings.home.rename(moved)
    shop.settings = shop.settings.model_copy(update={"home": moved})
    before = {path: path.stat().st_mtime_ns for path in moved.glob("published/v*.duckdb")}
    with duckdb.connect(shop.settings.current, read_only=True) as version, pytest.raises(duckdb.IOException):
        version.execute("from profiles.orders")
    assert len(published_place.follow(shop.settings)) == 2
    assert {path: path.stat().st_mtime_ns for path in before} == before
    with duckdb.connect(shop.settings.current, read_only=True) as version:
        shown = version.execute("select count(*), round(sum(amount), 6) from profiles.orders").fetchall()
    assert (
        shown
        == shop.connection.execute("select count(*), round(sum(amount), 6) from working.profiles.orders").fetchall()
    )
    assert published_place.follow(shop.settings) == []
    shop.change()
    assert shop.publish("v3")["profiles.orders"].files.delta_files


def test_decisions_are_the_published_files_under_a_second_name(shop: Shop):
    shop.publish("v1")
    shop.change()
    files: Files = shop.publish("v2")["profiles.orders"].files
    folder = shop.settings.durable / "v2" / "exposures"
    folder.parent.mkdir(parents=True)
    durable._link(shop.settings.data, files, folder)
    (shop.settings.durable / "current").symlink_to("v2")
    assert {path.name for path in folder.iterdir()} == {"base.parquet", "index.parquet", "delta-001.parquet"}
    assert (folder / "base.parquet").samefile(shop.settings.data / files.base_file)
    for path in shop.settings.data.iterdir():
        path.unlink()
    query = durable._rows(shop.settings.durable / "current", "exposures")
    here = shop.connection.execute("select count(*), round(sum(amount), 6) from working.profiles.orders").fetchall()
    assert shop.connection.execute(f"select count(*), round(sum(amount), 6) from ({query})").fetchall() == here


@pytest.mark.parametrize("step", range(6))
def test_a_publication_that_dies_anywhere_leaves_the_last_version_whole(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, step: int
):
    shop.publish("v1")
    before, shown = shop.data(), shop.settings.published / "v1.duckdb"
    with duckdb.connect(shown, read_only=True) as version:
        then = version.execute("from profiles.orders order by all").fetchall()
    for table in ("orders", "identifiers"):
        shop.connection.execute(f"delete from working.profiles.{table} where customer_id = 'c003'")
    left = iter(range(step))
    real = atomic.sync

    def die(path: Path) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        real(path)

    monkeypatch.setattr(atomic, "sync", die)
    with pytest.raises(KeyboardInterrupt):
        shop.publish("v2")
    monkeypatch.setattr(atomic, "sync", real)
    shop.connection.execute("detach version")
    (shop.settings.published / "v2.duckdb").unlink()  # still aside when it died
    with duckdb.connect(shop.settings.current, read_only=True) as version:
        assert version.execute("from profiles.orders order by all").fetchall() == then
    shop.publish("v2")
    assert shop.differences() == {}
    published_tables.prune(shop.settings, [shown, shop.settings.published / "v2.duckdb"])
    named = {
        name
        for path in (shown, shop.settings.current)
        for one in published_tables.of(path).values()
        for name in one.named()
    }
    assert shop.data() == before | named
