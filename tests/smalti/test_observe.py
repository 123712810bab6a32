"""What is told of a stage: the same figures in ledger and log, and no stage fails because telling does."""

import json
from typing import Any

import polars as pl
import pytest

from smalti import flows, observe
from warehouse import ledger, manifest
from warehouse.errors import SmaltiError
from warehouse.manifest import Line
from warehouse.settings import Settings


def log(settings: Settings, run_id: str = "r1") -> list[dict[str, Any]]:
    """The log of a run."""
    return [json.loads(line) for line in (settings.logs / f"{run_id}.jsonl").read_text().splitlines()]


def lineage(settings: Settings) -> list[dict[str, Any]]:
    """All lineage events."""
    return [json.loads(line) for line in settings.lineage.read_text().splitlines()]


def test_log_and_ledger_tell_the_same(settings: Settings):
    with observe.stage(settings, "r1", "load_raw", "orders") as row:
        row.rows_in, row.rows_loaded = 3, 2
    [kept] = ledger.stages(settings.ledger)
    started, ended = log(settings)
    assert (started["event"], started["stage"], started["source"]) == ("stage_started", "load_raw", "orders")
    assert (ended["event"], ended["level"]) == ("stage_ended", "info")
    assert {name: ended[name] for name in kept if name in ended} == {
        name: value for name, value in kept.items() if value is not None
    }
    assert ended["rows_in"] == 3
    assert {"seconds", "cpu_seconds", "peak_memory_mb", "bytes_read", "bytes_written"} <= ended.keys()
    assert [event["eventType"] for event in lineage(settings)] == ["START", "COMPLETE"]


def test_a_failure_is_told_everywhere_and_its_values_nowhere(settings: Settings):
    with pytest.raises(ValueError, match="someone"), observe.stage(settings, "r1", "publish"):
        raise ValueError("someone@example.com")
    assert (log(settings)[-1]["level"], log(settings)[-1]["message"]) == ("error", "ValueError")
    assert lineage(settings)[-1]["eventType"] == "FAIL"
    assert lineage(settings)[-1]["run"]["facets"]["errorMessage"]["message"] == "ValueError"
    assert [path.name for path in settings.home.rglob("*") if path.is_file() and b"someone" in path.read_bytes()] == []


def test_lineage_that_cannot_be_written_fails_no_stage_and_is_a_warning(settings: Settings):
    settings.lineage.mkdir(parents=True)
    with observe.stage(settings, "r1", "publish"):
        pass
    assert ledger.stages(settings.ledger)[0]["status"] == "ok"
    assert [line["level"] for line in log(settings) if line["event"] == "not_told"] == ["warning", "warning"]


def test_a_log_that_cannot_be_written_neither_fails_a_stage_nor_hides_its_error(settings: Settings):
    settings.home.mkdir()
    settings.logs.write_text("no folder")
    with observe.stage(settings, "r1", "open_run"):
        pass
    with pytest.raises(SmaltiError, match="audit"), observe.stage(settings, "r1", "publish"):
        raise SmaltiError("audit")
    assert [row["status"] for row in ledger.stages(settings.ledger)] == ["ok", "failed"]


def load(settings: Settings, run_id: str, files: dict[str, str], rows: int = 2) -> ledger.Stage:
    """A load of these files, name and digest, as the loader leaves it."""
    folder = settings.raw / "orders"
    with observe.stage(settings, run_id, "load_raw", "orders") as row:
        (folder / "day").mkdir(parents=True, exist_ok=True)
        pl.DataFrame({"a": range(rows)}).write_parquet(folder / "day" / f"{run_id}.parquet")
        lines = [
            Line(
                file=name,
                sha256=sha,
                bytes=100,
                status="loaded",
                run_id=run_id,
                batch=1,
                rows_in=rows,
                rows_loaded=rows,
                parquet=(f"day/{run_id}.parquet",),
            )
            for name, sha in files.items()
        ]
        manifest.write(folder, [*manifest.read(folder), *lines])
    return row


def test_a_load_reads_exports_and_leaves_raw(settings: Settings):
    load(settings, "r1", {"b.csv": "s2", "a.csv": "s1"})
    last = lineage(settings)[-1]
    assert [one["name"] for one in last["inputs"] + last["outputs"]] == ["exports/orders", "raw/orders"]
    read = last["inputs"][0]["inputFacets"]["inputStatistics"]
    assert (read["rowCount"], read["size"], read["fileCount"]) == (4, 200, 2)
    written = last["outputs"][0]["outputFacets"]["outputStatistics"]
    assert written["size"] == (settings.raw / "orders" / "day" / "r1.parquet").stat().st_size
    assert "a.csv" not in settings.lineage.read_text(), "a file's name may say whose it is"


def test_the_input_hash_is_of_contents_whatever_name_order_and_run(settings: Settings):
    first = load(settings, "r1", {"a.csv": "s1", "b.csv": "s2"})
    again = load(settings, "r2", {"y.csv": "s2", "z.csv": "s1"})
    other = load(settings, "r3", {"a.csv": "s1", "b.csv": "s3"})
    assert first.input_hash == again.input_hash != other.input_hash
    assert first.input_hash


def test_the_output_hash_is_of_what_was_written(settings: Settings):
    first, other = (load(settings, f"r{rows}", {"a.csv": "s1"}, rows) for rows in (2, 3))
    assert first.output_hash != other.output_hash
    path = settings.raw / "orders" / "day" / "r2.parquet"
    assert first.output_hash == flows.of_files([path])
    path.write_bytes(path.read_bytes() + b" ")
    assert first.output_hash != flows.of_files([path])


def test_a_load_without_files_has_neither_datasets_nor_hashes(settings: Settings):
    with observe.stage(settings, "r1", "load_raw", "orders") as row:
        pass
    assert (row.input_hash, row.output_hash) == (None, None)
    assert (lineage(settings)[-1]["inputs"], lineage(settings)[-1]["outputs"]) == ([], [])
