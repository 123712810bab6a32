"""Packages on a real SFTP server and a real S3 server: whole, once, whatever stops them."""

import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from reverse_etl.destination import Refused
from reverse_etl.destinations import s3, sftp
from reverse_etl.destinations.sftp import Unreachable
from reverse_etl.options import Options, load
from tests.reverse_etl.conftest import Shop, shop_in
from tests.tools.conftest import Moto, Openssh
from tests.tools.crowd import CHANGED, LEFT, MANY, crowd, later

pytestmark = [pytest.mark.tools, pytest.mark.timeout(300)]
KEYS = {"SMALTI_HMAC_KEY": "00" * 32, "SMALTI_NAMESPACE": "00000000-0000-0000-0000-000000000001"}
SOME = {"ada": ["high_value"], "ben": ["lapsed"]}
MORE = SOME | {"cy": ["high_value"]}
KILLED = """
import importlib, os, signal, sys
from datetime import datetime
from reverse_etl.deliver import deliver
from warehouse import settings

name, call = sys.argv[1], int(sys.argv[2])
place = importlib.import_module(f"reverse_etl.destinations.{name}")._Folder
put, seen = place.put, []

def put_and_die(self, source, path):
    seen.append(path)
    if len(seen) == call:
        os.kill(os.getpid(), signal.SIGKILL)
    put(self, source, path)

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

place.put = put_and_die
place.replace = die
deliver(settings.load(), name, "run-2", datetime(2026, 9, 2))
"""


@dataclass
class Place:
    """A destination that is configured as by its operator, and a way to look at what stands there."""

    name: str
    opened: Callable[[], AbstractContextManager[Any]]

    def read(self) -> dict[str, list[str]] | None:
        """Who stands in the plan that `latest.json` names, every file of it held against its manifest."""
        with self.opened() as there:
            if not there.files.exists(f"{there.root}/latest.json"):
                return None
            latest = json.loads(there.files.cat_file(f"{there.root}/latest.json"))
            manifest = f"{there.root}/{latest['manifest']}"
            plan = manifest.rpartition("/")[0]
            files = json.loads(there.files.cat_file(manifest))["files"]
            contents = {name: there.files.cat_file(f"{plan}/{name}") for name in files}
        assert {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()} == {
            name: stated["sha256"] for name, stated in files.items()
        }
        return _people(contents)

    def files(self) -> dict[str, str]:
        """Every file with its bytes' digest and when it was written."""
        with self.opened() as there:
            found = there.files.find(there.root)
            return {
                path: f"{hashlib.sha256(there.files.cat_file(path)).hexdigest()} {there.files.modified(path)}"
                for path in found
            }


@pytest.fixture(autouse=True)
def _configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Options.model_config, "env_file", None)
    for variable, value in {**KEYS, "SMALTI_ALLOW_LOOPBACK": "true"}.items():
        monkeypatch.setenv(variable, value)


