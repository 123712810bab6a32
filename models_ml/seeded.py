"""The people of a seed segment among all others, today and at the latest moment whose fortnight is over.

Who is in a seed is what the last published version says (`seed_spells.parquet` of a run): the run in progress decides
nobody's label.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from models_ml import features
from models_ml.features import LABEL, naive
from models_ml.targets import PURCHASE
from warehouse.cutoffs import HORIZON
from warehouse.lookalikes import FILE

JOINED, BOUGHT = "joined", PURCHASE.label
_SPELLS: dict[str, pl.DataType | type[pl.DataType]] = {
    "seed": pl.String,
    "customer_id": pl.String,
    "entered_at": pl.Datetime("us"),
    "left_at": pl.Datetime("us"),
}


@dataclass(frozen=True)
class Seeded:
    """Feature rows with the seed's people labelled, sorted by features, so that ids decide no order.

    `people` are those of now; `then` those of the latest cut-off that is `HORIZON` old, who joined the seed and who
    bought in that time. It has no rows where the seed had none that were known then.
    """

    names: tuple[str, ...]
    people: pl.DataFrame
    then: pl.DataFrame


def spells(folder: Path | None, seed: str) -> pl.DataFrame:
    """Who was in the seed from when to when; no rows where nothing was published yet."""
    path = folder / f"{FILE}.parquet" if folder else None
    found = pl.read_parquet(path) if path and path.exists() else pl.DataFrame(schema=_SPELLS)
    return found.filter(pl.col("seed") == seed)


def members(spelled: pl.DataFrame, at: datetime | None = None) -> pl.DataFrame:
    """The seed's people at that moment, at the last publication where none is given; shape (people, 1)."""
    stays = pl.col("left_at").is_null()
    is_in = stays if at is None else (pl.col("entered_at") <= at) & (stays | (pl.col("left_at") > at))
    return spelled.filter(is_in).select("customer_id").unique()


def read(frame: pl.DataFrame, folder: Path | None, seed: str, as_of: datetime) -> Seeded:
    """The rows of a run, labelled.

    Raises:
        ValueError: a row to score has another cut-off than `as_of`.
    """
    spelled, names = spells(folder, seed), features.numeric(frame)
    now = frame.filter("is_scored")
    if now.filter(pl.col("cutoff_at") != naive(as_of)).height:
        raise ValueError(f"rows to score have another cut-off than as_of; it must be {naive(as_of)}")
    then = _latest_over(frame, now, as_of)
    latest = then["cutoff_at"].max()
    moment = latest if isinstance(latest, datetime) else naive(as_of)  # where no cut-off is over there are no rows
    then = _labelled(then, members(spelled, moment), names).with_columns(
        pl.col("customer_id").is_in(_joined(spelled, moment)["customer_id"].implode()).alias(JOINED)
    )
    then = then if then[LABEL].any() else then.clear()
    return Seeded(names, _labelled(now, members(spelled), names), then)


def _latest_over(frame: pl.DataFrame, now: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """The latest closed cut-off, of people who still go by the id of then."""
    if BOUGHT not in frame.columns:
        return frame.clear()
    closed = frame.filter(~pl.col("is_scored") & (pl.col("cutoff_at") <= naive(as_of) - HORIZON))
    latest = closed.filter(pl.col("cutoff_at") == pl.col("cutoff_at").max())
    return latest.join(now.select("customer_id"), on="customer_id", how="semi")


def _labelled(frame: pl.DataFrame, people: pl.DataFrame, names: tuple[str, ...]) -> pl.DataFrame:
    is_member = pl.col("customer_id").is_in(people["customer_id"].implode())
    return frame.with_columns(is_member.alias(LABEL)).sort(*names, LABEL, "customer_id")


def _joined(spelled: pl.DataFrame, moment: datetime) -> pl.DataFrame:
    """Who entered after the moment, up to the horizon's end."""
    return spelled.filter((pl.col("entered_at") > moment) & (pl.col("entered_at") <= moment + HORIZON))
