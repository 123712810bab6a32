"""The lists themselves: for everybody known the products to show, by the strategy that fits, in blocks of people."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from models_ml.recommenders import blend, ranking
from models_ml.recommenders.diversity import Traits, spread
from models_ml.recommenders.shop import Flags, Floats, Ints, Shop, Sparse
from models_ml.recommenders.strategies import BY_HISTORY, NONE, PERSONAL, Known, assigned

N = 10
_CANDIDATES, _OF_GROUP, _CELLS, _MOST_ROWS = 30, 15, 20_000_000, 20_000
_OUT = np.float32(-np.inf)
_DENSE = 4_000  # products: up to here the weights are dense in memory
SEEN, BOUGHT = 1, 2
Met = NDArray[np.uint8]  # what each person has met with each product, 0 for nothing
# what comes first, whatever it scores; what was looked at before comes last of all
OF_HISTORY = 3
_TIERS = {"category": 2, "region": 1, "everybody": 0, "seen": -1}


@dataclass(frozen=True)
class Model:
    """What an artifact holds: weights from product to product by name, and popularity, with all and by region."""

    product_ids: list[str]
    weights: Mapping[str, Sparse]
    popularity: Floats
    regional: Mapping[str, Floats]
    of_popularity: float
    relevance: float

    def with_products(self, product_ids: list[str]) -> "Model":
        """The same model with these products too; of those it does not know it says nothing."""
        every = [*self.product_ids, *sorted(set(product_ids) - set(self.product_ids))]
        more = (0, len(every) - len(self.product_ids))
        weights = {name: sparse.csr_array(found) for name, found in self.weights.items()}
        for found in weights.values():
            found.resize((len(every), len(every)))
        regional = {name: np.pad(found, more) for name, found in self.regional.items()}
        return replace(
            self, product_ids=every, weights=weights, popularity=np.pad(self.popularity, more), regional=regional
        )


@dataclass(frozen=True)
class Lists:
    """Recommendations of some people, shapes (people, N): products (-1: none), scores, and by what tier they came."""

    products: Ints
    scores: Floats
    tiers: Ints


@dataclass(frozen=True)
class Ranker:
    """A model before the people of a shop; the shop's products are the model's, in its order."""

    model: Model
    shop: Shop

    @cached_property
    def did(self) -> dict[str, Sparse]:
        """What people did, by kind; what was bought, or is sold out, lies in no basket."""
        history, bought, carts = self.shop.history(), self.shop.did("purchases"), self.shop.did("carts")
        left = sparse.csr_array((carts - carts.multiply(bought.astype(bool))).multiply(self.shop.available()))
        left.eliminate_zeros()
        return {"history": history, "purchases": bought, "carts": left}

    @cached_property
    def strategy(self) -> Ints:
        """The place of each person's strategy in the table, shape (people,)."""
        known = {name: np.diff(found.indptr) for name, found in self.did.items()}
        return assigned(self.shop.shoppers, Known(known["history"], known["purchases"], known["carts"])).astype(
            np.int64
        )

    @cached_property
    def traits(self) -> Traits:
        """What the products have in common."""
        return Traits.of(self.shop.catalogue)

    @cached_property
    def groups(self) -> tuple[Ints, Ints]:
        """Favourite category and region of each person as rows of the two tables of popular products; -1 for none."""
        return self._codes("favourite_category", self.of_categories), self._codes("region", self.of_regions)

    @cached_property
    def of_categories(self) -> dict[str, Ints]:
        """The most popular products on sale of each category, best first; -1 where there are no more."""
        category = self.shop.catalogue["category"]
        names = category.drop_nulls().unique().sort()
        return {
            name: self._popular(self.model.popularity, (category == name).fill_null(value=False).to_numpy())
            for name in names
        }

    @cached_property
    def of_regions(self) -> dict[str, Ints]:
        """The same of each region, of whatever category."""
        everything = np.ones(len(self.model.popularity), dtype=np.bool_)
        return {name: self._popular(found, everything & (found > 0)) for name, found in self.model.regional.items()}

    @cached_property
    def of_everybody(self) -> Ints:
        """All products on sale, the most popular first."""
        order = np.argsort(-self.model.popularity, kind="stable")
        return order[self.shop.available()[order]]

    def blocks(self, n: int = N) -> Iterator[tuple[slice, Lists]]:
        """The lists of all people, in order of their numbers, some thousands at a time."""
        people, products = self.shop.shape
        size = int(np.clip(_CELLS // max(products, 1), 100, _MOST_ROWS))
        cold, of_cold = self._cold(n)
        for begin in range(0, people, size):
            rows = np.arange(begin, min(begin + size, people))
            warm = self.strategy[rows] != NONE
            found = Lists(cold.products[of_cold[rows]], cold.scores[of_cold[rows]], cold.tiers[of_cold[rows]])
            if warm.any():
                own = self.rank(rows[warm], n)
                for name in ("products", "scores", "tiers"):
                    getattr(found, name)[warm] = getattr(own, name)
            yield slice(begin, begin + len(rows)), found

    def rank(self, rows: Ints, n: int = N) -> Lists:
        """The lists of these people, by number."""
        met = np.zeros((len(rows), self.shop.shape[1]), dtype=np.uint8)
        met[_places(self.did["history"][rows])] = SEEN
        met[_places(self.did["purchases"][rows])] = BOUGHT
        fits = self._fits(rows)
        fits[met == BOUGHT] = _OUT
        fits[:, ~self.shop.available()] = _OUT
        own = ranking.top(fits, _CANDIDATES)
        values = np.take_along_axis(fits, own, axis=1)
        best = np.maximum(values.max(axis=1, keepdims=True, initial=0.0), 1e-9)
        values = np.where(values > 0, OF_HISTORY + np.clip(values / best, 1e-3, 1.0), _OUT)
        category, region = (codes[rows] for codes in self.groups)
        others, theirs = self._fallbacks(category, region, met, n)
        return self._spread(np.hstack([own, others]), np.hstack([values, theirs]), n)

    def _fits(self, rows: Ints) -> Floats:
        """How well products fit people by their strategy; what they saw is out, but for what lies in the basket."""
        found = np.empty((len(rows), self.shop.shape[1]), dtype=np.float32)
        for place in np.unique(self.strategy[rows]):
            one, these = BY_HISTORY[place], np.flatnonzero(self.strategy[rows] == place)
            who = rows[these]
            popular = self.model.of_popularity if one.by == PERSONAL else 0.0
            fits = blend.scores(self.did[one.of][who], self._weights[one.by], self.model.popularity, popular)
            if one.favours:
                favourite = self.groups[0][who][:, None]
                fits += np.float32(one.favours) * ((self.traits.category == favourite) & (favourite >= 0))
            fits[_places(self.did["history"][who])] = _OUT
            if one.own:
                carts = self.did["carts"][who]
                fits[_places(carts)] = 2.0 + np.minimum(carts.data, 9.0) / 10
            found[these] = fits
        return found

    @cached_property
    def _weights(self) -> dict[str, Sparse | Floats]:
        """The model's weights, dense where products are few."""
        is_small = self.shop.shape[1] <= _DENSE
        return {name: found.toarray() if is_small else found for name, found in self.model.weights.items()}

    def _fallbacks(self, category: Ints, region: Ints, met: Met, n: int) -> tuple[Ints, Floats]:
        """Popular products of the favourite category, the region and with everybody, and how popular each is."""
        longest = min(len(self.of_everybody), 2 * n + int((met == BOUGHT).sum(axis=1).max(initial=0)))
        everybody = np.broadcast_to(self.of_everybody[:longest], (len(category), longest))
        kinds = {
            "category": _table(self.of_categories)[category],
            "region": _table(self.of_regions)[region],
            "everybody": everybody,
        }
        values = []
        for name, found in kinds.items():
            products = np.maximum(found, 0)
            known = np.take_along_axis(met, products, axis=1)
            tier = np.where(known == SEEN, _TIERS["seen"], _TIERS[name])
            share = np.clip(self.model.popularity[products], 1e-3, 1.0)
            out = (found < 0) | (known == BOUGHT)
            values.append(np.where(out, _OUT, tier + share))
        return np.maximum(np.hstack(list(kinds.values())), 0), np.hstack(values).astype(np.float32)

    def _spread(self, candidates: Ints, values: Floats, n: int) -> Lists:
        places = spread(candidates, values, self.traits, n, self.model.relevance)
        there = np.maximum(places, 0)
        found = np.take_along_axis(values, there, axis=1)
        tiers = np.where(places >= 0, np.floor(np.where(np.isfinite(found), found, 0.0) - 1e-6), 0).astype(np.int64)
        products = np.where(places >= 0, np.take_along_axis(candidates, there, axis=1), -1)
        return Lists(products, np.where(places >= 0, found - tiers, 0.0).astype(np.float32), tiers)

    def _cold(self, n: int) -> tuple[Lists, Ints]:
        """The lists of who has no history, one for each favourite category and region; and which is whose."""
        category, region = self.groups
        both = (category + 1) * (len(self.of_regions) + 1) + region + 1
        kinds, first, of_person = np.unique(both, return_index=True, return_inverse=True)
        nothing = np.zeros((len(kinds), self.shop.shape[1]), dtype=np.uint8)
        found = self._fallbacks(category[first], region[first], nothing, n)
        return self._spread(*found, n), of_person.astype(np.int64)

    def _codes(self, column: str, names: Mapping[str, Ints]) -> Ints:
        numbers = pl.DataFrame({column: list(names)}, schema={column: pl.String}).with_row_index("number")
        found = self.shop.shoppers.select(column).join(numbers, on=column, how="left", maintain_order="left")
        return found["number"].cast(pl.Int64).fill_null(NONE).to_numpy()

    def _popular(self, popularity: Floats, among: Flags) -> Ints:
        order = np.argsort(-popularity, kind="stable")
        kept = order[(among & self.shop.available())[order]][:_OF_GROUP]
        return np.pad(kept, (0, _OF_GROUP - len(kept)), constant_values=-1)


def _table(rows: Mapping[str, Ints]) -> Ints:
    """The rows as one array, with a last one of nothing, which is the place -1."""
    return np.vstack([*rows.values(), np.full(_OF_GROUP, -1)]).astype(np.int64)


def _places(found: Sparse) -> tuple[Ints, Ints]:
    """Rows and columns of what is there."""
    rows = np.repeat(np.arange(found.shape[0]), np.diff(found.indptr))
    return rows, found.indices
