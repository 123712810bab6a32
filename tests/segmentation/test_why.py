"""Why somebody who fulfils the rule is not in the segment: the other segment is named, as it stood at that moment."""

from datetime import datetime
from pathlib import Path

import duckdb
import pytest
from pydantic import SecretStr

from segmentation.why import KeptOut, why
from warehouse.settings import Settings

RULE = """with customers as (

    select * from {{{{ ref('customers') }}}}

),

{name} as (

    select customer_id
    from customers
    where {column} >= 1

)

select * from {name}
"""
# gold ranks higher than silver from the fifth on, when silver began to exclude refused; before they said nothing
DEFINITIONS = [
    ("gold", "gold", None, None, [], 1),
    ("silver", "silver", None, None, [], 1),
    ("refused", "refused", None, None, [], 1),
    ("gold", "gold", "tiers", 1, [], 5),
    ("silver", "silver", "tiers", 2, ["refused"], 5),
]
# person, what they have of gold, silver and refused, whether a bot
PEOPLE = [
    ("both", 1, 1, 0, False),
    ("only_silver", 0, 1, 0, False),
    ("refused", 1, 1, 1, False),
    ("neither", 1, 0, 1, False),
    ("bot", 1, 1, 1, True),
]
EMPTY = """
create schema profiles; create schema segments; create schema ops; create schema scores;
create table ops.control as select timestamp '2026-09-09' as as_of;
create table ops.moments as select unnest([timestamp '2026-09-01', timestamp '2026-09-09']) as as_of;
create table profiles.merges
    (merged_at timestamp, from_customer_id varchar, into_customer_id varchar, evidence varchar);
create table profiles.customers_history (
    customer_id varchar, gold integer, silver integer, refused integer, is_anomalous boolean,
    valid_from timestamp, valid_to timestamp
);
create table segments.catalog (segment_id varchar); create table segments.segment_checks (segment_id varchar);
create table segments.definitions_history (
    segment_id varchar, definition_version varchar, rule varchar, thresholds varchar,
    group_name varchar, group_rank integer, excludes varchar[], valid_from timestamp
);
create table segments.membership_history (
    segment_id varchar, customer_id varchar, entered_at timestamp, started_at timestamp, left_at timestamp,
    left_reason varchar, definition_version varchar, is_continued boolean
);
create table segments.measures_history
    (segment_id varchar, customer_id varchar, measures varchar, valid_from timestamp, valid_to timestamp);
"""
SPELLS = [
    ("silver", "both", 1, 5),
    ("gold", "both", 1, None),
    ("gold", "refused", 1, None),
    ("silver", "only_silver", 1, None),
]


def _day(number: int | None) -> datetime | None:
    return number and datetime(2026, 9, number)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home with one published version of these people and segments."""
    made = Settings(home=tmp_path_factory.mktemp("home"), hmac_key=SecretStr("ab" * 32), namespace=SecretStr("0" * 32))
    made.published.mkdir(parents=True)
    with duckdb.connect(made.published / "v.duckdb") as connection:
        connection.execute(EMPTY)
        for name, column, group, rank, excludes, day in DEFINITIONS:
            row = [name, f"v{day}", RULE.format(name=name, column=column), "{}", group, rank, excludes, _day(day)]
            connection.execute("insert into segments.definitions_history values (?, ?, ?, ?, ?, ?, ?, ?)", row)
        for person in PEOPLE:
            connection.execute(
                "insert into profiles.customers_history values (?, ?, ?, ?, ?, '2026-09-01', null)", person
            )
        connection.execute("create table profiles.customers as from profiles.customers_history")
        for segment, person, since, until in SPELLS:
            row = [segment, person, _day(since), _day(since), _day(until)]
            connection.execute("insert into segments.membership_history values (?, ?, ?, ?, ?, null, 'v', false)", row)
    Path(made.current).symlink_to(made.published / "v.duckdb")
    return made


@pytest.mark.parametrize(
    ("person", "is_member", "told"),
    [
        ("both", False, ["is out: gold of group tiers ranks higher"]),
        ("only_silver", True, []),
        ("refused", False, ["is out: member of excluded refused"]),
        ("neither", False, []),
        ("bot", False, []),
    ],
)
def test_the_segment_that_keeps_somebody_out_is_named(
    settings: Settings, person: str, told: list[str], *, is_member: bool
) -> None:
    found = why(settings, "silver", person)
    assert (found.is_member, [one.told for one in found.kept_out]) == (is_member, told)


def test_what_segments_said_later_keeps_nobody_out_before(settings: Settings) -> None:
    for person in ("both", "refused"):
        found = why(settings, "silver", person, datetime(2026, 9, 2))
        assert (found.is_member, found.kept_out) == (True, ())


def test_who_left_the_higher_one_is_not_kept_out_by_it(settings: Settings) -> None:
    assert why(settings, "silver", "both").kept_out == (KeptOut("gold", "tiers"),)
    with duckdb.connect(settings.published / "v.duckdb") as connection:
        connection.execute("begin; update segments.membership_history set left_at = '2026-09-09'")
        connection.execute("commit")
    try:
        assert why(settings, "silver", "both").is_member
    finally:
        with duckdb.connect(settings.published / "v.duckdb") as connection:
            connection.execute("update segments.membership_history set left_at = null where segment_id = 'gold'")
