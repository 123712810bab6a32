"""The daily count of the shop's stock: now and then a product is out of it for some days."""

import numpy as np
import polars as pl

from simulator.catalog import PRODUCTS, Catalog
from simulator.window import DAY, HOUR, Window

RUNS_OUT, COMES_IN = 0.01, 0.25  # the chance a day, of a product that is there and of one that is not
USUAL = 40  # pieces
COUNTED = 22 * HOUR


def stock_export(catalog: Catalog, window: Window) -> pl.DataFrame:
    """One row a day and product, counted in the evening; `day` is the window's."""
    rng = window.random(62)
    is_out = np.zeros((window.days, PRODUCTS), bool)
    is_out[0] = rng.random(PRODUCTS) < RUNS_OUT / (RUNS_OUT + COMES_IN)
    for day in range(1, window.days):
        luck = rng.random(PRODUCTS)
        is_out[day] = np.where(is_out[day - 1], luck >= COMES_IN, luck < RUNS_OUT)
    count = np.where(is_out, 0, 1 + rng.poisson(USUAL, is_out.shape))
    days = np.repeat(np.arange(window.days), PRODUCTS)
    return pl.DataFrame(
        {
            "day": days,
            "product_id": list(catalog.ids) * window.days,
            "stock_count": count.ravel(),
            "counted_at": pl.Series(window.at(0) + days * DAY + COUNTED).cast(pl.Datetime("ms")),
        }
    )
