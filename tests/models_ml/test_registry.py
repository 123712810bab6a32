"""The registry: what counts moves in one step, is found again after a kill, and is written again where it is lost."""

from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from models_ml import artifacts, champions
from models_ml.registry import Registry
from warehouse import decisions
from warehouse.decisions import Decision
from warehouse.errors import SmaltiError
from warehouse.settings import Settings

FORMER, CHALLENGER = champions.FORMER, champions.CHALLENGER


def stored(settings: Settings, *versions: str) -> None:
    for version in versions:
        artifacts.save(settings.models / "purchase" / version, {"model.txt": version.encode()}, "ab" * 32)


def named(settings: Settings) -> dict[str, str | None]:
    """Version by alias, as they are read without MLflow."""
    every = (champions.CHAMPION, CHALLENGER, FORMER)
    return {alias: champions.named(settings, alias).get("purchase") for alias in every}


@pytest.fixture
def home(shop: SimpleNamespace, tmp_path: Path) -> Settings:
    return shop.store(tmp_path, "any", shop.features(customers=1, cutoffs=1))  # type: ignore[no-any-return]


@pytest.fixture
def registry(home: Settings) -> Registry:
    found = Registry(home)
    for version in ("a", "b"):
        found.register("purchase", version, {"made of": version})
        found.promote("purchase", version)
    return found


def test_what_is_read_without_mlflow_is_what_mlflow_says(home: Settings, registry: Registry) -> None:
    registry.register("purchase", "c", {})
    model = registry._client.get_registered_model("purchase")
    versions = {one.version: one for one in registry._client.search_model_versions("name = 'purchase'")}
    said = {alias: versions[int(number)].tags["smalti.version"] for alias, number in model.aliases.items()}
    assert named(home) == said == {"champion": "b", "former": "a", "challenger": "c"}


def test_a_promotion_names_the_champion_the_former_and_no_challenger(home: Settings, registry: Registry) -> None:
    assert named(home) == {"champion": "b", "former": "a", "challenger": None}
    assert registry.former("purchase") == "a"


def test_back_and_forth_ends_where_it_began(home: Settings, registry: Registry) -> None:
    registry.promote("purchase", "a")
    assert named(home) == {"champion": "a", "former": "b", "challenger": None}
    registry.promote("purchase", "b")
    assert named(home) == {"champion": "b", "former": "a", "challenger": None}


def test_every_step_may_be_repeated(home: Settings, registry: Registry) -> None:
    for _ in range(2):
        registry.register("purchase", "b", {"made of": "b"})
        registry.promote("purchase", "b")
    assert named(home) == {"champion": "b", "former": "a", "challenger": None}
    assert len(registry._client.search_model_versions("name = 'purchase'")) == 2


@pytest.mark.parametrize("calls", range(5))
def test_a_promotion_killed_anywhere_leaves_the_old_or_the_new_and_the_next_completes_it(
    home: Settings, registry: Registry, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.register("purchase", "c", {})
    with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
        _kill_after(registry, calls, patch)
        registry.promote("purchase", "c")
    after = named(home)["champion"]
    assert after in ("b", "c")
    assert registry.former("purchase") == {"b": "a", "c": "b"}[str(after)]
    Registry(home).promote("purchase", "c")
    assert named(home) == {"champion": "c", "former": "b", "challenger": None}


def _kill_after(registry: Registry, calls: int, patch: pytest.MonkeyPatch) -> None:
    """Let so many writes through, then none."""
    left = [calls]
    names = ("set_model_version_tag", "set_registered_model_alias", "delete_registered_model_alias")
    for name in names:
        patch.setattr(registry._client, name, _counted(getattr(registry._client, name), left))


def _counted(write: object, left: list[int]) -> object:
    def call(*arguments: object) -> object:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return write(*arguments)  # type: ignore[operator]

    return call


def test_without_a_former_one_the_models_that_there_are_are_named(home: Settings) -> None:
    registry = Registry(home)
    registry.register("purchase", "a", {})
    registry.promote("purchase", "a")
    with pytest.raises(SmaltiError, match=r"'purchase' has no former champion .* models in the registry: purchase"):
        registry.former("purchase")
    with pytest.raises(SmaltiError, match="'luck' has no former champion"):
        registry.former("luck")


def test_a_lost_registry_is_written_again_from_the_ledger(home: Settings) -> None:
    stored(home, "a", "b")
    for run, outcome, version in (
        ("1", "first", "a"),
        ("2", "promoted", "b"),
        ("3", "kept", "c"),
        ("4", "first", "gone"),
    ):
        decisions.keep(home.ledger, Decision(run, "purchase", "2026-08-31", outcome, "", None, version))
    champions.path(home).unlink()
    assert named(home)["champion"] is None
    Registry(home)
    assert named(home) == {"champion": "b", "former": "a", "challenger": None}
    assert [path.name for path in home.models.iterdir() if path.is_file()] == ["registry.sqlite"]


def test_what_is_no_registry_is_named_with_the_way_on(home: Settings) -> None:
    champions.path(home).write_bytes(b"SQLite format 3 no more")
    with pytest.raises(champions.Lost, match=r"registry\.sqlite cannot be read .* move it away"):
        champions.named(home)


def test_versions_are_tagged_with_hashes_of_contents_which_a_new_signature_leaves(home: Settings) -> None:
    stored(home, "a")
    folder = home.models / "purchase" / "a"
    hashes = {name: artifacts.sha256(content) for name, content in artifacts.load(folder, "ab" * 32).items()}
    registry = Registry(home)
    registry.register("purchase", "a", hashes)
    artifacts.sign_again(home.models, "ab" * 32, "cd" * 32)
    [version] = registry._client.search_model_versions("name = 'purchase'")
    again = artifacts.load(folder, "cd" * 32)
    assert hashes == {name: version.tags[name] for name in again}
    assert hashes == {name: artifacts.sha256(content) for name, content in again.items()}
