"""Recommendations as a run sees them: everybody gets a list, nothing of it is bought or sold out, and nothing leaks."""

import io
import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from models_ml import artifacts, folders, recommend
from models_ml.products import Recommendations
from models_ml.recommenders import blend, judging, ranking
from models_ml.recommenders.blend import Parameters
from models_ml.recommenders.shop import LEARNT, TESTED, TUNED, Shop
from models_ml.recommenders.strategies import NAMES
from tests.models_ml import shelves

FAST = Parameters(regularisations=(100.0,))


@pytest.fixture(scope="module")
def shop() -> Shop:
    return shelves.shop()


@pytest.fixture(scope="module")
def files(shop: Shop) -> artifacts.Files:
    return recommend.fit(shop)


@pytest.fixture(scope="module")
def lists(shop: Shop, files: artifacts.Files) -> pl.DataFrame:
    return pl.concat(recommend.predict(files, shop, "v"))


def card(files: artifacts.Files) -> dict:
    return json.loads(files["card.json"])


# what everybody gets


def test_everybody_known_gets_ten_products_ranked_from_1(shop: Shop, lists: pl.DataFrame):
    assert lists.schema == recommend.SCHEMA
    found = lists.group_by("customer_id", maintain_order=True).agg("rank")
    assert found["customer_id"].to_list() == shop.shoppers["customer_id"].to_list()
    assert set(map(tuple, found["rank"].to_list())) == {tuple(range(1, 11))}
    assert lists.select("customer_id", "product_id").is_duplicated().sum() == 0
    assert lists["score"].is_between(0, 1).all()


def test_nothing_is_recommended_that_was_bought_or_is_not_on_sale(shop: Shop, lists: pl.DataFrame):
    products = shop.catalogue.select("product_number", "product_id", "is_available")
    bought = (
        shop.interactions.filter(pl.col("purchases") > 0)
        .join(shop.shoppers.select("shopper_number", "customer_id"), on="shopper_number")
        .join(products, on="product_number")
    )
    assert bought.height > 500
    assert lists.join(bought, on=["customer_id", "product_id"], how="semi").height == 0
    assert lists.join(products.filter(~pl.col("is_available")), on="product_id", how="semi").height == 0


def test_no_list_has_more_than_six_of_a_category(shop: Shop, lists: pl.DataFrame):
    of = lists.join(shop.catalogue.select("product_id", "category"), on="product_id")
    assert of.group_by("customer_id", "category").len()["len"].max() <= 6


def test_who_did_nothing_gets_what_is_popular_in_their_category_then_in_their_region_then_with_all(
    shop: Shop, lists: pl.DataFrame
):
    known = shop.interactions["shopper_number"].unique()
    cold = shop.shoppers.filter(~pl.col("shopper_number").is_in(known.implode()))
    theirs = lists.join(cold, on="customer_id").sort("customer_id", "rank")
    assert cold.height >= 90
    assert set(theirs["strategy"]) == {"popular_in_category", "popular_in_region", "popular"}
    first = theirs.filter(pl.col("rank") == 1)
    has_category = first["favourite_category"].is_not_null()
    assert set(first.filter(has_category)["strategy"]) == {"popular_in_category"}
    other = first.filter(~has_category)
    assert set(other.filter(pl.col("region").is_not_null())["strategy"]) == {"popular_in_region"}
    assert set(other.filter(pl.col("region").is_null())["strategy"]) == {"popular"}
    assert set(
        theirs.filter(pl.col("strategy") == "popular_in_category")
        .join(shop.catalogue, on="product_id")
        .select(same=pl.col("category") == pl.col("favourite_category"))["same"]
    ) == {True}


