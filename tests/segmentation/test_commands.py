"""The commands as they are typed: text for people, JSON for tools, a patch that git takes."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from segmentation import garden, pruning
from smalti.cli import app
from tests.segmentation.version import Published
from warehouse.dbt import PROJECT
from warehouse.settings import CHECKOUT

Run = Callable[..., str]
is_checkout = pytest.mark.skipif(not (CHECKOUT / ".git").exists(), reason="compares with git; this is no checkout")


@pytest.fixture
def run(published: Published, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A command that must succeed, and what it printed."""
    settings = published.settings
    monkeypatch.setenv("SMALTI_HOME", str(settings.home))
    monkeypatch.setenv("SMALTI_HMAC_KEY", settings.hmac_key.get_secret_value())
    monkeypatch.setenv("SMALTI_NAMESPACE", settings.namespace.get_secret_value())
    published.segment("high_value", "spend_365d_amount >= 500")
    published.segment("repeat_buyers", "orders_count >= 2")

    def made(*arguments: str, code: int = 0) -> str:
        ended = CliRunner().invoke(app, ["segments", *arguments])
        assert ended.exit_code == code, ended.output
        return ended.stdout

    return made


def test_preview_shows_the_size_the_conditions_and_a_sample(run: Run) -> None:
    told = run("preview", "high_value")
    assert "the same people as published" in told
    assert "spend_365d_amount >= 500" in told
    assert json.loads(run("preview", "high_value", "--json"))["conditions"][0]["kept"] == 800


def test_preview_takes_a_file_that_is_nowhere_merged(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    draft = Path("drafts") / "rich.sql"
    draft.parent.mkdir()
    draft.write_text((PROJECT / "models/segments/high_value.sql").read_text().replace("high_value", "rich"))
    (draft.with_suffix(".yml")).write_text(
        "models: [{name: rich, config: {meta: {thresholds: {big_spend_amount: 6000}}}}]"
    )
    assert json.loads(run("preview", str(draft), "--json"))["members"] == 360
    draft.with_suffix(".yml").unlink()
    assert json.loads(run("preview", str(draft), "--json"))["members"] == 800  # by the threshold that segments share


@is_checkout
def test_impact_prints_markdown_and_json_and_holds_a_limit(run: Run) -> None:
    assert "Impact on segments" in run("impact", "--against", "HEAD", "--markdown")
    found = json.loads(run("impact", "--against", "HEAD", "--json", "--most-share", "1"))
    assert 0 <= found["largest_share"] <= 1
    assert "Destinations" in run("impact", "--against", "HEAD")


def test_overlap_and_garden(run: Run, published: Published) -> None:
    pairs = json.loads(run("overlap", "--json"))
    assert [(pair["segment"], pair["other"]) for pair in pairs] == [("high_value", "repeat_buyers")]
    assert "merge into high_value" in run("garden")
    assert {plot["proposal"] for plot in json.loads(run("garden", "--json"))} == {"merge", "review"}


def test_the_garden_s_patch_applies(run: Run, published: Published, tmp_path: Path) -> None:
    told = run("garden", "--patch")
    assert told == pruning.patch(garden.garden(published.settings))
    for folder in ("models/segments", "seeds"):
        place = tmp_path / "copy" / PROJECT.name / folder
        place.mkdir(parents=True)
        for path in (PROJECT / folder).iterdir():
            (place / path.name).write_bytes(path.read_bytes())
    subprocess.run(["git", "apply"], cwd=tmp_path / "copy", input=told, text=True, check=True)
    left = tmp_path / "copy" / PROJECT.name
    assert not (left / "models/segments/repeat_buyers.sql").exists()
    assert "repeat_buyers" not in (left / "seeds/activations.csv").read_text()
    assert (left / "seeds/activations.csv").read_text().count("files,high_value,") == 1
    matrices = [(project / "seeds/content_matrix.csv").read_text() for project in (PROJECT, left)]
    assert [",repeat_buyers," in matrix for matrix in matrices] == [True, False]
