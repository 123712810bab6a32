"""What a power loss would take is on the disk before anything rests on it: seen in the order of a load's calls.

A kill cannot show this, for the kernel keeps what a killed process wrote. So the calls are looked at themselves.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ingestion.faults.situations import SITUATIONS
from tests.ingestion.faults.test_points import driven

Calls = list[tuple[str, str]]
_WRITES = ("write", "pwrite")


def needs(calls: Calls, source: str) -> Iterator[tuple[str, int, int]]:
    """What must be synced, after which call and before which: the manifest rests on data, the drop folder on it."""
    raw = f"raw/{source}"
    done = calls.index(("rename", f"{raw}/manifest.jsonl"))
    yield raw, done, min(at for at, (what, path) in enumerate(calls) if what == "rename" and path.startswith("drop/"))
    for at, (what, path) in enumerate(calls[:done]):
        folder, name = Path(path).parent, Path(path).name
        if what == "rename" and folder.parent == Path(raw):
            written = next(other for _, other in calls if ".tmp-" in other and other.endswith(f"{folder.name}/{name}"))
            yield written, 0, at
            yield from ((place, at, done) for place in (str(folder), raw, "raw", "."))
        if what in _WRITES and (path.startswith("vault.duckdb") or path == f"{raw}/manifest.jsonl.tmp"):
            yield path, at, done
        if what == "rename" and path == "vault.duckdb":
            yield ".", at, done


def breaches(calls: Calls, source: str) -> list[str]:
    """What was not synced in time."""
    return [path for path, since, until in needs(calls, source) if ("fsync", path) not in calls[since:until]]


@pytest.mark.parametrize("name", ["order lines", "orders"])
def test_the_manifest_rests_on_data_on_the_disk_and_the_drop_folder_on_the_manifest(tmp_path: Path, name: str) -> None:
    situation = SITUATIONS[name]()
    calls = [(what, path) for what, path in next(driven(tmp_path, name, {}))]
    assert not breaches(calls, situation.source)
    ours = [at for at, (what, path) in enumerate(calls) if what == "fsync" and path.startswith(("raw", "."))]
    assert len(ours) >= 8
    for at in ours:
        without = [*calls[:at], ("left out", ""), *calls[at + 1 :]]
        assert breaches(without, situation.source), f"{calls[at]} is needless"
