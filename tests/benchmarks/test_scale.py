"""The table of costs: its history on the page, its chart, and the files that an hour finds."""

import gzip
import json
import re
from pathlib import Path
from typing import Any
from xml.sax.saxutils import unescape

import pytest

from benchmarks import scale, scale_page


def _result(events: int, at: str, rebuild: float) -> dict[str, Any]:
    what = {"scan": 2.0, "night": 90.0, "hour without news": 30.0, "full rebuild": rebuild, "full rebuild, 2 GB": 50.0}
    costs = [
        {"what": name, "cpu_seconds": cpu, "seconds": 1.0, "peak_memory_mb": 10.0, "written_mb": 0.0, "parts": {}}
        for name, cpu in {**what, "preview": 1.0}.items()
    ]
    costs[3]["parts"] = {"sessions": 8.0, "event_log": 12.0, "tiny & <odd>": 0.5}
    return {"events": events, "measured_at": at, "machine": {"cores": 2}, "costs": costs}


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "speed.md"
    path.write_text("before\n<!-- history -->\nold\n<!-- /history -->\nafter\n")
    monkeypatch.setattr(scale_page, "PAGE", path)
    monkeypatch.setattr(scale_page, "IMAGE", tmp_path / "scale.svg")
    return path


def test_the_page_tells_every_result_by_size_and_time(page: Path, tmp_path: Path) -> None:
    later = [_result(10_000_000, "2026-11-24T10:00:00Z", 40.0), _result(1_000, "2026-11-24T09:00:00Z", 4.0)]
    (tmp_path / "scale-2026-11-24.json").write_text(json.dumps(later))
    (tmp_path / "scale-2026-11-23.json").write_text(json.dumps([_result(10_000_000, "2026-11-23T10:00:00Z", 60.0)]))
    scale_page.write(tmp_path)
    text = page.read_text()
    rows = [line for line in text.splitlines() if line.startswith("| 1")]
    assert [row.split(" | ")[:2] for row in rows] == [
        ["| 1,000", "2026-11-24T09:00"],
        ["| 10,000,000", "2026-11-23T10:00"],
        ["| 10,000,000", "2026-11-24T10:00"],
    ]
    assert ["60.0 (30.0)" in row for row in rows] == [False, True, False]
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    told = [unescape(one) for one in re.findall(r">([^<>\n]+)</text>", (tmp_path / "scale.svg").read_text())]
    assert told.count("event_log") == 2, "the newest of each size"
    assert any("10,000,000 events: a full rebuild costs 20.0 scans" in one for one in told)
    assert "tiny & <odd>" in told
    first = page.read_text()
    scale_page.write(tmp_path)
    assert page.read_text() == first


def test_the_table_has_every_cost_with_its_ratio(capsys: pytest.CaptureFixture[str]) -> None:
    scale_page.tell(_result(1_000, "2026-11-24T09:00:00Z", 40.0))
    told = capsys.readouterr().out
    [row] = [line.split("│") for line in told.splitlines() if "full rebuild  " in line]
    assert [cell.strip() for cell in row[2:4]] == ["40.0", "20.0"]
    assert told.index("event_log") < told.index("sessions")


def test_an_hour_finds_the_last_files_with_enough_events(tmp_path: Path) -> None:
    exports = tmp_path / "exports"
    (exports / "web").mkdir(parents=True)
    for hour in range(4):
        (exports / "web" / f"events_2026-08-31T{hour:02d}.jsonl.gz").write_bytes(gzip.compress(b"{}\n" * 30))
    held = scale.hold_back(exports, 50)
    assert [path.name[7:20] for path in held] == ["2026-08-31T03", "2026-08-31T02"]
    assert all(path.exists() for path in held)
    assert len(list((exports / "web").iterdir())) == 2
