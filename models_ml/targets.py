"""What a propensity is the propensity of: a label known a fortnight later, and whom the question is asked of."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True, eq=False)  # polars compares expressions row by row
class Target:
    """A label and its population.

    `asked` says, by features of the moment alone, of whom the question is asked: a label must never decide who is
    in the population.
    """

    name: str
    label: str
    what: str
    kind: str  # what those with the label are called
    asked: pl.Expr
    plain: tuple[str, str] = ("recency_days", "orders_count")  # what goes without a model, and its words
    plain_words: str = "recency and frequency"

    @property
    def model(self) -> str:
        """Its name in the registry and in `scores.propensity`."""
        return self.name


PURCHASE = Target(
    "purchase",
    "bought_next_14d",
    "Probability that a customer orders within 14 days of the cut-off.",
    "buyers",
    pl.lit(value=True),
)
CHURN = Target(
    "churn",
    "silent_next_14d",
    "Probability that a customer who came or ordered in the 28 days before the cut-off does neither in the 14 after.",
    "silent",
    (pl.col("days_since_last_event").is_not_null() | (pl.col("recency_days") < 28)).fill_null(value=False),  # noqa: PLR2004
)
TARGETS: Mapping[str, Target] = {target.name: target for target in (PURCHASE, CHURN)}
LABELS = tuple(target.label for target in TARGETS.values())
# of pairs of customer and category, in rows of their own: not among those asked of customers
AFFINITY = Target(
    "affinity",
    "bought_next_14d",
    "Probability that a customer buys from a category within 14 days, of categories touched in the past 180 days.",
    "buyers",
    pl.lit(value=True),
    ("interest_score", "category_buyers_share"),
    "interest and popularity",
)
