"""A training: what counts is what is better beyond chance, and too little data changes nothing."""

import hashlib
import json
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

from models_ml import artifacts, champions, purchases, registry
from models_ml.score import score
from models_ml.train import rollback, train
from warehouse import decisions
from warehouse.errors import SmaltiError
from warehouse.settings import Settings

LATER = timedelta(days=7)


@pytest.fixture(scope="module")
def trained(shop: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a champion that has learnt little: of a signal that has grown since."""
    home: Path = tmp_path_factory.mktemp("trained")
    settings = shop.store(home, "first", shop.features(strength=0.5))
    train(settings, "first", shop.as_of, is_asked=False)
    score(settings, "first", shop.as_of)
    return home


@pytest.fixture
def home(shop: SimpleNamespace, trained: Path, tmp_path: Path) -> Settings:
    shutil.copytree(trained, tmp_path / "home")
    return shop.settings(tmp_path / "home")  # type: ignore[no-any-return]


def later(shop: SimpleNamespace, settings: Settings, run: str, frame: pl.DataFrame, weeks: int = 1) -> datetime:
    """Put the features of a run some weeks later in place; its moment."""
    shop.store(settings.home, run, frame.with_columns(pl.col("cutoff_at") + weeks * LATER))
    moment: datetime = shop.as_of + weeks * LATER
    return moment


def counts(settings: Settings) -> str | None:
    return champions.named(settings).get("purchase")


def sums(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*.parquet"))}


def test_the_first_model_counts_where_it_beats_the_base_rate(home: Settings) -> None:
    [decision] = decisions.read(home.ledger, "purchase")
    assert decision.outcome == "first"
    assert "better than the base rate" in decision.reason
    assert decision.detail["log_loss"]["lower"] > 0
    assert counts(home) == decision.challenger


def test_a_model_that_knows_nothing_does_not_count_and_nobody_is_scored(shop: SimpleNamespace, tmp_path: Path) -> None:
    shuffled = shop.features().with_columns(pl.col("bought_next_14d").shuffle(seed=7).over("cutoff_at"))
    settings = shop.store(tmp_path, "r", shuffled)
    decision = train(settings, "r", shop.as_of, is_asked=False)["purchase"]
    assert decision.outcome == "refused"
    assert "no model beats the base rate" in decision.reason
    report = score(settings, "r", shop.as_of).models["purchase"]
    assert (report.status, report.rows) == ("no_champion", 0)
    assert report.reason == decision.reason


def test_a_challenger_that_is_better_beyond_chance_counts_and_the_old_one_is_the_former(
    shop: SimpleNamespace, home: Settings
) -> None:
    old = counts(home)
    decision = train(home, "r", later(shop, home, "r", shop.features(seed=2)), is_asked=True)["purchase"]
    assert (decision.outcome, decision.champion) == ("promoted", old)
    assert decision.detail["log_loss"]["lower"] > 0
    assert counts(home) == decision.challenger != old
    assert champions.named(home, champions.FORMER)["purchase"] == old


def test_a_challenger_that_may_be_better_by_chance_only_does_not_count(shop: SimpleNamespace, home: Settings) -> None:
    old = counts(home)
    decision = train(home, "r", later(shop, home, "r", shop.features(seed=3, strength=0.5)), is_asked=True)["purchase"]
    assert decision.outcome == "kept"
    assert decision.detail["log_loss"]["lower"] <= 0
    assert counts(home) == old
    assert champions.named(home, champions.CHALLENGER)["purchase"] == decision.challenger


def test_a_champion_that_has_learnt_from_the_test_labels_is_not_compared(shop: SimpleNamespace, home: Settings) -> None:
    """The same weeks once more, corrected: the champion knows labels of the cut-offs that would judge it."""
    frame = shop.features(seed=2).with_columns(pl.col("cutoff_at") - 3 * LATER)
    shop.store(home.home, "r", frame)
    decision = train(home, "r", shop.as_of - 3 * LATER, is_asked=True)["purchase"]
    assert decision.outcome == "kept"
    assert "it has learnt from labels up to 2026-08-17" in decision.reason


def test_a_night_trains_nothing_while_every_champion_applies(shop: SimpleNamespace, home: Settings) -> None:
    made = train(home, "r", later(shop, home, "r", shop.features(seed=2)), is_asked=False)
    assert {name: one.outcome for name, one in made.items()} == dict.fromkeys(
        ("churn", "lookalike_category_enthusiast", "recommendations", "affinity"), "lacking"
    )


def test_groups_go_on_from_the_champion_and_who_moved_is_written(shop: SimpleNamespace, home: Settings) -> None:
    old = champions.named(home)["clusters"]
    moment = later(shop, home, "r", shop.features(seed=2))
    decision = train(home, "r", moment, is_asked=True)["clusters"]
    assert (decision.outcome, decision.champion) == ("promoted", old)
    score(home, "r", moment)
    moved = pl.read_parquet(home.scores / "r" / "cluster_migrations.parquet")
    assert moved.select("from_version", "into_version").unique().rows() == [(old, decision.challenger)]
    assert moved["people"].sum() == 1200
    assert train(home, "r2", later(shop, home, "r2", shop.features(seed=2)), is_asked=True)["clusters"].outcome == (
        "unchanged"
    )


def test_the_method_of_the_settings_finds_the_groups_of_the_next_training(
    shop: SimpleNamespace, home: Settings
) -> None:
    asked = home.model_copy(update={"cluster_method": "ward"})
    decision = train(asked, "r", later(shop, home, "r", shop.features(seed=2)), is_asked=True)["clusters"]
    files = champions.load(home, "clusters", str(decision.challenger))
    assert json.loads(files["card.json"])["parameters"]["method"] == "ward"


def test_a_champion_whose_features_are_no_more_gives_way(shop: SimpleNamespace, home: Settings) -> None:
    moment = later(shop, home, "r", shop.features(seed=2).rename({"carts_28d_count": "baskets_28d_count"}))
    decision = train(home, "r", moment, is_asked=False)["purchase"]
    assert decision.outcome == "promoted"
    assert "features that are no more: carts_28d_count; better than the base rate" in decision.reason
    assert score(home, "r", moment).models["purchase"].rows == 1200


def test_a_champion_whose_features_are_no_more_scores_nobody(shop: SimpleNamespace, home: Settings) -> None:
    moment = later(shop, home, "r", shop.features().drop("carts_28d_count"))
    found = score(home, "r", moment).models
    assert found["lifetime"].status == "ok"  # it goes by order days alone
    for model in ("purchase", "clusters"):
        assert (found[model].status, found[model].rows) == ("no_champion", 0)
        assert "features that are no more: carts_28d_count" in str(found[model].reason)


def test_the_same_data_give_the_same_model(shop: SimpleNamespace, home: Settings) -> None:
    decision = train(shop.store(home.home, "r", shop.features(strength=0.5)), "r", shop.as_of, is_asked=True)
    assert {name: one.outcome for name, one in decision.items() if name != "churn"} == {
        "purchase": "unchanged",
        "lookalike_category_enthusiast": "lacking",
        "clusters": "unchanged",
        "lifetime": "unchanged",
        "recommendations": "lacking",
        "affinity": "lacking",
    }


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many people each fit of orders to come was of."""
    found, fit = list[int](), purchases.fit

    def counted(people: pl.DataFrame, horizon: float) -> artifacts.Files:
        found.append(people.height)
        return fit(people, horizon)

    monkeypatch.setattr(purchases, "fit", counted)
    return found


def test_lifetime_is_fitted_once_and_not_at_all_to_the_same_data(
    shop: SimpleNamespace, home: Settings, fits: list[int]
) -> None:
    train(shop.store(home.home, "same", shop.features(strength=0.5)), "same", shop.as_of, is_asked=True)
    assert not fits
    assert train(home, "r", later(shop, home, "r", shop.features(seed=2)), is_asked=True)["lifetime"].is_promoted
    assert len(fits) == 1


def test_amounts_that_nothing_fits_leave_the_lifetime_that_counts(shop: SimpleNamespace, home: Settings) -> None:
    before = champions.named(home)["lifetime"]
    moment = later(shop, home, "r", shop.features(seed=2).with_columns(spend_total_amount=0.0))
    decision = train(home, "r", moment, is_asked=True)["lifetime"]
    assert (decision.outcome, decision.reason) == ("lacking", "no order has an amount above 0")
    assert champions.named(home)["lifetime"] == before


def few(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(pl.col("customer_id") < "00000000-0000-5000-8000-000000000499")


def constant(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.selectors.numeric().fill_null(0) * 0 + 1)


def one_class(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(bought_next_14d=pl.when("is_scored").then(None).otherwise(statement=False))


def nothing_known(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.selectors.numeric().cast(pl.Float64) * float("nan"))


TOO_LITTLE: list[tuple[Callable[[pl.DataFrame], pl.DataFrame], str]] = [
    (few, "499 people to learn from; at least 500 are needed"),
    (one_class, "0 buyers in part"),
    (constant, "no feature varies"),
    (nothing_known, "no feature varies"),
    (lambda frame: frame.clear(), "0 rows"),
]


@pytest.mark.parametrize(("change", "reason"), TOO_LITTLE)
def test_with_too_little_data_the_champion_stays_and_the_reason_is_told(
    shop: SimpleNamespace, home: Settings, change: Callable[[pl.DataFrame], pl.DataFrame], reason: str
) -> None:
    old, frame = counts(home), change(shop.features(seed=2))
    moment = later(shop, home, "r", frame)
    decision = train(home, "r", moment, is_asked=True)["purchase"]
    assert (decision.outcome, decision.champion, decision.challenger) == ("lacking", old, None)
    assert reason in decision.reason
    assert counts(home) == old
    report = score(home, "r", moment).models["purchase"]
    assert (report.status, report.rows) == ("ok", frame.filter("is_scored").height)
    assert report.training is not None
    assert reason in report.training["reason"]


@pytest.mark.parametrize(("change", "reason"), TOO_LITTLE)
def test_with_too_little_data_and_no_champion_nobody_is_scored(
    shop: SimpleNamespace, tmp_path: Path, change: Callable[[pl.DataFrame], pl.DataFrame], reason: str
) -> None:
    settings = shop.store(tmp_path, "r", change(shop.features()))
    train(settings, "r", shop.as_of, is_asked=False)
    report = score(settings, "r", shop.as_of).models["purchase"]
    assert (report.status, report.rows, report.version) == ("too_little_data", 0, None)
    assert reason in str(report.reason)


@pytest.mark.parametrize("place", ["keep", "register", "promote", "settle"])
def test_a_training_killed_anywhere_and_repeated_ends_with_the_same_champion_and_bytes(
    shop: SimpleNamespace, home: Settings, trained: Path, tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(trained, tmp_path / "straight")
    straight = shop.settings(tmp_path / "straight")
    wanted = train(straight, "r", later(shop, straight, "r", shop.features(seed=2)), is_asked=True)
    moment = later(shop, home, "r", shop.features(seed=2))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(decisions if place == "keep" else registry.Registry, place, killed)
        with pytest.raises(KeyboardInterrupt):
            train(home, "r", moment, is_asked=True)
    assert train(home, "r", moment, is_asked=True) == wanted
    for alias in (champions.CHAMPION, champions.CHALLENGER, champions.FORMER):
        assert champions.named(home, alias) == champions.named(straight, alias)
    for settings in (home, straight):
        score(settings, "r", moment)
    assert sums(home.scores / "r") == sums(straight.scores / "r")


def test_a_rollback_brings_the_former_scores_back_byte_by_byte(shop: SimpleNamespace, home: Settings) -> None:
    moment = later(shop, home, "r", shop.features(seed=2))
    score(home, "r", moment)
    before = sums(home.scores / "r")
    new = train(home, "r", moment, is_asked=True)["purchase"]
    train_clusters_back = champions.named(home, champions.FORMER)["clusters"]
    score(home, "r", moment)
    assert sums(home.scores / "r")["propensity.parquet"] != before["propensity.parquet"]
    assert rollback(home, "by hand", "purchase", moment, dry_run=True).challenger == new.champion
    assert counts(home) == new.challenger
    for model in ("purchase", "clusters", "lifetime"):
        rollback(home, f"by hand {model}", model, moment, dry_run=False)
    assert champions.named(home)["clusters"] == train_clusters_back
    assert counts(home) == new.champion
    score(home, "r", moment)
    assert sums(home.scores / "r") == before


def test_what_a_person_rolled_back_is_not_brought_back_by_a_training(shop: SimpleNamespace, home: Settings) -> None:
    moment = later(shop, home, "r", shop.features(seed=2))
    new = train(home, "r", moment, is_asked=True)["purchase"]
    rollback(home, "by hand", "purchase", moment, dry_run=False)
    shutil.copytree(home.features / "r", home.features / "again")
    again = train(home, "again", moment, is_asked=True)["purchase"]
    assert (again.outcome, again.reason) == ("kept", "a person has rolled it back")
    assert counts(home) == new.champion


def test_there_is_nothing_to_go_back_to_at_first(shop: SimpleNamespace, home: Settings) -> None:
    with pytest.raises(SmaltiError, match="no former champion to go back to"):
        rollback(home, "by hand", "purchase", shop.as_of, dry_run=False)


def test_a_champion_whose_files_are_gone_is_named_and_the_next_training_makes_one(
    shop: SimpleNamespace, home: Settings
) -> None:
    version = str(counts(home))
    shutil.rmtree(home.models / "purchase" / version)
    with pytest.raises(champions.Lost, match=f"purchase/{version} stands in the registry, its files are gone"):
        score(home, "first", shop.as_of)
    shutil.copytree(home.features / "first", home.features / "second")
    decision = train(home, "second", shop.as_of, is_asked=False)["purchase"]
    assert (decision.outcome, decision.challenger) == ("first", version)
    assert score(home, "first", shop.as_of).models["purchase"].rows == 1200