@pytest.fixture
def sftp_place(openssh: Openssh, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Place:
    stated = {
        "HOST": "127.0.0.1",
        "PORT": str(openssh.port),
        "HOST_KEY": openssh.host_key,
        "USER": openssh.user,
        "KEY": openssh.key.read_text(),
        "FOLDER": str(openssh.folder / tmp_path.name),
    }
    for option, value in stated.items():
        monkeypatch.setenv(f"SMALTI_SFTP_{option}", value)
    return Place("sftp", lambda: sftp.connected(load(sftp.SftpOptions)))


@pytest.fixture
def s3_place(moto: Moto, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Place:
    stated = {"BUCKET": moto.bucket, "PREFIX": tmp_path.name, "KEY_ID": "any", "SECRET": "any", "ENDPOINT": moto.url}
    for option, value in stated.items():
        monkeypatch.setenv(f"SMALTI_S3_{option}", value)
    return Place("s3", lambda: nullcontext(s3.place(load(s3.S3Options))))


@pytest.fixture(params=["sftp", "s3"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    return request.getfixturevalue(f"{request.param}_place")


@pytest.fixture
def shop(place: Place, tmp_path: Path) -> Shop:
    return replace(shop_in(tmp_path / "home"), destination=place.name)


def test_ten_thousand_stand_there_and_who_changed_and_left_has(shop: Shop, place: Place) -> None:
    shop.publish("v1", crowd())
    assert shop.deliver().accepted == MANY
    assert place.read() == shop.accepted() == crowd()
    shop.publish("v2", later())
    done = shop.deliver()
    assert (done.added, done.changed, done.removed, done.accepted) == (0, CHANGED, LEFT, CHANGED + LEFT)
    assert place.read() == shop.accepted() == later()


@pytest.mark.parametrize("call", [4, 99], ids=["between two files", "before latest"])
def test_killed_while_it_puts_a_reader_sees_the_plan_before_and_the_next_delivery_is_whole(
    shop: Shop, place: Place, call: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.publish("v1", SOME)
    shop.deliver()
    shop.publish("v2", MORE)
    monkeypatch.setenv("SMALTI_HOME", str(shop.settings.home))
    ended = subprocess.run([sys.executable, "-c", KILLED, place.name, str(call)], check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    assert place.read() == SOME
    shop.deliver()
    assert place.read() == shop.accepted() == MORE


def test_a_plan_that_stands_there_whole_is_not_put_again(
    shop: Shop, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.publish("v1", SOME)
    deliver_unrecorded(shop, monkeypatch)
    assert shop.accepted() == {}
    before = place.files()
    shop.publish("v1-again", SOME)
    shop.deliver()
    assert place.files() == before
    assert shop.accepted() == SOME


def test_a_file_that_somebody_changed_is_refused_and_left(
    shop: Shop, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.publish("v1", SOME)
    deliver_unrecorded(shop, monkeypatch)
    [path] = [path for path in place.files() if path.endswith("/members.csv")]
    with place.opened() as there:
        there.files.pipe_file(path, b"customer_id\n")
    before = place.files()
    with pytest.raises(Refused, match=r"members.csv stands there with other content; allowed is"):
        shop.deliver()
    assert place.files() == before
    assert shop.accepted() == {}


def test_five_plans_are_kept(shop: Shop, place: Place) -> None:
    plans = []
    for number in range(7):
        shop.publish(f"v{number}", {"ada": [f"s{number}"]})
        plans.append(str(shop.deliver().plan_id))
    with place.opened() as there:
        found = {path.removeprefix(f"{there.root}/").split("/")[0] for path in place.files()}
    assert found == {*plans[-5:], "latest.json"}


def test_a_server_with_another_key_is_told_nothing(
    sftp_place: Place, openssh: Openssh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMALTI_SFTP_HOST_KEY", openssh.key.with_suffix(".pub").read_text())
    with pytest.raises(Unreachable, match=r"no session on 127.0.0.1:.*BadHostKeyException"), sftp_place.opened():
        pass


def test_who_has_another_key_is_let_in_nowhere(
    sftp_place: Place, openssh: Openssh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMALTI_SFTP_KEY", openssh.key.with_name("host").read_text())
    with pytest.raises(Unreachable, match=r"no session on 127.0.0.1:.*AuthenticationException"), sftp_place.opened():
        pass


def test_a_host_that_is_not_named_is_not_called(shop: Shop, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMALTI_ALLOW_LOOPBACK", "false")
    shop.publish("v1", SOME)
    with pytest.raises(Refused, match=r"host 127.0.0.1 is refused; SMALTI_ALLOWED_HOSTS allows: none"):
        shop.deliver()
    assert place.read() is None


def _people(contents: dict[str, bytes]) -> dict[str, list[str]]:
    """Customer id → segments by the member file, which the files of the segments must say too."""
    frame = pl.read_parquet(contents["members.parquet"])
    people = dict(zip(frame["customer_id"].to_list(), frame["segment_ids"].to_list(), strict=True))
    by_segment: dict[str, list[str]] = {customer_id: [] for customer_id in people}
    for name in sorted(contents):
        if name.startswith("segments/") and name.endswith(".parquet"):
            for customer_id in pl.read_parquet(contents[name])["customer_id"]:
                by_segment[customer_id].append(Path(name).stem)
    assert by_segment == people
    return people


def deliver_unrecorded(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deliver, but stop before the ledger knows of it."""
    with monkeypatch.context() as patch:
        patch.setattr("reverse_etl.deliver.record_outcome", _full)
        with pytest.raises(OSError, match="disk"):
            shop.deliver()


def _full(*_: object, **__: object) -> None:
    raise OSError("disk")
