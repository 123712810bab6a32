"""What looks at nobody but the person is measured of some; what only tells people apart is measured by number."""

import pytest

from segmentation import definition
from segmentation.alone import stands_alone, tells_apart
from segmentation.render import Published, render
from segmentation.shape import shape
from warehouse import dbt

ALONE = {
    "grouped by the person": "select customer_id, count(*) as n from views group by customer_id",
    "of each row": "select customer_id, spend * 2 as n from customers where spend > as_of()",
    "numbered within the person": (
        "select customer_id, count(*) over (partition by customer_id, product_id) as n from views"
    ),
    "joined by the person": (
        "select c.customer_id, count(*) as n from customers as c"
        " inner join views as v on c.customer_id = v.customer_id and v.at < c.at group by c.customer_id"
    ),
    "joined by its name": "select customer_id, spend as n from customers join views using (customer_id)",
    "one row each": "select distinct customer_id, category as n from views",
}
OF_EVERYBODY = {
    "grouped by something else": "select product_id as customer_id, count(*) as n from views group by product_id",
    "grouped by something else, in capitals": (
        "select PRODUCT_ID as CUSTOMER_ID, count(*) as n from views group by PRODUCT_ID"
    ),
    "grouped by nothing": "select max(customer_id) as customer_id, count(*) as n from views",
    "a function that may be an aggregate": "select customer_id, approx_top_k_of(n) as n from views",
    "numbered among all": "select customer_id, row_number() over (order by spend) as n from customers",
    "numbered within a product": "select customer_id, count(*) over (partition by product_id) as n from views",
    "a window by name": "select customer_id, count(*) over w as n from views window w as (partition by product_id)",
    "joined by something else": (
        "select a.customer_id, count(*) as n from views as a"
        " inner join views as b on a.product_id = b.product_id group by a.customer_id"
    ),
    "joined with everybody": "select a.customer_id, b.spend as n from customers as a cross join customers as b",
    "side by side": "select a.customer_id, b.spend as n from customers as a, customers as b",
    "joined by the person or not": (
        "select a.customer_id, b.spend as n from customers as a"
        " inner join customers as b on a.customer_id = b.customer_id or a.city = b.city"
    ),
    "another query's value": "select customer_id from customers where spend > (select avg(spend) from customers)",
    "among another query's": "select customer_id, spend as n from customers where city in (select city from views)",
    "where anybody is": "select customer_id, spend as n from customers where exists (select 1 from views)",
    "the first": "select customer_id, spend as n from customers order by spend desc limit 100",
    "another name for something else": "select city as customer_id, spend as n from customers",
    "distinct of something else": "select distinct on (city) customer_id, spend as n from customers",
    "columns renamed": "select customer_id, n from (select product_id, 1 from views) as w (customer_id, n)",
    "distinct without the person": "select distinct city as n from customers",
}
APART = {
    "selected and grouped by": "select customer_id, count(*) as n from v group by customer_id",
    "partitioned by": "select customer_id, row_number() over (partition by v.customer_id order by n) as n from v",
    "equated": "select a.customer_id, n from v as a join w as b on a.customer_id = b.customer_id and a.n < b.n",
    "joined by its name": "select customer_id, n from v join w using (customer_id)",
}
AS_TEXT = {
    "ordered by": "select customer_id, n from v order by customer_id limit 3",
    "ordered by place": "select customer_id, n from v order by 1 limit 3",
    "ordered by all": "select customer_id, n from v order by all limit 3",
    "ordered by in a window": "select customer_id, row_number() over (partition by n order by customer_id) as n from v",
    "the largest": "select max(customer_id) as n from v",
    "collected": "select customer_id, list(v.customer_id) as n from v group by customer_id",
    "made something of": "select upper(customer_id) as customer_id, 1 as n from v",
    "held against a text": "select customer_id, 1 as n from v where customer_id = 'x'",
    "held against another column": "select v.customer_id, 1 as n from v join w on v.customer_id = w.user_id",
    "under another name": "select customer_id as whose, n from v",
    "something else under its name": "select n as customer_id, n from v",
    "a row as a value": "select v from v",
    "a row as an argument": "select customer_id, to_json(v) as n from v",
    "all columns as an argument": "select customer_id, struct_pack(*) as n from v",
    "columns by pattern": "select min(columns('c.*')) from v",
    "in capitals": "select lower(CUSTOMER_ID) as n from v",
    "in quotes": 'select customer_id, "customer_id" from v',
    "columns renamed": "select who, n from (select customer_id, n from v) as w (who, n)",
    "less than another's": "select v.customer_id, 1 as n from v join w on v.customer_id < w.customer_id",
    "in a filter": "select customer_id, count(*) filter (where v.customer_id < 'b') as n from v group by customer_id",
    "cast": "select customer_id, v.customer_id::varchar as n from v",
    "the first by it": "select customer_id, first(n order by v.customer_id) as n from v group by all",
    "united": "select customer_id, n from v union all select customer_id, n from w",
}
# trends and the most expensive products are of everybody
LIBRARY = {
    "trend_seekers": False,
    "currently_browsing_premium": False,
    "category_enthusiast": True,
    "cart_abandoned": True,
}


def _steps(sql: str) -> str:
    return f"with step as ({sql}), measured as (select * from step) select * from measured"


@pytest.mark.parametrize("sql", ALONE.values(), ids=ALONE.keys())
def test_of_each_person_alone(sql: str) -> None:
    assert stands_alone(_steps(sql))


@pytest.mark.parametrize("sql", OF_EVERYBODY.values(), ids=OF_EVERYBODY.keys())
def test_of_everybody(sql: str) -> None:
    assert not stands_alone(_steps(sql))


@pytest.mark.parametrize("sql", APART.values(), ids=APART.keys())
def test_by_number(sql: str) -> None:
    assert tells_apart(_steps(sql))


@pytest.mark.parametrize("sql", AS_TEXT.values(), ids=AS_TEXT.keys())
def test_by_the_id_itself(sql: str) -> None:
    assert not tells_apart(_steps(sql))


@pytest.mark.parametrize(("segment", "alone"), LIBRARY.items())
def test_segments_that_ship(segment: str, *, alone: bool) -> None:
    tables = {path.stem: path.stem for path in (dbt.PROJECT / "models").rglob("*.sql")}
    rendered = render(definition.read(segment), Published(tables, {}, {}), with_sieve=False)
    assert stands_alone(shape(segment, rendered).steps) is alone
