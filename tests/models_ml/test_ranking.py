"""Figures of rankings by hand: recall, ndcg, coverage, interval; lists that spread; weights from product to product."""

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from models_ml.recommenders import als, content, cooccurrence, ease, neighbours, popularity, ranking
from models_ml.recommenders.diversity import MOST_OF_ONE, Traits, spread, within
from models_ml.recommenders.report import gini


def relevant(*people: list[int], products: int = 30) -> sparse.csr_array:
    found = np.zeros((len(people), products), dtype=np.float32)
    for number, wanted in enumerate(people):
        found[number, wanted] = 1
    return sparse.csr_array(found)


def test_recall_at_20_is_the_share_of_what_they_turned_to_among_the_first_20():
    ranked = np.array([range(25), range(25)])
    wanted = relevant([0, 19, 20, 29], [24])
    hit = ranking.hits(ranked, wanted)
    assert ranking.recall(hit, wanted, 20).tolist() == [2 / 4, 0.0]


def test_ndcg_at_20_counts_a_hit_the_less_the_lower_it_stands():
    ranked = np.array([[3, 1, 2], [1, 3, 2], [1, 2, 3]])
    wanted = relevant([3, 2], [3], [9])
    found = ranking.ndcg(ranking.hits(ranked, wanted), wanted, 20)
    assert found.tolist() == pytest.approx([(1 + 1 / 2) / (1 + 1 / np.log2(3)), 1 / np.log2(3), 0.0])


def test_the_best_possible_ndcg_is_1_however_many_they_turned_to():
    ranked = np.array([range(20), range(20)])
    wanted = relevant([0], list(range(25)))
    assert ranking.ndcg(ranking.hits(ranked, wanted), wanted, 20).tolist() == pytest.approx([1.0, 1.0])


def test_coverage_at_10_is_the_share_of_products_in_anybodys_first_10():
    ranked = np.array([[*range(10), 11], [*range(5, 15), 20], [-1] * 11])
    assert ranking.coverage(ranked, 10, 30) == 15 / 30


def test_a_place_that_holds_nothing_is_no_hit():
    assert not ranking.hits(np.array([[-1]]), relevant([0, 29])).any()


def test_equal_scores_rank_in_order_of_the_products():
    assert ranking.top(np.array([[1, 2, 2, 1, 2]], np.float32), 5).tolist() == [[1, 2, 4, 0, 3]]


def test_the_best_of_many_products_are_those_that_sorting_finds():
    scores = np.random.default_rng(1).permuted(np.tile(np.arange(1_003, dtype=np.float32), (50, 1)), axis=1)
    assert (ranking.top(scores, 20) == np.argsort(-scores, axis=1)[:, :20]).all()


def test_the_interval_of_no_gain_holds_0_and_that_of_a_gain_does_not():
    rng = np.random.default_rng(3)
    low, high = ranking.interval(rng.normal(0, 1, 500), 1)
    assert low < 0 < high
    low, high = ranking.interval(rng.normal(0.5, 1, 500), 1)
    assert 0 < low < 0.5 < high


def traits(category: list[int]) -> Traits:
    codes = np.array(category, dtype=np.int32)
    return Traits(codes, np.full_like(codes, -1), np.full_like(codes, -1))


def test_no_category_has_more_than_six_of_ten_while_there_is_another():
    values = np.linspace(1, 0.5, 15, dtype=np.float32)[None]
    found = spread(np.arange(15)[None], values, traits([0] * 10 + [1] * 5), 10, 1.0)
    assert (found < 10).sum() == MOST_OF_ONE
    alone = spread(np.arange(15)[None], values, traits([0] * 15), 10, 1.0)
    assert alone.tolist() == [list(range(10))]


def test_difference_counts_the_more_the_less_relevance_does():
    values = np.array([[1, 0.95, 0.9, 0.5]], dtype=np.float32)
    of = traits([0, 0, 0, 1])
    assert spread(np.arange(4)[None], values, of, 3, 1.0).tolist() == [[0, 1, 3]]  # a bound of two of three
    assert spread(np.arange(4)[None], values, of, 2, 1.0).tolist() == [[0, 3]]
    mixed = spread(np.arange(4)[None], values, traits([0, 0, 1, 1]), 3, 0.5)
    assert mixed.tolist() == [[0, 2, 1]]


