"""The shop's catalogue: about 400 products in 12 categories, cheapest first in each."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from simulator import words
from simulator.window import DAY, Floats, Ints, Window

PRODUCTS = 400
CATEGORY_COUNT = len(words.CATEGORIES)


@dataclass(frozen=True)
class Catalog:
    """Products by number. Those of category c stand from first[c] on, size[c] of them; price in pence."""

    category: Ints
    price: Ints
    first: Ints
    size: Ints
    ids: tuple[str, ...]

    def pick(self, category: Ints, luck: Floats, thrift: Floats) -> Ints:
        """Choose a product of each category: `luck` is uniform on 0..1, `thrift` (0..1) leans to the cheap end."""
        place = self.size[category] * luck ** (0.7 + 1.6 * thrift)
        return self.first[category] + place.astype(np.int64)


def make_catalog(window: Window) -> Catalog:
    """Draw the catalogue, its prices spread evenly on a logarithmic scale and rounded to x.49 or x.99 pounds."""
    rng = window.random(1)
    category = np.sort(np.arange(PRODUCTS) % CATEGORY_COUNT)
    size = np.bincount(category, minlength=CATEGORY_COUNT)
    low, high = np.array([[c[3], c[4]] for c in words.CATEGORIES], dtype=float).T
    raw = low[category] * (high / low)[category] ** rng.random(PRODUCTS)
    price = (np.ceil(raw / 50) * 50 - 1).astype(np.int64)
    order = np.lexsort((price, category))
    return Catalog(
        category=category,
        price=price[order],
        first=np.cumsum(size) - size,
        size=size,
        ids=tuple(f"P{number:04d}" for number in range(1, PRODUCTS + 1)),
    )


def products(catalog: Catalog, window: Window) -> pl.DataFrame:
    """Write the export of products: one row a product."""
    rng = window.random(2)
    about = [words.CATEGORIES[c] for c in catalog.category]
    adjective, thing, brand = rng.integers(0, 1 << 16, (3, PRODUCTS))
    updated = window.at(0) - (rng.random(PRODUCTS) * 300 * DAY).astype(np.int64)
    names = [
        f"{words.ADJECTIVES[a % len(words.ADJECTIVES)]} {c[2][t % len(c[2])]}".capitalize()
        for a, t, c in zip(adjective, thing, about, strict=True)
    ]
    return pl.DataFrame(
        {
            "product_id": catalog.ids,
            "name": names,
            "category": [c[0] for c in about],
            "brand": [c[1][b % len(c[1])] for b, c in zip(brand, about, strict=True)],
            "price_amount": catalog.price / 100,
            "updated_at": pl.Series(updated).cast(pl.Datetime("ms")),
        }
    )