def test_each_stage_of_the_journey_has_its_strategy(shop: Shop, lists: pl.DataFrame):
    first = lists.filter(pl.col("rank") == 1).join(shop.shoppers, on="customer_id")
    did = shop.interactions.group_by("shopper_number").agg(
        pl.len(), pl.col("purchases").sum(), left=((pl.col("carts") > 0) & (pl.col("purchases") == 0)).sum()
    )
    of = first.join(did, on="shopper_number")
    assert set(of["strategy"]) <= set(NAMES)
    assert set(of.filter((pl.col("journey_stage") == "post_purchase") & (pl.col("purchases") > 0))["strategy"]) == {
        "complements"
    }
    browsing = of.filter(pl.col("journey_stage") == "browsing")
    assert set(browsing.filter(pl.col("state") == "lapsed")["strategy"]) == {"back_to_favourites"}
    assert set(browsing.filter((pl.col("state") != "lapsed") & (pl.col("len") > 20))["strategy"]) == {"personal"}


def test_what_lies_in_the_basket_comes_first(shop: Shop, lists: pl.DataFrame):
    first = lists.filter((pl.col("rank") == 1) & (pl.col("strategy") == "cart_offer"))
    basket = (
        shop.interactions.group_by("shopper_number", "product_number")
        .agg(pl.col("carts").sum(), pl.col("purchases").sum())
        .filter((pl.col("carts") > 0) & (pl.col("purchases") == 0))
        .join(shop.shoppers, on="shopper_number")
        .join(shop.catalogue, on="product_number")
    )
    assert first.height > 30
    assert first.join(basket.filter("is_available"), on=["customer_id", "product_id"], how="anti").height == 0


def test_whoever_bought_nearly_everything_gets_what_is_left(shop: Shop, files: artifacts.Files):
    everything = pl.DataFrame(
        {"shopper_number": 0, "product_number": range(57), "period": 0, "carts": 0, "purchases": 1, "weight": 8.0},
        schema=shop.interactions.schema,
    )
    rows = pl.concat([shop.interactions.filter(pl.col("shopper_number") != 0), everything])
    shop = replace(shop, interactions=rows.sort("shopper_number", "product_number", "period"))
    [first, *_] = recommend.predict(files, shop, "v")
    left = first.filter(pl.col("customer_id") == shop.shoppers["customer_id"][0])
    assert set(left["product_id"]) == {"p057", "p058", "p059"}
    assert left["rank"].to_list() == [1, 2, 3]


def test_a_product_that_is_gone_or_new_since_is_not_recommended(shop: Shop, files: artifacts.Files):
    without = shop.catalogue.filter(pl.col("product_id") != "p000").with_columns(
        product_id=pl.when(pl.col("product_id") == "p006").then(pl.lit("brand new")).otherwise("product_id"),
        product_number=pl.int_range(pl.len(), dtype=pl.Int32),
    )
    numbers = pl.col("product_number")
    later = replace(
        shop,
        catalogue=without,
        interactions=shop.interactions.filter(numbers > 0).with_columns(numbers - 1),
        co_occurrences=shop.co_occurrences.clear(),
    )
    found = pl.concat(recommend.predict(files, later, "v"))
    assert found["customer_id"].n_unique() == shop.shoppers.height
    assert not set(found["product_id"]) & {"p000", "p006", "brand new"}


# the same input, the same bytes


def test_the_same_shop_gives_the_same_bytes_and_what_is_written_is_what_is_read(shop: Shop, files: artifacts.Files):
    again = recommend.fit(shelves.shop())
    assert again == files
    one, other = (folders.parquet(recommend.predict(f, shop, "v"), recommend.SCHEMA) for f in (files, again))
    assert one == other
    assert pl.read_parquet(io.BytesIO(one)).schema == recommend.SCHEMA


def test_above_the_bound_als_takes_over_and_gives_the_same_bytes_too(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recommend, "PARAMETERS", Parameters(most_for_ease=10, factors=8, als_rounds=5))
    first = recommend.fit(shop)
    assert first == recommend.fit(shop)
    figures = card(first)["metrics"]
    assert figures["collaborative"]["ndcg_at_20"] > figures["popularity"]["ndcg_at_20"]


