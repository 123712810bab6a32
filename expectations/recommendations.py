"""What the gate after scoring asks of recommendations: millions of rows, counted by DuckDB into one row of faults.

They are held against the people, products and purchases of the same run's features.
"""

import pandas as pd

from expectations import counts
from expectations.gate import Check
from warehouse.settings import Settings

LONGEST = 10
STRATEGIES = (
    *("cart_offer", "complements", "back_to_favourites", "personal", "recent"),
    *("popular_in_category", "popular_in_region", "popular"),
)
COLUMNS = {
    "customer_id": "VARCHAR",
    "rank": "INTEGER",
    "product_id": "VARCHAR",
    "score": "DOUBLE",
    "strategy": "VARCHAR",
    "model_version": "VARCHAR",
}
# what the row of faults counts, and what it means that a count is 0
FAULTS = {
    "not_asked_for": "everybody with recommendations is among the features to score",
    "without_any": "everybody to score has recommendations",
    "empty_cells": "no column is null",
    "ranks_repeated": "customer_id and rank occur once together",
    "ranks_left_out": f"ranks go from 1 to at most {LONGEST}, and none is left out",
    "products_repeated": "no product is recommended to a person twice",
    "not_on_sale": "every product is in the catalogue and on sale",
    "bought_before": "nobody is recommended what they bought in the past 180 days",
    "too_short": f"who has fewer than {LONGEST} has all that is on sale and not bought",
    "score_out_of_range": "score is between 0 and 1",
    "strategy_unknown": f"strategy is one of {', '.join(STRATEGIES)}",
}
_COUNTED = f"""
with
rows_given as (select * from read_parquet({{scores}})),
people as (select shopper_number, customer_id from read_parquet({{shoppers}})),
products as (select product_number, product_id from read_parquet({{catalogue}}) where is_available),
bought as (
    select distinct shopper_number, product_number from read_parquet({{interactions}})
    semi join products using (product_number)
    where purchases > 0
),
numbered as (
    select rows_given.*, people.shopper_number, products.product_number
    from rows_given
    left join people using (customer_id)
    left join products using (product_id)
),
lists as (
    select shopper_number, count(*) as length, min(rank) as first_rank, max(rank) as last_rank,
        length - count(distinct rank) as ranks_repeated, length - count(distinct product_id) as products_repeated
    from numbered group by shopper_number
),
asked as (
    select people.shopper_number, (select count(*) from products) - count(bought.product_number) as on_sale
    from people left join bought using (shopper_number) group by people.shopper_number
),
of_rows as (
    select
        count(*) as rows,
        count(*) filter (shopper_number is null) as not_asked_for,
        count(*) filter (
            customer_id is null or rank is null or product_id is null or score is null or strategy is null
            or model_version is null
        ) as empty_cells,
        count(*) filter (product_number is null) as not_on_sale,
        count(*) filter (not coalesce(score between 0 and 1, false)) as score_out_of_range,
        count(*) filter (not coalesce(list_contains({list(STRATEGIES)}, strategy), false)) as strategy_unknown
    from numbered
),
of_lists as (
    select
        coalesce(sum(ranks_repeated), 0)::bigint as ranks_repeated,
        coalesce(sum(products_repeated), 0)::bigint as products_repeated,
        count(*) filter (
            not coalesce(first_rank = 1 and last_rank = length and length <= {LONGEST}, false)
        ) as ranks_left_out
    from lists
),
of_people as (
    select
        count(*) filter (length is null) as without_any,
        count(*) filter (length < least({LONGEST}, on_sale)) as too_short
    from asked left join lists using (shopper_number)
)
select *, (select count(*) from numbered semi join bought using (shopper_number, product_number)) as bought_before
from of_rows, of_lists, of_people
"""


def check(settings: Settings, run_id: str, status: str) -> Check:
    """The check of a run's recommendations; with a status that is not `ok` there are to be none.

    Raises:
        GateFailed: a file of features that they are held against is missing.
    """
    folder = settings.features / run_id
    paths = {name: folder / f"{name}.parquet" for name in ("shoppers", "catalogue", "interactions")}
    paths["scores"] = settings.scores / run_id / "recommendations.parquet"
    seen = counts.faults(settings, _COUNTED, COLUMNS, paths) | {"status": status}
    rules = counts.rules(seen, COLUMNS, FAULTS, ["ok", "too_little_data"])
    return Check("scores_recommendations", pd.DataFrame([seen]), rules)
