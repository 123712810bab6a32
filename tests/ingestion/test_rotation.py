"""A rotation of the key: every pseudonym has its successor everywhere, the old one is nowhere, whatever is killed."""

import hashlib
import hmac
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pydantic import SecretStr

from ingestion import rotation
from warehouse import keys, manifest, run
from warehouse.errors import SmaltiError
from warehouse.settings import Settings

NEW = "7b" * 32
# of the people below: in the vault, in dbt's identifiers, or only in decisions
SEEN = [("user_id", "crm:c1"), ("anonymous_id", "cookie-1")]
MAILBOX = ("email", "johndoe@gmail.com")
CLEAR = [("email", "john.doe+x@gmail.com"), ("phone", "+447700900123"), ("name", "ann"), MAILBOX, *SEEN]


def pseudonym(key: str, kind: str, value: str) -> str:
    return hmac.new(bytes.fromhex(key), f"{kind}:{value}".encode(), hashlib.sha256).hexdigest()


def decide(settings: Settings, key: str) -> None:
    """What runs leave: identifiers of dbt, two folders of decisions, two published versions."""
    with run.working(settings) as connection:
        run._control(connection)
        connection.execute("insert into ops.control (run_id, hi, done, fingerprint) values ('r', 1, true, 'f')")
        connection.execute("create schema identity")
        connection.execute("create table identity.known_identifiers (identifier_type text, identifier_key text)")
        connection.executemany("insert into identity.known_identifiers values (?, ?)", SEEN)
    known = [(kind, pseudonym(key, kind, value), value) for kind, value in [*CLEAR[:1], *SEEN]]
    known.append(("anonymous_id", pseudonym(key, "anonymous_id", "of nobody now"), "of nobody now"))
    with duckdb.connect() as connection:
        connection.execute("create table ids (identifier_type text, identifier_hash text, customer_id text)")
        connection.executemany("insert into ids values (?, ?, ?)", known)
        for name in ("v1", "v2"):
            (settings.durable / name).mkdir(parents=True)
            connection.execute(f"copy ids to '{settings.durable / name / 'customer_ids.parquet'}' (format parquet)")
            settings.published.mkdir(exist_ok=True)
            path = settings.published / f"{name}.duckdb"
            connection.execute(f"attach '{path}' as version")
            connection.execute("create schema version.profiles; create schema version.ops")
            connection.execute("create table version.profiles.identifiers as from ids")
            connection.execute("create table version.ops.runs as select repeat('ab', 32) as input_hash")
            connection.execute("detach version")
            path.chmod(0o444)
    (settings.durable / "current").symlink_to("v2")
    (settings.published / "current.duckdb").symlink_to("v2.duckdb")


def fill(desk: Any) -> None:
    rows = [desk.contact(1, email="John.Doe+x@gmail.com", phone="07700 900123"), desk.contact(2, created_at="x")]
    desk.csv("contacts_2026-08-01.csv", "crm_contacts", rows)
    desk.csv("orders_2026-08-01.csv", "shop_orders", [desk.order(n) for n in range(3)])
    desk.csv("orders_2026-08-02.csv", "shop_orders", [desk.order(9)])
    for source in ("crm_contacts", "shop_orders"):
        desk.load(source)
    decide(desk.settings, desk.settings.hmac_key.get_secret_value())


def with_new_key(settings: Settings) -> Settings:
    return settings.model_copy(update={"hmac_key": SecretStr(NEW), "hmac_key_old": settings.hmac_key})


def everything(home: Path) -> bytes:
    """All bytes of a home, and all values in its tables: compressed pages hide a text from a search of bytes."""
    found = [path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file() and not path.is_symlink()]
    with duckdb.connect() as connection:
        read = [connection.execute(f"from read_parquet('{path}')").fetchall() for path in home.rglob("*.parquet")]
        found.append(repr(read).encode())
        for path in home.rglob("*.duckdb"):
            connection.execute(f"attach '{path}' as held (read_only)")
            tables = connection.execute(
                "select schema_name, table_name from duckdb_tables() where database_name = 'held'"
            )
            for schema, table in tables.fetchall():
                found.append(repr(connection.execute(f'from held."{schema}"."{table}"').fetchall()).encode())
            connection.execute("detach held")
    return b"\0".join(found)


