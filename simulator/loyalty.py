"""The loyalty programme's register: members, their tier and points; some joined in a shop by e-mail alone."""

import numpy as np
import polars as pl

from simulator.contacts import spelled
from simulator.population import CUSTOMER
from simulator.window import DAY, SECOND
from simulator.world import World

TIERS = pl.Series(["bronze", "silver", "gold"])
TIER_FROM = (3.0, 7.0)  # orders a year
POINTS_AN_ORDER = 60
BY_EMAIL_ALONE = 0.1


def members_export(world: World) -> pl.DataFrame:
    """Write the full export: one row a member. The more somebody orders, the likelier they joined."""
    rng, people, window = world.window.random(60), world.people, world.window
    yearly = people.order_rate * 365
    joins = (rng.random(len(yearly)) < (0.08 + 0.1 * yearly).clip(0, 0.85)) & (people.kind == CUSTOMER)
    person = np.flatnonzero(joins)
    n, end = len(person), window.at(window.days) - SECOND
    since = world.contacts.created[person]
    joined = since + ((end - since) * rng.beta(1, 2, n)).astype(np.int64)
    updated = joined + ((end - joined) * rng.beta(2, 1, n)).astype(np.int64)
    years = (updated - joined) / (365 * DAY)
    alone = pl.Series(rng.random(n) < BY_EMAIL_ALONE)
    number = pl.Series(rng.permutation(10 * n)[:n] + 10_000_000).cast(pl.String)
    frame = pl.DataFrame(
        {
            "loyalty_number": pl.select(pl.lit("L") + number).to_series(),
            "contact_id": world.contacts.ids.gather(person),
            "email": spelled(world.contacts.email.gather(person), rng.random(n)),
            "tier": TIERS.gather(np.digitize(yearly[person] * rng.lognormal(0, 0.2, n), TIER_FROM)),
            "points": rng.poisson(POINTS_AN_ORDER * yearly[person] * years),
            "joined_at": pl.Series(joined // SECOND * SECOND).cast(pl.Datetime("ms")),
            "updated_at": pl.Series(updated // SECOND * SECOND).cast(pl.Datetime("ms")),
        }
    )
    return frame.with_columns(pl.when(alone).then(None).otherwise(pl.col("contact_id")).alias("contact_id"))
