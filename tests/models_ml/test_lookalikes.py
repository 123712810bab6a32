"""Look-alikes: learnt from what was published, without what defines the seed, and of nobody who is in it."""

import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from models_ml import seeded
from models_ml.lookalikes import Resemblance
from warehouse.cutoffs import HORIZON
from warehouse.lookalikes import FILE, Lookalike

SEED = "big"
NEVER = pl.lit(None, dtype=pl.Datetime("us"))


def model(folder: Path, *without: str) -> Resemblance:
    return Resemblance(Lookalike("like_big", SEED, without), folder)


def publish(folder: Path, frame: pl.DataFrame, entered_at: Any) -> pl.DataFrame:
    """Seed spells of the fifth that spent most, as a publication leaves them."""
    now = frame.filter("is_scored")
    big = now.filter(pl.col("spend_total_amount") > now["spend_total_amount"].quantile(0.8))
    spells = big.select(pl.lit(SEED).alias("seed"), "customer_id", entered_at.alias("entered_at"), left_at=NEVER)
    spells.write_parquet(folder / f"{FILE}.parquet")
    return spells


@pytest.fixture(scope="module")
def frame(shop: SimpleNamespace) -> pl.DataFrame:
    return shop.features()  # type: ignore[no-any-return]


@pytest.fixture
def folder(shop: SimpleNamespace, frame: pl.DataFrame, tmp_path: Path) -> Path:
    publish(tmp_path, frame, pl.lit(shop.as_of - timedelta(days=1)))
    return tmp_path


def card(found: Resemblance, frame: pl.DataFrame, shop: SimpleNamespace) -> dict[str, Any]:
    rows = found.rows(frame, shop.as_of)
    assert found.lacking(rows) is None
    return json.loads(found.fit(rows, 1, None)["card.json"])  # type: ignore[no-any-return]


def test_what_defines_the_seed_and_what_the_sidecar_names_is_left_out(
    shop: SimpleNamespace, frame: pl.DataFrame, folder: Path
) -> None:
    told = card(model(folder, "carts_28d_count"), frame, shop)
    assert "spend_total_amount" in told["left out"]
    assert told["left out"]["carts_28d_count"] == "by the sidecar's word"
    assert not {"spend_total_amount", "carts_28d_count"} & set(told["weights"])


def test_the_same_rows_give_the_same_bytes_and_name(shop: SimpleNamespace, frame: pl.DataFrame, folder: Path) -> None:
    found = model(folder)
    one, other = (found.rows(rows, shop.as_of) for rows in (frame, frame.reverse()))
    assert found.fit(one, 1, None) == found.fit(other, 1, None)
    assert found.version(one, None) == found.version(other, None)


def test_nobody_of_the_seed_is_scored_and_as_many_are_high_as_it_has_at_most(
    shop: SimpleNamespace, frame: pl.DataFrame, folder: Path
) -> None:
    found, now = model(folder), frame.filter("is_scored")
    files = found.fit(found.rows(frame, shop.as_of), 1, None)
    scores = found.apply(files, "v", shop.as_of, 1).score(now)
    members = seeded.members(seeded.spells(folder, SEED))
    assert scores.join(members, on="customer_id").is_empty()
    assert scores.height + members.height == now.height
    assert 0 < scores.filter(tier="high").height <= min(members.height, scores.height // 10)


def test_before_the_first_publication_nothing_is_fitted_and_the_reason_is_told(
    shop: SimpleNamespace, frame: pl.DataFrame, tmp_path: Path
) -> None:
    found = model(tmp_path)
    assert "last published version" in str(found.lacking(found.rows(frame, shop.as_of)))


def test_too_few_people_are_told_without_a_number_of_the_seed(
    shop: SimpleNamespace, frame: pl.DataFrame, folder: Path
) -> None:
    spells = pl.read_parquet(folder / f"{FILE}.parquet")
    spells.head(49).write_parquet(folder / f"{FILE}.parquet")
    found = model(folder)
    assert "fewer than 50 people are in big" in str(found.lacking(found.rows(frame, shop.as_of)))
    few = frame.filter(pl.col("customer_id") < "00000000-0000-5000-8000-000000000499")
    assert "499 people" in str(found.lacking(found.rows(few, shop.as_of)))


def test_constant_features_are_too_little(shop: SimpleNamespace, frame: pl.DataFrame, folder: Path) -> None:
    flat = frame.with_columns(pl.selectors.numeric().fill_null(0) * 0 + 1)
    found = model(folder)
    assert found.lacking(found.rows(flat, shop.as_of)) == "no feature varies"


def test_what_became_of_them_is_not_known_where_nothing_was_published_then(
    shop: SimpleNamespace, frame: pl.DataFrame, folder: Path
) -> None:
    assert "unknown" in card(model(folder), frame, shop)["metrics"]["since then"]


@pytest.mark.parametrize("is_known", [True, False])
def test_a_shop_without_a_cut_off_that_is_over_has_its_look_alikes(
    shop: SimpleNamespace, frame: pl.DataFrame, folder: Path, *, is_known: bool
) -> None:
    young = frame.filter("is_scored") if is_known else frame.filter("is_scored").drop("bought_next_14d")
    found = model(folder)
    rows = found.rows(young, shop.as_of)
    assert found.version(rows, None) == found.version(found.rows(young.reverse(), shop.as_of), None)
    assert "unknown" in card(found, young, shop)["metrics"]["since then"]


def test_who_joined_after_the_cut_off_was_no_member_then(
    shop: SimpleNamespace, frame: pl.DataFrame, tmp_path: Path
) -> None:
    """A label of now, carried back to then, would make joiners members and the check blind."""
    then = shop.as_of - HORIZON
    is_old = pl.col("customer_id").hash(1) % 2 == 0
    entered_at = pl.when(is_old).then(pl.lit(then - HORIZON)).otherwise(pl.lit(then + timedelta(days=1)))
    spells = publish(tmp_path, frame, entered_at)
    rows = model(tmp_path).rows(frame, shop.as_of)
    joined, members = (rows.then.filter(one)["customer_id"] for one in (seeded.JOINED, "label"))
    assert set(joined) == set(spells.filter(pl.col("entered_at") > then)["customer_id"])
    assert not set(joined) & set(members)
    told = card(model(tmp_path), frame, shop)["metrics"]["since then"]
    assert set(told["joined the seed"]) >= {"alike", "others", "recency and frequency", "more than others"}


def test_a_seed_drawn_by_lot_does_not_count(shop: SimpleNamespace, frame: pl.DataFrame, folder: Path) -> None:
    now = frame.filter("is_scored").sample(240, seed=3)
    lot = now.select(pl.lit(SEED).alias("seed"), "customer_id", pl.lit(shop.as_of).alias("entered_at"), left_at=NEVER)
    lot.write_parquet(folder / f"{FILE}.parquet")
    found = model(folder)
    rows = found.rows(frame, shop.as_of)
    verdict = found.judge(None, found.fit(rows, 1, None), rows, 1)
    assert (verdict.is_promoted, "no better than chance" in verdict.reason) == (False, True)