def held(settings: Settings) -> dict[str, Any]:
    """What stands in the home after a rotation, by place."""
    with duckdb.connect() as connection:
        read = {
            str(path.relative_to(settings.home)): connection.execute(f"from read_parquet('{path}')").fetchall()
            for path in sorted(settings.home.rglob("*.parquet"))
        }
    for path in sorted(settings.published.glob("v*.duckdb")):
        with duckdb.connect(str(path), read_only=True) as connection:
            read[path.name] = [connection.execute("from profiles.identifiers").fetchall(), path.stat().st_mode & 0o777]
            read[path.name] += connection.execute("from ops.runs").fetchall()
    with duckdb.connect(str(settings.vault), read_only=True) as connection:
        read["vault"] = connection.execute("from identifiers order by all").fetchall()
    read["lines"] = [line for path in sorted(settings.raw.glob("*/")) for line in manifest.read(path)]
    read["names"] = sorted(str(path.relative_to(settings.home)) for path in settings.home.rglob("*"))
    return read


def test_every_pseudonym_has_its_successor_and_the_old_one_is_nowhere(desk: Any) -> None:
    fill(desk)
    old_key = desk.settings.hmac_key.get_secret_value()
    before = everything(desk.settings.home)
    wanted = [pseudonym(old_key, *one) for one in CLEAR]
    assert [one for one in wanted if one.encode() not in before] == []
    settings = with_new_key(desk.settings)
    outcome = rotation.rotate(settings)
    assert (outcome.raw.files, outcome.published.files, outcome.durable.files) == (3, 2, 2)
    after = everything(settings.home)
    gone = [*wanted, pseudonym(old_key, "anonymous_id", "of nobody now")]
    assert [one for one in gone if one.encode() in after] == []
    assert [one for one in CLEAR if pseudonym(NEW, *one).encode() not in after] == []
    assert desk.raw("crm_contacts", "email_hmac, email_canonical_hmac, phone_hmac, email_is_disposable") == [
        (*(pseudonym(NEW, *one) for one in (CLEAR[0], MAILBOX, CLEAR[1])), False)
    ]
    assert {line.key_id for line in desk.lines("shop_orders")} == {outcome.to_key}
    assert not settings.rotation.exists()


def test_decisions_keep_their_people_and_lose_only_identifiers_of_nobody(desk: Any) -> None:
    fill(desk)
    settings = with_new_key(desk.settings)
    planned = rotation.rotate(settings, dry_run=True)
    done = rotation.rotate(settings)
    assert (planned.is_done, done.is_done) == (False, True)
    assert vars(planned) | {"is_done": True} == vars(done)
    assert (done.durable.dropped, done.published.dropped) == (2, 2)
    expected = [(kind, pseudonym(NEW, kind, value), value) for kind, value in [*CLEAR[:1], *SEEN]]
    found = held(settings)
    assert found["durable/v2/customer_ids.parquet"] == expected
    assert found["v1.duckdb"] == [expected, 0o444, ("ab" * 32,)]


def test_a_dry_run_changes_no_byte(desk: Any) -> None:
    fill(desk)
    before = {path: path.read_bytes() for path in desk.settings.home.rglob("*") if path.is_file()}
    rotation.rotate(with_new_key(desk.settings), dry_run=True)
    assert {path: path.read_bytes() for path in desk.settings.home.rglob("*") if path.is_file()} == before


def test_the_next_run_builds_everything_again(desk: Any) -> None:
    fill(desk)
    rotation.rotate(with_new_key(desk.settings))
    with run.working(desk.settings, read_only=True) as connection:
        assert connection.execute("select run_id, hi, done, fingerprint from ops.control").fetchall() == [
            ("r", 1, True, None)
        ]
        assert connection.execute("select count(*) from duckdb_tables()").fetchall() == [(1,)]


def test_a_file_that_comes_later_has_the_pseudonyms_of_the_rotated_ones(desk: Any) -> None:
    fill(desk)
    settings = with_new_key(desk.settings)
    rotation.rotate(settings)
    later = type(desk)(settings.model_copy(update={"hmac_key_old": SecretStr("")}), desk.exports)
    later.csv("orders_2026-08-03.csv", "shop_orders", [desk.order(20, email="person9@example.com")])
    later.load("shop_orders")
    found = later.raw("shop_orders", "email_hmac, count(*)", "where order_id in ('o9', 'o20') group by all")
    assert found == [(pseudonym(NEW, "email", "person9@example.com"), 2)]


def test_nothing_is_loaded_or_run_under_another_key(desk: Any) -> None:
    fill(desk)
    other = type(desk)(desk.settings.model_copy(update={"hmac_key": SecretStr(NEW)}), desk.exports)
    for refused in (lambda: other.load("shop_orders"), lambda: run.open_run(other.settings, "r2", None)):
        with pytest.raises(SmaltiError, match=r"the pseudonyms are of key \w{8} · .* · allowed: that key, or `smalti"):
            refused()