def test_no_more_than_some_people_are_listed_at_a_time_and_it_makes_no_difference(
    shop: Shop, files: artifacts.Files, lists: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("models_ml.recommenders.lists._MOST_ROWS", 100)
    found = list(recommend.predict(files, shop, "v"))
    assert len(found) == 9
    assert pl.concat(found).equals(lists)


def test_no_person_stands_in_an_artifact(files: artifacts.Files):
    assert not [name for name, content in files.items() if b"00000000-0000-5000" in content]


def test_another_shop_is_another_version_and_other_names_of_people_are_not(shop: Shop):
    other = replace(shop, interactions=shop.interactions.head(-1))
    renamed = replace(
        shop, shoppers=shop.shoppers.with_columns(customer_id=pl.col("customer_id").str.replace("0", "f"))
    )
    assert other.digest() != shop.digest() == renamed.digest()


# how good they are


def test_lists_beat_popularity_where_people_have_a_taste(files: artifacts.Files):
    metrics = card(files)["metrics"]
    beside = metrics["lists_beside_popularity"]
    assert beside["verdict"] == "better"
    assert 0 < beside["low"] < beside["ndcg_at_20_gain"] < beside["high"]
    assert recommend.warnings(metrics) == ()


def test_where_nobody_has_a_taste_the_lists_are_not_called_better():
    metrics = card(recommend.fit(shelves.shop(taste=0.0)))["metrics"]
    assert metrics["lists_beside_popularity"]["verdict"] != "better"
    assert "beside popularity" in recommend.warnings(metrics)[0]


def test_the_card_says_whom_the_head_of_the_catalogue_is_shown_to(files: artifacts.Files):
    audited = card(files)["popularity_and_fairness"]
    assert set(audited["share_of_the_head_by_region"]) == {"north", "south"}
    assert set(audited["share_of_the_head_by_state"]) == {"browsing", "customer", "lapsed"}
    assert 0 < audited["share_of_the_head"] < 1
    assert audited["people_with_a_full_list"] == 1
    assert sum(audited["strategies"].values()) == pytest.approx(1, abs=0.001)
    assert b"## Limits" in files["card.md"]


def test_a_challenger_counts_unless_it_is_surely_worse_on_the_last_fortnight(shop: Shop, files: artifacts.Files):
    model = Recommendations()
    poor = recommend.fit(shelves.shop(taste=0.0))
    assert model.judge(poor, files, shop, 1).is_promoted
    first = model.judge(None, files, shop, 1)
    assert first.is_promoted
    assert first.reason.startswith("better than what is popular: ndcg@20 higher by")
    # a champion from elsewhere, that has learnt what it is asked, against a mix that ranks by popularity alone
    told = json.loads(files["model.json"])
    told["tuned"]["mix"] = {"collaborative": 0.0, "sessions": 0.0, "content": 1e-9, "popularity": 1.0}
    worse = model.judge(files, {**files, "model.json": artifacts.dump(told)}, shop, 1)
    assert not worse.is_promoted
    assert worse.reason.startswith("worse than the champion")


# too little


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (lambda: shelves.shop(people=300), "people did anything with a product; at least 500 are needed"),
        (lambda: shelves.shop(products=6), "products are on sale; more than 10 are needed"),
        (lambda: shelves.shop().until(TUNED), "0 people turned to something new in the last fortnight"),
    ],
)
def test_too_little_is_said_in_a_sentence(made: Callable[[], Shop], reason: str):
    assert reason in str(recommend.lacking(made()))


def test_a_run_that_exported_no_shop_says_so():
    assert recommend.lacking(None) == "the run exported no interactions"


def test_enough_is_enough(shop: Shop):
    assert recommend.lacking(shop) is None


# leakage: each proof is also seen to notice the fault that it is for


def before(shop: Shop) -> bytes:
    """What is learnt before the last fortnight, as bytes."""
    parts = blend.learn(shop.until(TUNED), FAST, 100.0)
    return b"".join(part.data.tobytes() for part in parts.weights.values()) + parts.popularity.tobytes()


def otherwise_later(shop: Shop, period: int) -> Shop:
    """The same shop, in which other things happened in a period."""
    of = pl.col("period") == period
    turned = (pl.col("product_number") + 7) % shop.catalogue.height
    later = shop.interactions.with_columns(pl.when(of).then(turned).otherwise("product_number").alias("product_number"))
    pairs = shop.co_occurrences.with_columns(
        pl.when(of).then(pl.col("sessions_count") * 3).otherwise("sessions_count").alias("sessions_count")
    )
    return replace(shop, interactions=later, co_occurrences=pairs)


