"""CDNOW by customer and day: people as they stood at a moment, and what they ordered in the weeks after it.

69,659 orders of the 23,570 people who first ordered at CDNOW in the first quarter of 1997, to the end of June 1998.
"""

from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

from models_ml.features import Matrix
from models_ml.forecasts import Window
from warehouse.sql import literal

CALIBRATED_TO, HELD_OUT_TO = date(1997, 9, 30), date(1998, 6, 30)
WEEKS = 39
FILES = {"master": ("CDNOW_master.txt.zst", 1), "sample": ("CDNOW_sample.txt.zst", 0)}


def read(path: Path, skip: int) -> pl.DataFrame:
    """One row per customer and day: `customer_id`, `day`, `items`, `value`; the first `skip` lines are headings."""
    query = f"""
        with cells as (
            select string_split_regex(trim(line), '\\s+') as cell
            from read_csv(
                {literal(path)}, header = false, skip = {skip}, sep = '\\x01', quote = '',
                columns = {{'line': 'varchar'}}
            )
        )
        select
            cell[-4] as customer_id, strptime(cell[-3], '%Y%m%d')::date as day,
            sum(cell[-2]::integer) as items, sum(cell[-1]::double) as value
        from cells where len(cell) >= 4 group by all order by all"""
    return duckdb.connect().execute(query).pl()


def people(orders: pl.DataFrame, moment: date, horizon: int) -> pl.DataFrame:
    """Everybody who had ordered by the end of `moment`, by what was known then; weeks are the unit of time.

    Nothing after the moment is looked at. Amounts are logged; recent order days are those of half and a quarter of the
    horizon.
    """
    known = orders.filter(pl.col("day") <= moment).sort("customer_id", "day")
    recent = {f"recent_{part}": moment - timedelta(days=round(7 * horizon / part)) for part in (2, 4)}
    return (
        known.group_by("customer_id", maintain_order=True)
        .agg(
            x=(pl.len() - 1).cast(pl.Float64),
            t_x=(pl.col("day").max() - pl.col("day").min()).dt.total_days() / 7,
            T=(pl.lit(moment) - pl.col("day").min()).dt.total_days() / 7,
            value=pl.col("value").sum().log1p(),
            mean_value=pl.col("value").mean().log1p(),
            first_value=pl.col("value").first().log1p(),
            last_value=pl.col("value").last().log1p(),
            items=pl.col("items").sum().log1p(),
            **{name: (pl.col("day") > since).sum().cast(pl.Float64) for name, since in recent.items()},
        )
        .sort("customer_id")
    )


def orders_after(orders: pl.DataFrame, who: pl.DataFrame, moment: date, weeks: int) -> Matrix:
    """Order days of each of these people in the `weeks` after the moment, shape (rows,)."""
    counted = after(orders, moment, weeks).group_by("customer_id").agg(n=pl.len())
    joined = who.select("customer_id").join(counted, on="customer_id", how="left", maintain_order="left")
    return np.asarray(joined["n"].fill_null(0).to_numpy(), dtype=np.float64)


def after(orders: pl.DataFrame, moment: date, weeks: int) -> pl.DataFrame:
    """The order days of a horizon."""
    return orders.filter((pl.col("day") > moment) & (pl.col("day") <= moment + timedelta(weeks=weeks)))


def window(orders: pl.DataFrame, moment: date, weeks: int, known_to: date) -> Window:
    """A past moment with its label.

    Raises:
        ValueError: the horizon ends after `known_to`, so that the label cannot be known.
    """
    if moment + timedelta(weeks=weeks) > known_to:
        raise ValueError(f"{weeks} weeks after {moment} end after {known_to}: labels must be closed")
    who = people(orders, moment, weeks)
    return Window(who, orders_after(orders, who, moment, weeks), float(weeks))
