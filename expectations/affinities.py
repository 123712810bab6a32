"""What the gate after scoring asks of affinities: of each pair of customer and category to score one probability."""

import pandas as pd

from expectations import counts
from expectations.gate import Check
from warehouse.settings import Settings

TABLE = "affinities"
COLUMNS = {
    "customer_id": "VARCHAR",
    "category": "VARCHAR",
    "probability": "DOUBLE",
    "tier": "VARCHAR",
    "has_bought": "BOOLEAN",
    "model_version": "VARCHAR",
    "scored_at": "TIMESTAMP",
}
# what the row of faults counts, and what it means that a count is 0
FAULTS = {
    "not_asked_for": "every pair scored is among the features to score",
    "without_score": "every pair to score is scored, for the report says ok",
    "empty_cells": "no column is null",
    "pairs_repeated": "customer_id and category occur once together",
    "probability_out_of_range": "probability is between 0 and 1",
    "tier_unknown": "tier is one of high, medium, low",
    "people_untold": "there are as many people as the report says",
}
_COUNTED = """
with
given as (select * from read_parquet({scores})),
asked as (select customer_id, category from read_parquet({pairs}) where is_scored),
of_rows as (
    select
        count(*) as rows,
        count(*) filter (
            customer_id is null or category is null or probability is null or tier is null or has_bought is null
            or model_version is null or scored_at is null
        ) as empty_cells,
        count(*) - count(distinct (customer_id, category)) as pairs_repeated,
        count(*) filter (not coalesce(probability between 0 and 1, false)) as probability_out_of_range,
        count(*) filter (not coalesce(tier in ('high', 'medium', 'low'), false)) as tier_unknown,
        count(distinct customer_id) as people
    from given
)
select
    *,
    (select count(*) from given anti join asked using (customer_id, category)) as not_asked_for,
    (select count(*) from asked anti join given using (customer_id, category)) as without_score
from of_rows
"""


def check(settings: Settings, run_id: str, told: dict[str, object]) -> Check:
    """The check of a run's affinities, of which the report tells status and people; without `ok` there are to be none.

    Raises:
        GateFailed: the pairs that they are held against are missing.
    """
    paths = {
        "scores": settings.scores / run_id / f"{TABLE}.parquet",
        "pairs": settings.features / run_id / "category_features.parquet",
    }
    seen = counts.faults(settings, _COUNTED, COLUMNS, paths) | {"status": told["status"]}
    if "people" in seen:
        seen["people_untold"] = int(str(seen["people"])) - int(str(told["rows"]))
    rules = counts.rules(seen, COLUMNS, FAULTS, ["ok", "too_little_data", "no_champion"])
    return Check(f"scores_{TABLE}", pd.DataFrame([seen]), rules)
