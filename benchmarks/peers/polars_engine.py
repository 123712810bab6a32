"""polars: lazy queries on its streaming engine over only the columns that they need; repeated text is categorical."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

import polars as pl

from benchmarks.peers import subset
from benchmarks.peers.work import Work

_REPEATED = ("anonymous_id", "event_type", "product_id", "category")
_NEEDED = (*_REPEATED, "event_id", "user_id", "price", "ts")
_GAP, _WITHIN, _RECENT = timedelta(minutes=30), "10m", timedelta(days=30)


def _events(path: Path) -> pl.LazyFrame:
    """Each event once, with its person."""
    delivered = pl.scan_parquet(path).select(_NEEDED).with_columns(pl.col(_REPEATED).cast(pl.Categorical))
    events = delivered.unique("event_id", keep="any").drop("event_id", "user_id")
    known = delivered.group_by("anonymous_id").agg(pl.col("user_id").max())
    person = pl.coalesce("user_id", pl.col("anonymous_id").cast(pl.String)).cast(pl.Categorical)
    return events.join(known.select("anonymous_id", person.alias("person")), on="anonymous_id")


def _people(events: pl.LazyFrame) -> pl.LazyFrame:
    return events.select(pl.col("anonymous_id").alias("device"), "person").unique()


def _sessions(events: pl.LazyFrame) -> pl.LazyFrame:
    """In one sorted frame a session starts where the person or, by more than the gap, the time is another."""
    is_start = pl.col("person").ne_missing(pl.col("person").shift()) | (pl.col("ts").diff() > _GAP)
    ordered = events.select("person", "ts").sort(pl.col("person").to_physical(), "ts")
    numbered = ordered.with_columns(is_start.cum_sum().alias("session"))
    return (
        numbered.group_by("session")
        .agg(
            pl.col("person").first(),
            pl.col("ts").min().alias("started_at"),
            pl.col("ts").max().alias("ended_at"),
            pl.len().alias("events_count"),
        )
        .drop("session")
    )


def _interests(events: pl.LazyFrame) -> pl.LazyFrame:
    known = subset.signals()
    kind, types = pl.col("event_type").cast(pl.String), list(known)
    weight = kind.replace_strict(types, [one.weight for one in known.values()], return_dtype=pl.Float64)
    half_life = kind.replace_strict(types, [one.half_life_days for one in known.values()], return_dtype=pl.Float64)
    age = (pl.lit(subset.AS_OF) - pl.col("ts")).dt.total_microseconds() / 86_400e6
    score = (weight * 0.5 ** (age / half_life)).alias("score")
    signals = events.filter(kind.is_in(types)).select("person", "category", score)
    return signals.group_by("person", "category").agg(pl.col("score").sum())


def _rfm(events: pl.LazyFrame) -> pl.LazyFrame:
    orders = (
        events.filter(pl.col("event_type") == "purchase")
        .group_by("person")
        .agg(
            pl.len().alias("orders_count"),
            pl.col("ts").max().alias("last_ordered_at"),
            (pl.col("price").sum() * 100).cast(pl.Int64).alias("spend_cents"),
        )
    )
    by = {"recency": "last_ordered_at", "frequency": "orders_count", "monetary": "spend_cents"}
    share = {name: pl.col(column).rank("max") / pl.len() for name, column in by.items()}
    return orders.with_columns((5 * one).ceil().cast(pl.Int32).alias(name) for name, one in share.items())


def _segment(events: pl.LazyFrame) -> pl.LazyFrame:
    """Within a category and person the products in the ten minutes up to each view."""
    seen = (pl.col("event_type") == "product_view") & pl.col("category").is_not_null()
    views = events.filter(seen & (pl.col("ts") > subset.AS_OF - _RECENT))
    whose = (pl.col("person").to_physical(), pl.col("category").to_physical())
    counted = (
        views.select("person", "category", "product_id", "ts")
        .sort(*whose, "ts")
        .rolling("ts", period=_WITHIN, closed="both", group_by=["person", "category"])
        .agg(pl.col("product_id").n_unique().alias("products"))
    )
    return counted.filter(pl.col("products") >= 5).select("person").unique()  # noqa: PLR2004


_QUERIES = {"people": _people, "sessions": _sessions, "interests": _interests, "rfm": _rfm, "segment": _segment}


@contextmanager
def ready(path: Path, folder: Path) -> Iterator[Work]:  # noqa: ARG001  # it spills nothing
    """The events are collected once; each answer is a query over them."""
    made: dict[str, pl.DataFrame] = {}

    def collect(name: str, query: pl.LazyFrame) -> None:
        made[name] = query.collect(engine="streaming")

    def compute(name: str, of: Callable[[pl.LazyFrame], pl.LazyFrame]) -> None:
        collect(name, of(made["events"].lazy()))

    steps = {"events": lambda: collect("events", _events(path))}
    steps |= {name: partial(compute, name, of) for name, of in _QUERIES.items()}

    def keep(answers: Path) -> None:
        for name in subset.ANSWERS:
            made[name].write_parquet(subset.path(answers, name))

    yield Work({"polars": pl.__version__}, steps, keep)