def test_a_product_stands_in_a_list_once_and_what_is_out_never():
    candidates, values = np.array([[7, 7, 8, 9]]), np.array([[1, 0.9, 0.8, -np.inf]], dtype=np.float32)
    assert spread(candidates, values, traits([0] * 10), 3, 1.0).tolist() == [[0, 2, -1]]


def test_what_is_of_a_higher_tier_comes_first_however_alike():
    values = np.array([[3.2, 3.1, 2.99, 1.9]], dtype=np.float32)
    assert spread(np.arange(4)[None], values, traits([0, 0, 1, 2]), 3, 0.1).tolist() == [[0, 1, 2]]


def test_a_list_of_one_kind_has_no_diversity_and_one_of_all_kinds_all():
    of = Traits(*(np.array([0, 0, 1, 2], dtype=np.int32) for _ in range(3)))
    assert within(np.array([[0, 1], [1, 2], [3, -1]]), of).tolist() == [0.0, 1.0, 0.0]


def test_ease_is_each_product_regressed_on_all_others():
    x = sparse.csr_array(np.random.default_rng(1).random((40, 5)).astype(np.float32))
    weights, dense = ease.fit(ease.gram(x), 3.0), x.toarray().astype(np.float64)
    for j in range(5):
        others = [i for i in range(5) if i != j]
        of_others = dense[:, others]
        ridge = np.linalg.solve(of_others.T @ of_others + 3.0 * np.eye(4), of_others.T @ dense[:, j])
        assert weights[others, j] == pytest.approx(ridge, abs=1e-5)
        assert weights[j, j] == 0


def test_the_weights_of_als_are_its_scores_for_whoever_counts_all_products_alike():
    rng = np.random.default_rng(2)
    products, history = rng.normal(size=(12, 3)).astype(np.float32), (rng.random((4, 12)) < 0.4).astype(np.float32)
    y = products.astype(np.float64)
    factors = np.linalg.solve(y.T @ y + 0.1 * np.eye(3), y.T @ history.T)
    scores = (y @ factors).T
    found = history @ als.weights(products, 0.1, 12).toarray()
    own = np.diag(y @ np.linalg.inv(y.T @ y + 0.1 * np.eye(3)) @ y.T)
    assert found == pytest.approx(scores - history * own, abs=1e-5)


def test_als_gives_the_same_bytes_every_time():
    x = sparse.csr_array((np.random.default_rng(1).random((60, 20)) < 0.2).astype(np.float32))
    one, other = (als.fit(x, factors=4, regularisation=0.1, alpha=2.0, rounds=3, seed=1) for _ in range(2))
    assert [a.tobytes() for a in one] == [b.tobytes() for b in other]


def test_products_of_one_session_are_neighbours_and_a_pair_seen_once_hardly():
    together = sparse.csr_array(np.array([[0, 50, 1], [50, 0, 0], [1, 0, 0]], dtype=np.float32))
    found = cooccurrence.fit(together).toarray()
    assert found[0, 1] == found[1, 0] > 0.8
    assert found[0, 2] < 0.1


def test_products_alike_in_category_brand_and_words_are_neighbours_without_anybody_touching_them():
    catalogue = pl.DataFrame(
        {
            "category": ["mugs", "mugs", "hats", None],
            "brand": ["acme", "acme", "acme", None],
            "name": ["Blue mug", "Blue cup", "Red hat", None],
            "price_amount": [5.0, 6.0, 50.0, None],
        }
    )
    found = content.fit(catalogue, 10).toarray()
    assert found[0, 1] > found[0, 2] > 0
    assert not np.diag(found).any()
    assert not found[3].any()


def test_the_strongest_are_kept_whatever_their_sign():
    kept = neighbours.strongest(np.array([[0.1, -3.0, 2.0, 0.2]], np.float32), 2)
    assert kept.toarray().tolist() == [[0.0, -3.0, 2.0, 0.0]]


def test_a_region_of_few_people_has_no_taste_of_its_own():
    history = sparse.csr_array(
        np.vstack([np.tile([1.0, 0.0], (100, 1)), np.tile([0.0, 1.0], (99, 1))]).astype(np.float32)
    )
    found = popularity.by_group(history, pl.Series("region", ["north"] * 100 + ["south"] * 98 + [None]))
    assert {name: values.tolist() for name, values in found.items()} == {"north": [1.0, 0.0]}


def test_gini_is_0_for_all_alike_and_near_1_for_one_alone():
    assert gini(np.array([3, 3, 3])) == 0
    assert gini(np.array([0] * 99 + [5])) == pytest.approx(0.99)