def test_nothing_is_loaded_or_run_until_a_rotation_is_complete(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(desk)
    settings = with_new_key(desk.settings)
    with monkeypatch.context() as patch:
        patch.setattr(rotation.vault, "rekey", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            rotation.rotate(settings)
    for one in (settings, desk.settings):
        for refused in (
            lambda one=one: type(desk)(one, desk.exports).load("shop_orders"),
            lambda one=one: keys.hold(one),
        ):
            with pytest.raises(SmaltiError, match=r"rotation of the key is not complete · .* · allowed: `smalti vault"):
                refused()
    third = settings.model_copy(update={"hmac_key": SecretStr("11" * 32)})
    with pytest.raises(SmaltiError, match=r"a rotation from key \w{8} to \w{8} is not complete"):
        rotation.rotate(third)
    rotation.rotate(settings)
    keys.hold(settings)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"hmac_key_old": SecretStr("")}, "SMALTI_HMAC_KEY_OLD is not set"),
        ({"hmac_key_old": SecretStr(NEW)}, "are the same key"),
        ({"hmac_key_old": SecretStr("11" * 32)}, "raw stands under key"),
    ],
)
def test_keys_that_cannot_be_right_are_refused(desk: Any, change: dict[str, SecretStr], told: str) -> None:
    fill(desk)
    with pytest.raises(SmaltiError, match=told):
        rotation.rotate(with_new_key(desk.settings).model_copy(update=change))


def test_a_pseudonym_without_a_clear_value_stops_it_before_anything_is_done(desk: Any) -> None:
    fill(desk)
    with duckdb.connect(str(desk.settings.vault)) as connection:
        connection.execute("delete from identifiers where kind = 'phone'")
    with pytest.raises(SmaltiError, match="1 pseudonyms in raw have no clear value in the vault"):
        rotation.rotate(with_new_key(desk.settings))
    assert not desk.settings.rotation.exists()
    keys.hold(desk.settings)


def test_an_unfinished_run_is_finished_first(desk: Any) -> None:
    fill(desk)
    with run.working(desk.settings) as connection:
        connection.execute("update ops.control set done = false")
    with pytest.raises(SmaltiError, match="the last run is not finished"):
        rotation.rotate(with_new_key(desk.settings))


# a step is any of these calls, before and after; each fork takes a fresh copy and kills itself one step later
KILLER = """
import os, shutil, signal, sys
from pathlib import Path
from ingestion import rotation
from warehouse import rekey
from warehouse.settings import Settings

folder, key, old, namespace, stride = sys.argv[1:]
left = 0

def tick():
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

def step(function):
    def ticking(*args, **kwargs):
        tick()
        result = function(*args, **kwargs)
        tick()
        return result
    return ticking

os.fsync = step(os.fsync)
Path.replace, Path.write_text, Path.unlink = step(Path.replace), step(Path.write_text), step(Path.unlink)
shutil.rmtree, rekey._copy = step(shutil.rmtree), step(rekey._copy)
for nth in range(1, 999, int(stride)):
    left, home = nth, Path(folder) / str(nth)
    shutil.copytree(Path(folder) / "home", home, symlinks=True)
    child = os.fork()
    if child == 0:
        settings = Settings(home=home, hmac_key=key, hmac_key_old=old, namespace=namespace, _env_file=None)
        rotation.rotate(settings)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if os.waitstatus_to_exitcode(status) == 0:
        print(nth)
        break
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, status
"""


@pytest.mark.parametrize("stride", [5, pytest.param(1, marks=pytest.mark.slow)])
def test_a_rotation_killed_at_any_step_ends_the_same_when_it_is_repeated(desk: Any, stride: int) -> None:
    fill(desk)
    folder = desk.settings.home.parent
    old, space = desk.settings.hmac_key.get_secret_value(), desk.settings.namespace.get_secret_value()
    command = [sys.executable, "-c", KILLER, str(folder), NEW, old, space, str(stride)]
    killed = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    assert int(killed.stdout) > 60
    settings = with_new_key(desk.settings)
    rotation.rotate(settings)
    whole = held(settings)
    for nth in range(1, int(killed.stdout) + 1, stride):
        again = settings.model_copy(update={"home": folder / str(nth)})
        rotation.rotate(again)
        assert held(again) == whole, f"killed at step {nth}"
        keys.hold(again)
        shutil.rmtree(folder / str(nth))
