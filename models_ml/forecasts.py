"""What is foreseen of people's orders in a horizon, the past windows to learn it from, and what Pareto/NBD says."""

from dataclasses import dataclass

import polars as pl

from models_ml import pareto_nbd
from models_ml.features import Matrix
from models_ml.likelihood import Histories

NEEDED = ("customer_id", "x", "t_x", "T")
COLUMNS = ("order_days_count", "order_span_days", "days_since_first_order")  # of the features
DAYS_A_UNIT = 7.0


@dataclass(frozen=True)
class Window:
    """People at a past moment, and the orders of each in the `horizon` after it, which is over.

    `people` holds `customer_id`, `x`, `t_x`, `T` as `likelihood.Histories` (time in any unit, that of `horizon`), and
    any further numbers known at that moment; `orders` has shape (rows,).
    """

    people: pl.DataFrame
    orders: Matrix
    horizon: float


@dataclass(frozen=True)
class Forecast:
    """For each person, shape (rows,): orders expected in the horizon, the probability of any, and of being alive."""

    expected: Matrix
    any_order: Matrix
    alive: Matrix


def people(frame: pl.DataFrame) -> pl.DataFrame:
    """`customer_id`, `x`, `t_x`, `T` in weeks of everybody in rows of features who ever ordered."""
    return buyers(frame).select(
        "customer_id",
        x=pl.col("order_days_count").cast(pl.Float64) - 1,
        t_x=pl.col("order_span_days").cast(pl.Float64) / DAYS_A_UNIT,
        T=pl.col("days_since_first_order").cast(pl.Float64) / DAYS_A_UNIT,
    )


def buyers(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows of features of people who ever ordered, and of whom it is known when."""
    known = pl.all_horizontal(pl.col(COLUMNS).cast(pl.Float64).is_finite())  # null is neither
    return frame.filter(known, pl.col("order_days_count") > 0)


def histories(people: pl.DataFrame) -> Histories:
    """Recency and frequency of each row."""
    return Histories(*(people[name].cast(pl.Float64).to_numpy() for name in ("x", "t_x", "T")))


def names(people: pl.DataFrame) -> tuple[str, ...]:
    """The further columns of a frame, which LightGBM learns from beside recency and frequency."""
    return tuple(sorted(n for n, kind in people.schema.items() if kind.is_numeric() and n not in NEEDED))


def fitted(people: pl.DataFrame) -> pareto_nbd.Parameters:
    """Pareto/NBD as these people's histories have it."""
    return pareto_nbd.fit(histories(people).grouped())


def foreseen(p: pareto_nbd.Parameters, people: pl.DataFrame, horizon: float) -> Forecast:
    """What Pareto/NBD with these parameters says of each row."""
    h = histories(people)
    return Forecast(pareto_nbd.expected(p, h, horizon), pareto_nbd.any_order(p, h, horizon), pareto_nbd.alive(p, h))
