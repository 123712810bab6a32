"""`smalti models`: what counts, its card, and the way back, as a person types it."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from models_ml import artifacts, champions
from models_ml.registry import Registry
from smalti.cli import app
from warehouse import decisions, lease
from warehouse.decisions import Decision
from warehouse.settings import Settings


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home whose purchase model was replaced once."""
    settings = Settings(
        home=tmp_path_factory.mktemp("models"), hmac_key="5a" * 32, namespace="6f0d2b5c-94a7-4f6e-8f35-0c3d1f6a7b21"
    )
    for run, version in (("first", "a"), ("second", "b")):
        files = {"card.json": json.dumps({"model": version}).encode(), "card.md": f"# Card of {version}\n".encode()}
        artifacts.save(settings.models / "purchase" / version, files, "5a" * 32)
        decision = Decision(run, "purchase", "2026-09-01T00:00:00", "promoted", "better", None, version)
        decisions.keep(settings.ledger, decision)
    Registry(settings)  # written from the ledger
    return settings


@pytest.fixture
def home(made: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in made.environment().items():
        monkeypatch.setenv(name, value)
    return made


def smalti(*arguments: str) -> tuple[int, str]:
    ended = CliRunner().invoke(app, list(arguments))
    return ended.exit_code, ended.output


def test_the_list_says_what_counts_and_what_was_decided_last(home: Settings) -> None:
    code, told = smalti("models", "list")
    assert code == 0
    assert "purchase: champion b, former a\n  2026-09-01T00:00:00: promoted, better" in told
    assert "clusters: no champion" in told
    rows = {row["model"]: row for row in json.loads(smalti("models", "list", "--json")[1])}
    assert (rows["purchase"]["champion"], rows["purchase"]["challenger"]) == ("b", None)
    assert rows["churn"]["outcome"] is None


def test_a_card_is_the_champions_unless_a_version_is_named(home: Settings) -> None:
    assert smalti("models", "card", "purchase") == (0, "# Card of b\n")
    assert smalti("models", "card", "purchase", "--version", "a") == (0, "# Card of a\n")
    assert json.loads(smalti("models", "card", "purchase", "--json")[1]) == {"model": "b"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("card", "luck"), "no model 'luck'; there are: purchase, churn"),
        (("card", "clusters"), "no version of 'clusters' counts yet"),
        (("card", "purchase", "--version", "c"), "purchase/c stands in the registry, its files are gone"),
        (("rollback", "luck"), "no model 'luck'"),
        (("rollback", "clusters"), "no former champion"),
    ],
)
def test_an_error_says_what_is_allowed(home: Settings, arguments: tuple[str, ...], message: str) -> None:
    code, told = smalti("models", *arguments)
    assert code == 1
    assert message in told


def test_while_a_run_goes_on_nothing_is_rolled_back(home: Settings) -> None:
    lease.take(home.ledger, "nightly-4", datetime.now(UTC).replace(tzinfo=None), yields=False)
    try:
        assert smalti("models", "rollback", "purchase")[0] == 1
    finally:
        lease.release(home.ledger, "nightly-4")
    assert champions.named(home)["purchase"] == "b"


def test_a_rollback_is_first_told_then_done_and_can_be_taken_back(home: Settings) -> None:
    assert smalti("models", "rollback", "purchase", "--dry-run") == (0, "purchase: a would count in place of b\n")
    assert champions.named(home)["purchase"] == "b"
    assert smalti("models", "rollback", "purchase") == (0, "purchase: a counts in place of b\n")
    assert champions.named(home) == {"purchase": "a"}
    told = json.loads(smalti("models", "rollback", "purchase", "--json")[1])
    assert (told["challenger"], told["dry_run"]) == ("b", False)
    assert champions.named(home, champions.FORMER) == {"purchase": "a"}


def test_a_changed_file_is_refused_before_it_is_read(home: Settings, tmp_path: Path) -> None:
    path = home.models / "purchase" / "b" / "card.md"
    before = path.read_bytes()
    path.write_bytes(b"# Another")
    try:
        code, told = smalti("models", "card", "purchase")
    finally:
        path.write_bytes(before)
    assert code == 1
    assert "the files do not match signature.json" in told
