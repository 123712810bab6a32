"""Definitions over a published version: what they come to, and what is refused and how it is said."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from segmentation import definition, garden
from segmentation.definition import Definition
from segmentation.preview import preview
from tests.segmentation.version import Published
from warehouse.errors import SmaltiError

Of = Callable[..., Definition]
_MEASURED = """
with

views as (

    select * from {{ ref('customer_events') }}
    where occurred_at > {{ as_of() }} - interval 30 day

),

measured as (

    select
        customer_id,
        count(*) as views_count
    from views
    group by %s

),

viewers as (

    select customer_id
    from measured
    where views_count >= {{ threshold('views') }}

)

select * from viewers
"""


def test_each_condition_says_whom_it_keeps_and_drops(published: Published, of: Of) -> None:
    found = preview(published.settings, of("number < 555 and (number < 222 or orders_count >= 40)"))
    assert found.members == 340
    assert [row["condition"] for row in found.conditions] == ["number < 555", "number < 222 OR orders_count >= 40"]
    assert [row["kept"] for row in found.conditions] == [500, 700]
    assert [row["dropped_by_this_alone"] for row in found.conditions] == [400, 100]
    assert [row["people"] for row in found.reachable] == [100]
    assert [set(row) for row in found.sample] == [{"person", "number", "orders_count"}] * 5


def test_nobody_anomalous_is_taken_and_an_unknown_value_meets_nothing(published: Published, of: Of) -> None:
    assert preview(published.settings, of("true and number >= 0")).looked_at == 900
    assert preview(published.settings, of("nullif(orders_count, 5) >= 0")).members == 891 // 100 * 100


def test_what_is_measured_of_events_is_counted_over_the_published_ones(published: Published) -> None:
    viewers = Definition("viewers", _MEASURED % "customer_id", {"thresholds": {"views": 4}})
    assert preview(published.settings, viewers).members == 500
    assert preview(published.settings, viewers).conditions[0]["condition"] == "views_count >= 4"


def test_the_published_segment_of_the_same_name_is_compared_with(published: Published, of: Of) -> None:
    published.segment("candidate", "number < 555")
    assert preview(published.settings, of("number < 555")).change["is_same"]
    changed = preview(published.settings, of("number between 222 and 888"))
    assert (changed.change["entered"], changed.change["left"]) == (300, 200)


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("select 1", "the last step is not candidate"),
        ("with candidate as (select customer_id from x) select * from candidate", "does more than select"),
        (
            "with measured as (select 1), candidate as (select customer_id from measured) select * from candidate",
            "no cond",
        ),
        ("with candidate as (select customer_id from measured where true) select * from candidate", "no step measured"),
        ("with x as (", "candidate.sql: line"),
        ("select 1; drop table x", "is no single select"),
        ("{{ ref('ledger') }}", "ref('ledger') is not published; allowed are"),
        ("{{ source('ops', 'control') }}", "source('ops', 'control') is none; allowed are"),
        ("{{ threshold('views') }}", "no threshold 'views'"),
        ("{{ env_var('HOME') }}", "'env_var' is undefined; allowed in braces are"),
        ("{{ ''.__class__.__mro__ }}", "allowed in braces are"),
        ("{% include '/etc/passwd' %}", "allowed in braces are"),
    ],
)
def test_what_is_no_segment_is_refused_with_what_is_allowed(published: Published, sql: str, told: str) -> None:
    with pytest.raises(SmaltiError, match=r"candidate\.sql") as refused:
        preview(published.settings, Definition("candidate", sql))
    assert told in str(refused.value)


def test_an_unknown_column_and_a_value_that_fails_are_told_without_the_value(published: Published, of: Of) -> None:
    with pytest.raises(SmaltiError, match="no_such_column"):
        preview(published.settings, of("no_such_column > 1"))
    with pytest.raises(SmaltiError, match="fails on some rows") as refused:
        preview(published.settings, of("cast(customer_id as integer) > 1"))
    assert "person" not in str(refused.value)


def test_a_person_measured_twice_is_refused(published: Published) -> None:
    twice = Definition("viewers", _MEASURED % "customer_id, product_id", {"thresholds": {"views": 1}})
    with pytest.raises(SmaltiError, match="one row a person: group by customer_id"):
        preview(published.settings, twice)


def test_a_draft_anywhere_is_read_and_an_unknown_name_says_which_there_are(tmp_path: Path, of: Of) -> None:
    folder = tmp_path / "models" / "segments"
    folder.mkdir(parents=True)
    (folder / "candidate.sql").write_text(of("number < 3").sql)
    assert definition.read("candidate", folder).sql == of("number < 3").sql
    with pytest.raises(SmaltiError, match="there are: candidate"):
        definition.read("candidates", folder)


def test_the_garden_finds_twins_and_what_is_sent_nowhere(published: Published) -> None:
    published.segment("large", "number < 800")
    published.segment("same", "number < 790")
    published.segment("tiny", "number < 60")
    found = {plot.segment: plot for plot in garden.garden(published.settings)}
    assert (found["same"].proposal, found["same"].into) == ("merge", "large")
    assert found["tiny"].members is None
    assert found["tiny"].problems == ("fewer than 100 active members", "sent nowhere")
    assert found["large"].proposal == "review"


def test_a_version_of_an_earlier_smalti_is_told_as_such(published: Published, of: Of) -> None:
    with duckdb.connect(published.settings.current) as connection:
        connection.execute("drop table segments.segment_checks")
    with pytest.raises(SmaltiError, match="of an earlier Smalti; allowed is one that the next run publishes"):
        preview(published.settings, of("true and number < 3"))
