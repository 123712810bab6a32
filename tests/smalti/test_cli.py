"""What a person sees before anything runs: help with examples, and one clear line where nothing can be done."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from smalti.cli import app
from warehouse import ledger
from warehouse.pseudonyms import key_id
from warehouse.settings import Settings

Smalti = Callable[..., Result]
COMMANDS = (
    ["run"],
    ["simulate"],
    ["status"],
    ["runs"],
    ["report"],
    ["init"],
    ["check-secrets"],
    ["docs"],
    ["segments", "list"],
    ["segments", "check"],
    ["publish", "list"],
    ["sources", "list"],
    ["sources", "check"],
    ["sources", "rejects"],
    ["sources", "replay"],
)


@pytest.fixture
def smalti(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_shows_an_example(smalti: Smalti, command: list[str]):
    assert f"smalti {' '.join(command)}" in smalti(*command, "--help").output.split("xample", 1)[1]


def test_a_missing_folder_is_named(smalti: Smalti, tmp_path: Path):
    result = smalti("run", "nightly", "--data", tmp_path / "nowhere")
    assert result.exit_code == 1
    assert result.stderr.strip() == f"error: no folder {tmp_path / 'nowhere'}; --data names a folder with exports"


def test_an_empty_folder_says_what_files_are_known(smalti: Smalti, tmp_path: Path):
    result = smalti("run", "nightly", "--data", tmp_path)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: no export in {tmp_path}; files are known by their names")


def test_an_empty_drop_folder_with_nothing_loaded_before_is_nothing_to_do(smalti: Smalti, settings: Settings):
    result = smalti("run", "nightly")
    assert result.exit_code == 1
    assert f"no export in {settings.drop}" in result.stderr


def test_before_the_first_run_the_status_says_so(smalti: Smalti, settings: Settings):
    found = {"published": None, "runs": [], "alerts": [], "blocked": [], "overrides": []}
    found["key"] = {"id": key_id(settings.hmac_key), "is_rotating": False}
    assert json.loads(smalti("status", "--json").stdout) == found
    assert "nothing yet" in smalti("status").stdout


def test_a_report_before_the_first_run_or_of_none_that_is_known_says_so(smalti: Smalti, settings: Settings):
    assert "smalti run nightly --data" in smalti("report").stderr
    with ledger.stage(settings.ledger, "r1", "load_raw", "a"):
        pass
    result = smalti("report", "../r1")
    assert result.exit_code == 1
    assert "no run '../r1'" in result.stderr
    assert "the latest are: r1" in result.stderr


def test_a_report_that_is_not_there_yet_is_written(smalti: Smalti, settings: Settings):
    with ledger.stage(settings.ledger, "r1", "load_raw", "a"):
        pass
    found = json.loads(smalti("report", "--json").stdout)
    assert found == {"run_id": "r1", "path": str(settings.reports / "r1" / "index.html")}
    assert Path(found["path"]).read_text().startswith("<!doctype html>")


def test_the_status_tells_the_worst_of_a_runs_stages(smalti: Smalti, settings: Settings):
    with ledger.stage(settings.ledger, "r1", "load_raw", "a"):
        pass
    with pytest.raises(RuntimeError), ledger.stage(settings.ledger, "r1", "publish"):
        raise RuntimeError("someone@example.com")
    found = json.loads(smalti("status", "--json").stdout)["runs"]
    assert [(run["run_id"], run["status"]) for run in found] == [("r1", "failed")]
    assert found[0]["stages"][1]["message"] == "RuntimeError"


def test_runs_shows_the_stages_of_the_latest_run_or_of_the_one_named(smalti: Smalti, settings: Settings):
    for run_id in ("r1", "r2"):
        with ledger.stage(settings.ledger, run_id, "load_raw", "orders") as row:
            row.rows_in, row.output_hash = 1234, "ab" * 32
    [latest] = json.loads(smalti("runs", "--json").stdout)
    [named] = json.loads(smalti("runs", "r1", "--json").stdout)
    assert (latest["run_id"], named["run_id"]) == ("r2", "r1")
    assert named["cpu_seconds"] is not None
    shown = smalti("runs", "r1").stdout
    assert "Stages of r1" in shown
    assert {"load_raw", "orders", "1,234", "abababab", "ok"} <= set(shown.split())


def test_a_run_that_is_not_there_is_an_error_that_says_what_is(smalti: Smalti):
    assert "no run yet" in smalti("runs").stderr
    assert "no run 'r9'" in smalti("runs", "r9").stderr
    assert smalti("runs", "r9").exit_code == 1


def test_segments_before_the_first_run_are_an_error_that_says_what_comes_first(smalti: Smalti):
    result = smalti("segments", "list")
    assert result.exit_code == 1
    assert "smalti run nightly --data" in result.stderr


def test_a_malformed_setting_is_named(smalti: Smalti, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SMALTI_CURRENCY", "pounds")
    result = smalti("status")
    assert result.exit_code == 1
    assert "SMALTI_CURRENCY" in result.stderr


def test_a_folder_that_is_taken_is_not_written_to(smalti: Smalti, tmp_path: Path):
    (tmp_path / "kept").touch()
    result = smalti("simulate", "--customers", 20, "--days", 2, "--out", tmp_path)
    assert result.exit_code == 1
    assert str(tmp_path) in result.stderr
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == ["kept"]
