"""Who is recommended what: one table of strategies, and which of them a person gets.

The first line that fits a person decides; where it finds too little, the lines of what needs no history fill the list.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

# weights from product to product: the tuned blend; sessions alone; sessions and content alike
PERSONAL, TOGETHER, ALIKE = "personal", "together", "alike"
ENOUGH = 5  # products that somebody did something with, before taste can be told from chance


@dataclass(frozen=True)
class Strategy:
    """How products are found: for whom, from what they did (`of`), by which weights from product to product (`by`).

    `own` puts what lies in the basket first; `favours` adds to products of the favourite category.
    """

    name: str
    who: str
    how: str
    of: str = "history"
    by: str = PERSONAL
    own: bool = False
    favours: float = 0.0


BY_HISTORY = (
    Strategy("cart_offer", "left a basket", "what lies in the basket, then what suits the person", own=True),
    Strategy("complements", "ordered in the past 7 days", "seen together with what was bought", "purchases", TOGETHER),
    Strategy(
        "back_to_favourites",
        "lapsed, with anything left of 180 days",
        "what suits the person, from the favourite category first",
        favours=0.3,
    ),
    Strategy("personal", f"did something with {ENOUGH} products or more", "what suits the person: all recommenders"),
    Strategy("recent", f"did something with fewer than {ENOUGH}", "seen together with these, or like them", by=ALIKE),
)
FALLBACKS = (
    Strategy(
        "popular_in_category", "everybody else, and lists that are too short", "popular in the favourite category"
    ),
    Strategy("popular_in_region", "then", "popular in the region"),
    Strategy("popular", "then", "popular with everybody"),
)
NAMES = tuple(one.name for one in (*BY_HISTORY, *FALLBACKS))
NONE = -1


@dataclass(frozen=True)
class Known:
    """How many products each person did anything with, bought, and left in the basket; shapes (people,)."""

    products: NDArray[np.int64]
    purchases: NDArray[np.int64]
    carts: NDArray[np.int64]


def assigned(shoppers: pl.DataFrame, known: Known) -> NDArray[np.int8]:
    """The place in `BY_HISTORY` of each person's strategy; NONE for who has nothing to go by. Shape (people,)."""
    stage, state = shoppers["journey_stage"], shoppers["state"]
    fits = [
        (stage == "cart_abandoned").fill_null(value=False).to_numpy() & (known.carts > 0),
        (stage == "post_purchase").fill_null(value=False).to_numpy() & (known.purchases > 0),
        (state == "lapsed").fill_null(value=False).to_numpy() & (known.products > 0),
        known.products >= ENOUGH,
        known.products > 0,
    ]
    return np.select(fits, list(range(len(fits))), default=NONE).astype(np.int8)
