"""Thirty days of a real shop, Online Retail (UCI), through the drop folder, and all of them again: nothing changes."""

import hashlib
import io
import json
import tarfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.pipeline.home import Home
from tests.pipeline.state import State

ARCHIVE = Path(__file__).resolve().parents[3] / "shared/data/online_retail/by-day.tar.zst"
DAYS = 30


@dataclass(frozen=True)
class Redelivered:
    """The state after the first run, and after one that was given the same files twice over."""

    first: State
    again: State
    hashes: tuple[dict[str, str], dict[str, str]]
    summaries: tuple[dict[str, Any], dict[str, Any]]
    drop: Path


def _first_days() -> dict[str, bytes]:
    """Content by file name."""
    with pa.input_stream(str(ARCHIVE), compression="zstd") as stream:
        content = io.BytesIO(stream.read())
    with tarfile.open(fileobj=content) as archive:
        files = sorted((Path(one.name).name, one) for one in archive.getmembers() if one.name.endswith(".csv"))
        return {name: archive.extractfile(one).read() for name, one in files[:DAYS]}  # type: ignore[union-attr]


def _elsewhere(name: str) -> str:
    """The name of a file of this source two years later."""
    day = datetime.fromisoformat(name.removesuffix(".csv")) + timedelta(days=730)
    return f"{day:%Y-%m-%d}.csv"


def _run(home: Home, *moment: str) -> dict[str, Any]:
    ended = home.smalti("run", "nightly", "--json", *moment)
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def _hashes(state: State) -> dict[str, str]:
    return {name: hashlib.sha256(repr(rows).encode()).hexdigest() for name, rows in state.tables.items()}


@pytest.fixture(scope="session")
def redelivered(tmp_path_factory: pytest.TempPathFactory) -> Redelivered:
    if not ARCHIVE.exists():
        pytest.skip(f"needs the data set Online Retail as {ARCHIVE}")
    home = Home(tmp_path_factory.mktemp("redelivered") / "home", {"SMALTI_SETTLE_SECONDS": "0"})
    drop, files = home.path / "drop", _first_days()
    moment = ("--as-of", f"{datetime.fromisoformat(max(files).removesuffix('.csv')) + timedelta(days=1)}")
    drop.mkdir(parents=True)
    for name, content in files.items():
        (drop / name).write_bytes(content)
    summary = _run(home, *moment)
    first = State.of(home)
    for name, content in files.items():
        (drop / name).write_bytes(content)
        (drop / _elsewhere(name)).write_bytes(content)
    summaries = summary, _run(home, *moment)
    again = State.of(home)
    return Redelivered(first, again, (_hashes(first), _hashes(again)), summaries, drop)


def _balance(summary: dict[str, Any]) -> dict[str, Any]:
    [found] = [row for row in summary["sources"] if row["source"] == "online_retail"]
    return found  # type: ignore[no-any-return]


def test_the_days_arrive_and_lead_to_something(redelivered: Redelivered) -> None:
    assert _balance(redelivered.summaries[0])["rows_loaded"] > 50_000
    assert len(redelivered.first.tables["profiles.customers"]) > 1_000
    assert len(redelivered.first.accepted) > 100


def test_all_of_them_again_load_no_row_and_are_put_away(redelivered: Redelivered) -> None:
    found = _balance(redelivered.summaries[1])
    assert (found["rows_in"], found["rows_loaded"], found["rows_duplicate"], found["status"]) == (0, 0, 0, "ok")
    assert {path.name for path in redelivered.drop.iterdir()} == {"done"}
    assert len(list((redelivered.drop / "done" / "online_retail").iterdir())) == 3 * DAYS


def test_all_of_them_again_change_no_published_table(redelivered: Redelivered) -> None:
    before, after = redelivered.hashes
    assert redelivered.again.version != redelivered.first.version
    assert len(before) > 20
    assert {name for name in before if before[name] != after.get(name)} == set()
    assert set(before) == set(after)


def test_all_of_them_again_make_no_call(redelivered: Redelivered) -> None:
    first, again = redelivered.first, redelivered.again
    assert (again.accepted, again.receipts, again.delivered) == (first.accepted, first.receipts, first.delivered)
    assert [row["sent"] for row in redelivered.summaries[1]["deliveries"]] == [None]
