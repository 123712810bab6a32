"""A package in a folder elsewhere: whole or not there, put once, whatever stops it; here the folder is on this disk."""

import hashlib
import json
import shutil
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from fsspec.implementations.local import LocalFileSystem

from reverse_etl import package_files, remote_folder
from reverse_etl.destination import Package, Refused
from reverse_etl.package_files import KEPT_PLANS

AUDIENCE = """
create or replace table audience as
select unnest($people) as customer_id, null::text as contact_id_crm, null::text as attributes, """
CHANGES = "create or replace table changes as select *, 'added' as change from audience"


class Stopped(Exception):
    """The machine went away."""


@dataclass
class Disk:
    """A folder on this disk as a place; it stops at the step of that number."""

    root: str
    stop_at: int = -1
    steps: int = 0
    files: Any = field(default_factory=LocalFileSystem)

    def put(self, source: Path, path: str) -> None:
        self.step()
        if Path(path).exists():
            raise FileExistsError(path)
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, f"{path}.part")
        Path(f"{path}.part").rename(path)
        self.step()

    def replace(self, path: str, content: bytes) -> None:
        self.step()
        Path(f"{path}.part").write_bytes(content)
        Path(f"{path}.part").rename(path)
        self.step()

    def step(self) -> None:
        self.steps += 1
        if self.steps == self.stop_at:
            raise Stopped


def sent(tmp_path: Path, disk: Disk, plan: int, people: list[str], version: str = "v") -> None:
    """Render the package of that plan and send it."""
    folder, rendered = tmp_path / ".aside", tmp_path / f"{plan} {version}"
    shutil.rmtree(folder, ignore_errors=True)
    with duckdb.connect() as connection:
        connection.execute(AUDIENCE + "['a', 'b'] as segment_ids", {"people": people})
        connection.execute(CHANGES)
        package = Package(f"{plan:016x}", version, datetime(2026, 9, 1), False, tmp_path, connection)
        if not rendered.exists():
            rendered.mkdir()
            package_files.render(package, rendered)
        shutil.copytree(rendered, folder)
        receipts = list(remote_folder.send(disk, package, folder).receipts)
    assert [receipt.customer_id for receipt in receipts] == people
    assert not folder.exists()


def read(disk: Disk) -> list[str] | None:
    """What a reader who follows `latest.json` and holds files against the manifest finds; None before the first."""
    root = Path(disk.root)
    if not (root / "latest.json").exists():
        return None
    manifest = root / json.loads((root / "latest.json").read_text())["manifest"]
    for name, stated in json.loads(manifest.read_text())["files"].items():
        with (manifest.parent / name).open("rb") as file:
            assert hashlib.file_digest(file, "sha256").hexdigest() == stated["sha256"]
    return pl.read_parquet(manifest.parent / "members.parquet")["customer_id"].to_list()


def whole(disk: Disk) -> bool:
    """Whether every plan that has a manifest has every file that it names."""
    manifests = Path(disk.root).glob("*/manifest.json")
    return all((one.parent / name).exists() for one in manifests for name in json.loads(one.read_text())["files"])


def everything(disk: Disk) -> dict[str, tuple[bytes, int]]:
    """Each file with its bytes and when it was written."""
    found = (path for path in Path(disk.root).rglob("*") if path.is_file())
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in found}


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(str(tmp_path / "elsewhere"))


def test_written_twice_is_written_once(tmp_path: Path, disk: Disk) -> None:
    sent(tmp_path, disk, 1, ["ada"])
    before = everything(disk)
    sent(tmp_path, disk, 1, ["ada"], version="a later one that says the same")
    assert everything(disk) == before
    assert read(disk) == ["ada"]


def test_stopped_at_any_step_a_reader_sees_a_whole_plan_and_the_repetition_ends_the_same(
    tmp_path: Path, disk: Disk
) -> None:
    sent(tmp_path, disk, 1, ["ada"])
    shutil.copytree(disk.root, tmp_path / "start")
    counting = Disk(disk.root)
    sent(tmp_path, counting, 2, ["ada", "ben"])
    ended = {path: content for path, (content, _) in everything(disk).items()}
    assert counting.steps == 2 * (10 + 1)  # the files of the plan, and latest.json
    for step in range(1, counting.steps + 1):
        shutil.rmtree(disk.root)
        shutil.copytree(tmp_path / "start", disk.root)
        with pytest.raises(Stopped):
            sent(tmp_path, Disk(disk.root, stop_at=step), 2, ["ada", "ben"])
        assert read(disk) == (["ada", "ben"] if step == counting.steps else ["ada"])
        assert whole(disk)
        sent(tmp_path, disk, 2, ["ada", "ben"])
        assert {path: content for path, (content, _) in everything(disk).items()} == ended


@pytest.mark.parametrize("name", ["members.csv", "segments/a.jsonl", "manifest.json"])
def test_a_plan_that_stands_there_with_other_content_is_refused_and_left(tmp_path: Path, disk: Disk, name: str) -> None:
    sent(tmp_path, disk, 1, ["ada"])
    there = Path(disk.root) / f"{1:016x}" / name
    there.write_text(there.read_text().replace("ada", "eve").replace('"rows": 1', '"rows": 2'))
    before = everything(disk)
    with pytest.raises(Refused, match=f"{name} stands there with other content; allowed is"):
        sent(tmp_path, disk, 1, ["ada"])
    assert everything(disk) == before


@pytest.mark.parametrize("content", ["", "[]", "no manifest"])
def test_what_stands_in_the_place_of_a_manifest_and_is_none_is_refused(
    tmp_path: Path, disk: Disk, content: str
) -> None:
    sent(tmp_path, disk, 1, ["ada"])
    (Path(disk.root) / f"{1:016x}" / "manifest.json").write_text(content)
    with pytest.raises(Refused, match=r"manifest.json stands there with other content"):
        sent(tmp_path, disk, 1, ["ada"])


def test_the_last_plans_are_kept_and_what_is_not_ours_stays(tmp_path: Path, disk: Disk) -> None:
    (Path(disk.root) / "theirs").mkdir(parents=True)
    (Path(disk.root) / "theirs" / "file").touch()
    with pytest.raises(Stopped):  # a plan that was given up
        sent(tmp_path, Disk(disk.root, stop_at=4), 99, ["cy"])
    for plan in range(1, KEPT_PLANS + 4):
        sent(tmp_path, disk, plan, ["ada"] * plan)
    kept = [f"{plan:016x}" for plan in range(4, KEPT_PLANS + 4)]
    assert sorted(path.name for path in Path(disk.root).iterdir()) == [*kept, "latest.json", "theirs"]
    latest = json.loads((Path(disk.root) / "latest.json").read_text())
    assert [latest["plan_id"], *latest["earlier"]] == kept[::-1]


def test_a_plan_loses_its_manifest_first(tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    for plan in range(1, KEPT_PLANS + 1):
        sent(tmp_path, disk, plan, ["ada"] * plan)
    monkeypatch.setattr(disk.files, "rm", lambda *_, **__: pytest.fail("stopped"))
    with pytest.raises(pytest.fail.Exception):
        sent(tmp_path, disk, KEPT_PLANS + 1, ["ada"])
    assert not (Path(disk.root) / f"{1:016x}" / "manifest.json").exists()
    monkeypatch.undo()
    sent(tmp_path, disk, KEPT_PLANS + 1, ["ada"])
    assert not (Path(disk.root) / f"{1:016x}").exists()
