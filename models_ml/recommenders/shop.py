"""What recommendations are made of: people, products, and who did what with which, by numbers."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

LEARNT, TUNED, TESTED = 0, 1, 2  # periods; the last two are a fortnight each, see `features.interactions`
MOST_ITEMS = 20_000
NONE_EXPORTED = "the run exported no interactions"
MOST_PEOPLE = 500_000  # to learn from: of more the weights from product to product come out alike
Sparse = Any  # scipy's csr_array, float32; scipy ships no types
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
TABLES = ("shoppers", "catalogue", "interactions", "co_occurrences")


@dataclass(frozen=True)
class Shop:
    """The four tables of `features`; rows of `shoppers` and `catalogue` stand in order of their numbers, from 0."""

    shoppers: pl.DataFrame
    catalogue: pl.DataFrame
    interactions: pl.DataFrame
    co_occurrences: pl.DataFrame

    names = ()  # a model of it needs no column of features

    @property
    def shape(self) -> tuple[int, int]:
        """People and products."""
        return self.shoppers.height, self.catalogue.height

    def until(self, period: int) -> "Shop":
        """The same shop with nothing known of later periods; whom and what there is stays as it is."""
        known = pl.col("period") <= period
        return replace(
            self, interactions=self.interactions.filter(known), co_occurrences=self.co_occurrences.filter(known)
        )

    def first(self, people: int) -> "Shop":
        """The same shop with its first people only."""
        rows = self.interactions.filter(pl.col("shopper_number") < people)
        return replace(self, shoppers=self.shoppers.head(people), interactions=rows)

    def sampled(self) -> "Shop":
        """The same shop, in which of many people some did nothing: as many are left as a model learns from."""
        active = int(self.interactions["shopper_number"].n_unique())
        one_of = -(-active // MOST_PEOPLE)
        kept = pl.Series(drawn(self.interactions["shopper_number"].to_numpy().astype(np.uint64)) % one_of == 0)
        return self if one_of <= 1 else replace(self, interactions=self.interactions.filter(kept))

    def history(self) -> Sparse:
        """Interest of each person in each product, shape (people, products): the fourth root of the weight.

        By the weight itself, a purchase of yesterday would outweigh all that somebody looked at in half a year.
        """
        found = self._matrix("weight")
        found.data = np.sqrt(np.sqrt(np.maximum(found.data, 1e-6)))
        return found

    def did(self, what: str) -> Sparse:
        """How often each person did it (`carts`, `purchases`), shape (people, products)."""
        return self._matrix(what, pl.col(what) > 0)

    def together(self) -> Sparse:
        """Sessions in which two products were seen, shape (products, products)."""
        pairs, n = self.co_occurrences, self.catalogue.height
        values = pairs["sessions_count"].cast(pl.Float32).to_numpy()
        return _summed(values, pairs["product_number"], pairs["other_number"], (n, n))

    def available(self) -> Flags:
        """Which products are on sale, shape (products,)."""
        return self.catalogue["is_available"].to_numpy().astype(np.bool_)

    def digest(self) -> str:
        """SHA-256 over all that a model learns from; what people are called is none of it, their order is."""
        total = hashlib.sha256()
        for frame in (self.shoppers.drop("customer_id"), self.catalogue, self.interactions, self.co_occurrences):
            for name in sorted(frame.columns):
                total.update(f"{name} {frame.height}".encode())
                total.update(_bytes(frame[name]))
        return total.hexdigest()

    def _matrix(self, value: str, kept: pl.Expr | None = None) -> Sparse:
        rows = self.interactions if kept is None else self.interactions.filter(kept)
        values = rows[value].cast(pl.Float32).to_numpy()
        return _summed(values, rows["shopper_number"], rows["product_number"], self.shape)


def read(folder: Path) -> Shop | None:
    """The shop as a run exported it to `folder`, in its order; None where the run exported none."""
    paths = [folder / f"{name}.parquet" for name in TABLES]
    if not all(path.exists() for path in paths):
        return None
    shoppers, catalogue, _, pairs = map(pl.read_parquet, paths)
    # tens of millions of rows: no wider than need be
    narrow = pl.scan_parquet(paths[2]).select(
        pl.col("shopper_number", "product_number").cast(pl.Int32),
        pl.col("period").cast(pl.UInt8),
        pl.col("carts", "purchases").clip(0, 100).cast(pl.UInt8),
        pl.col("weight").cast(pl.Float32),
    )
    return Shop(shoppers, catalogue, narrow.collect(), pairs)


def narrowed(shop: Shop, product_ids: list[str]) -> Shop:
    """The shop with these products only, in this order; one that is no longer there is not on sale."""
    wanted = pl.DataFrame({"product_id": product_ids}, schema={"product_id": pl.String}).with_row_index("number")
    catalogue = wanted.join(shop.catalogue, on="product_id", how="left", maintain_order="left").with_columns(
        pl.col("is_available").fill_null(value=False), pl.col("number").cast(pl.Int32)
    )
    numbers = np.full(max(shop.catalogue.height, 1), -1, dtype=np.int32)
    known = catalogue.drop_nulls("product_number")
    numbers[known["product_number"].to_numpy()] = known["number"].to_numpy()
    renamed = catalogue.with_columns(product_number=pl.col("number")).drop("number")
    return replace(
        shop,
        catalogue=renamed,
        interactions=_renumbered(shop.interactions, numbers, "product_number"),
        co_occurrences=_renumbered(
            _renumbered(shop.co_occurrences, numbers, "product_number"), numbers, "other_number"
        ),
    )


def drawn(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A number drawn for each, the same for the same; by the steps of SplitMix64 (Steele, Lea and Flood, 2014)."""
    z = (numbers + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def worth_knowing(shop: Shop) -> list[str]:
    """Ids of the products that a model speaks of, sorted: all, or as many as most people did something with."""
    people = np.zeros(shop.catalogue.height, dtype=np.int64)
    numbers, counts = np.unique(shop.interactions["product_number"].to_numpy(), return_counts=True)
    people[numbers.astype(np.int64)] = counts
    wanted = np.flatnonzero((people > 0) | shop.available())
    kept = wanted[np.argsort(-people[wanted], kind="stable")][:MOST_ITEMS]
    return shop.catalogue["product_id"].gather(np.sort(kept)).to_list()


def _bytes(column: pl.Series) -> bytes:
    if column.dtype == pl.String:
        return "\x1f".join(column.fill_null("\x1e")).encode()
    return column.to_physical().cast(pl.Float64).fill_null(-1.0).to_numpy().tobytes()


def _renumbered(frame: pl.DataFrame, numbers: NDArray[np.int32], column: str) -> pl.DataFrame:
    found = pl.Series(column, numbers[frame[column].to_numpy()], dtype=pl.Int32)
    return frame.with_columns(found).filter(pl.col(column) >= 0)


def _summed(values: Floats, rows: pl.Series, columns: pl.Series, shape: tuple[int, int]) -> Sparse:
    where = (rows.to_numpy().astype(np.int32), columns.to_numpy().astype(np.int32))
    found = sparse.coo_array((values, where), shape=shape).tocsr()
    found.sum_duplicates()
    found.indices, found.indptr = found.indices.astype(np.int32), found.indptr.astype(np.int32)
    return found