def leaking(shop: Shop, period: int) -> Shop:
    """`until` as it must not be: it knows what came later."""
    return shop


def test_what_happens_later_changes_nothing_of_what_was_learnt_before(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    assert before(shop) == before(otherwise_later(shop, TESTED))
    assert judging.tuned(shop, FAST) == judging.tuned(otherwise_later(shop, TESTED), FAST)
    monkeypatch.setattr(Shop, "until", leaking)
    assert before(shop) != before(otherwise_later(shop, TESTED))


@pytest.mark.parametrize("period", [TUNED, TESTED])
def test_nothing_to_be_found_stands_in_the_history_it_is_to_be_found_from(
    shop: Shop, period: int, monkeypatch: pytest.MonkeyPatch
):
    found = judging.case(shop, period)
    assert found.relevant.nnz > 500
    assert found.history.multiply(found.relevant).nnz == 0
    monkeypatch.setattr(judging, "_without", lambda later, _: later)
    with pytest.raises(ValueError, match="stand in the histories"):
        judging.case(shop, period)


def test_the_random_split_overlaps_neither(shop: Shop):
    kept, found = judging.at_random(shop)
    assert found.history.multiply(found.relevant).nnz == 0
    assert kept.interactions.height < shop.interactions.height


def test_the_random_split_is_another_and_flatters(files: artifacts.Files):
    metrics = card(files)["metrics"]
    assert metrics["random_split_which_flatters"] != metrics["lists"]


def seen_again(shop: Shop) -> int:
    """How many of the products ranked had been seen by who they are ranked for."""
    found = judging.case(shop, TESTED)
    parts = blend.learn(shop.until(TUNED), FAST, 100.0)
    mix = {"collaborative": 1.0, "popularity": 0.1}
    ranked = ranking.top(judging.scored(parts, mix, found.history), 20)
    return int(ranking.hits(ranked, found.history).sum())


def test_what_was_seen_is_masked(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    assert seen_again(shop) == 0
    monkeypatch.setattr(judging, "masked", lambda scores, _: scores)
    assert seen_again(shop) > 0


def popularity_by_hand(shop: Shop) -> float:
    """Mean ndcg@20 of popularity, one person and one product at a time, over every product there is."""
    found, popular = judging.case(shop, TESTED), shop.until(TUNED).history().sum(axis=0)
    gains = []
    for history, wanted in zip(found.history.toarray(), found.relevant.toarray(), strict=True):
        unseen = sorted((p for p in range(shop.shape[1]) if not history[p]), key=lambda p: (-popular[p], p))
        hits = [1 / np.log2(place + 2) for place, p in enumerate(unseen[:20]) if wanted[p]]
        gains.append(sum(hits) / sum(1 / np.log2(place + 2) for place in range(min(20, int((wanted > 0).sum())))))
    return float(np.mean(gains))


def test_every_product_is_ranked_and_no_sample_of_them(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    chosen = judging.Tuned(100.0, {"collaborative": 1.0, "popularity": 0.1}, 1.0, 0.0)

    def of_popularity() -> float:
        figures, _ = judging.judge(shop, FAST, chosen)
        return figures["popularity"]["ndcg_at_20"]  # type: ignore[index, no-any-return]

    expected = popularity_by_hand(shop)
    assert of_popularity() == pytest.approx(expected, abs=1e-4)
    full = ranking.top
    drawn = np.random.default_rng(1).random(shop.shape[1]) < 0.5
    wanted = judging.case(shop, TESTED).relevant.toarray() > 0

    def sampled(scores: np.ndarray, k: int) -> np.ndarray:
        of = np.where(drawn | wanted, scores, -np.inf) if scores.shape == wanted.shape else scores
        return full(of, k)

    monkeypatch.setattr(ranking, "top", sampled)
    assert of_popularity() > expected + 0.02


def test_periods_are_told_apart_in_time(shop: Shop):
    assert [shop.until(period).interactions["period"].max() for period in (LEARNT, TUNED, TESTED)] == [0, 1, 2]
    assert isinstance(shop.history(), sparse.csr_array)
