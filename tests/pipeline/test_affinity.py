"""On a shop whose tastes are known, affinity finds them better than popularity does."""

from pathlib import Path

import pytest

from simulator.shop import simulate
from tests.pipeline.home import Home

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
_FOUND = """
with truth as (
    select unnest(contact_ids) as contact_id, favourite_category as taste from '{truth}' where not shares_device
),
likeliest as (
    select customer_id, arg_max(category, probability) as category from scores.affinities group by customer_id
),
popular as (select category from scores.affinities group by category order by sum(probability) desc limit 1)
select avg((likeliest.category = taste)::int), avg(((from popular) = taste)::int), count(*)
from likeliest
inner join profiles.customers using (customer_id)
inner join truth on contact_id_crm = truth.contact_id
"""


def test_the_likeliest_category_is_the_hidden_taste_more_often_than_the_most_popular_is(tmp_path: Path) -> None:
    shop = simulate(2500, 90, 7, tmp_path / "shop")
    home = Home(tmp_path / "home")
    home.nightly(shop.folder)
    truth = shop.folder / "_truth" / "people.parquet"
    [(own, popular, people)] = home.query(_FOUND.format(truth=truth))
    assert people > 500
    assert own > 1.5 * popular
