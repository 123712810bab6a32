"""One person as of any day: what stood then, whom an id became, and what is said where it is not kept."""

import json
from datetime import datetime
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from ingestion import identifiers
from smalti import person
from smalti.cli import app
from warehouse import atomic, pseudonyms, suppressions
from warehouse.errors import SmaltiError
from warehouse.settings import Settings

ANN = "ann@example.org"
DAYS = (datetime(2026, 9, 1), datetime(2026, 9, 2), datetime(2026, 9, 3))
HISTORY = """
create schema profiles; create schema segments; create schema ops;
create table ops.control as select $as_of::timestamp as as_of;
create table profiles.customers_history as
select * from (values
    -- browsing on the first day, a customer from the second on, and on the third the tablet's too
    ('ann', 'browsing', 0, timestamp '2026-09-01', timestamp '2026-09-02'),
    ('ann', 'customer', 1, timestamp '2026-09-02', null),
    ('tablet', 'browsing', 0, timestamp '2026-09-01', timestamp '2026-09-03')
) as t(customer_id, state, orders_count, valid_from, valid_to);
create table profiles.merges as
select timestamp '2026-09-03' as merged_at, 'tablet' as from_customer_id, 'ann' as into_customer_id,
    'merged: now one component' as evidence;
create table profiles.identifiers as
select 'email' as identifier_type, $email as identifier_hash, $holder as customer_id,
    $as_of::timestamp as first_seen_at;
create table profiles.customer_consents as
select 'ann' as customer_id, 'marketing_email' as purpose, 'email' as channel, true as is_granted, 'stated' as basis,
    $as_of::timestamp as recorded_at;
create table profiles.interests as
from (values ('ann', 'category', 'mugs', $score), ('ann', 'category', 'bowls', 1.0))
    as t(customer_id, dimension, value, score);
create table segments.membership_history as
from (values
    ('new_visitors', 'ann', timestamp '2026-09-01', timestamp '2026-09-01', timestamp '2026-09-02'),
    ('repeat_buyers', 'ann', timestamp '2026-09-02', timestamp '2026-09-02', null)
) as t(segment_id, customer_id, entered_at, started_at, left_at);
"""


@pytest.fixture
def home(settings: Settings) -> Settings:
    """Three days, of which the last two are kept; on the second the address was still the tablet's."""
    for day, holder, score in ((DAYS[1], "tablet", 2.0), (DAYS[2], "ann", 4.0)):
        _publish(settings, day, holder, score)
    return settings


def _publish(settings: Settings, as_of: datetime, holder: str, score: float) -> None:
    settings.published.mkdir(parents=True, exist_ok=True)
    path = settings.published / f"{as_of:%Y%m%d}.duckdb"
    with duckdb.connect(path) as connection:
        pseudonyms.bind(connection, settings)
        [(email,)] = connection.execute(f"select {pseudonyms.hmac_sql('email', '$value')}", {"value": ANN}).fetchall()
        values = {"as_of": as_of, "email": email, "holder": holder, "score": score}
        for statement in HISTORY.split(";")[:-1]:
            connection.execute(statement, {name: v for name, v in values.items() if f"${name}" in statement})
    atomic.point(settings.current, path)


def test_without_a_day_it_is_the_published_version(home: Settings) -> None:
    found = person.show(home, "ann", None)
    assert (found["as_of"], found["profile"]["state"], found["valid_from"]) == (DAYS[2], "customer", DAYS[1])
    assert found["segments"] == [{"segment_id": "repeat_buyers", "entered_at": DAYS[1]}]
    assert [row["score"] for row in found["interests"]] == [4.0, 1.0]
    assert found["consents"][0]["is_granted"]
    assert found["notes"] == []


def test_a_day_whose_version_is_kept_is_whole(home: Settings) -> None:
    found = person.show(home, "ann", datetime(2026, 9, 2, 13))
    assert found["profile"]["orders_count"] == 1
    assert [row["score"] for row in found["interests"]] == [2.0, 1.0]
    assert found["notes"] == []


def test_of_an_older_day_the_profile_and_the_segments_are_known_and_the_rest_is_said_not_to_be(home: Settings) -> None:
    found = person.show(home, "ann", DAYS[0])
    assert (found["profile"]["state"], found["valid_to"]) == ("browsing", DAYS[1])
    assert [row["segment_id"] for row in found["segments"]] == ["new_visitors"]
    assert (found["interests"], found["consents"], found["identifiers"]) == (None, None, None)
    assert "is not kept" in found["notes"][0]
    assert "merged since" in found["notes"][1]


def test_an_id_that_ended_is_followed_from_the_day_of_the_merge_on(home: Settings) -> None:
    assert person.show(home, "tablet", DAYS[1])["customer_id"] == "tablet"
    found = person.show(home, "tablet", DAYS[2])
    assert found["customer_id"] == "ann"
    assert [step["merged_at"] for step in found["followed"]] == [DAYS[2]]


@pytest.mark.parametrize("typed", [f"email:{ANN}", "email: Ann@Example.org "])
def test_an_identifier_is_whose_it_was_at_the_moment(home: Settings, typed: str) -> None:
    assert person.show(home, typed, DAYS[2])["customer_id"] == "ann"
    assert person.show(home, typed, DAYS[1])["customer_id"] == "tablet"


@pytest.mark.parametrize("asked", ["email:bob@example.org", "nobody", "shoe:bob@example.org", "email:bob", "phone:12"])
def test_whoever_is_not_known_is_refused_without_repeating_what_was_typed(home: Settings, asked: str) -> None:
    with pytest.raises(SmaltiError, match="allowed is a customer_id, or an identifier as TYPE:VALUE") as raised:
        person.show(home, asked, None)
    assert "bob" not in str(raised.value)
    assert "nobody" not in str(raised.value)


def test_days_before_and_after_all_versions_are_refused(home: Settings) -> None:
    with pytest.raises(SmaltiError, match="no such person as of 2026-08-31"):
        person.show(home, "ann", datetime(2026, 8, 31))
    with pytest.raises(SmaltiError, match="lies after what is published; allowed is 2026-09-03"):
        person.show(home, "ann", datetime(2026, 9, 4))


@pytest.fixture
def typed(home: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in home.environment().items():
        monkeypatch.setenv(name, value)
    return lambda *arguments: CliRunner().invoke(app, ["person", "show", *arguments])


def test_the_command_says_the_same_as_a_page_and_as_json_and_never_the_address(typed: Any) -> None:
    page, plain = typed(f"email:{ANN}"), typed(f"email:{ANN}", "--json")
    assert (page.exit_code, plain.exit_code) == (0, 0)
    assert json.loads(plain.stdout)["customer_id"] == "ann"
    for words in ("ann as of 2026-09-03", "customer", "repeat_buyers", "mugs", "4.000", "█" * 24):
        assert words in page.stdout
    assert ANN not in page.output + plain.output


def test_the_command_refuses_in_one_line(typed: Any) -> None:
    ended = typed("nobody")
    assert ended.exit_code == 1
    assert ended.stdout == ""


def test_phone_numbers_and_addresses_are_hashed_as_loading_does(settings: Settings) -> None:
    written = [identifiers.pseudonym(settings, "phone", text) for text in ("07911 123456", "+44 7911 123456")]
    assert written[0] == written[1] is not None
    assert identifiers.pseudonym(settings, "email", "no address") is None
    assert identifiers.pseudonym(settings, "user_id", "crm:C1") != identifiers.pseudonym(settings, "user_id", "crm:c1")


def test_whoever_is_suppressed_is_so_by_each_identifier_that_names_them(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in home.environment().items():
        monkeypatch.setenv(name, value)

    def suppress(*arguments: str) -> Any:
        return CliRunner().invoke(app, ["person", "suppress", *arguments, "--json"])

    email = ("email", identifiers.pseudonym(home, "email", ANN))
    assert json.loads(suppress("ann", "--reason", "asked").output) == {"identifiers": 1}
    assert suppressions.read(home.ledger).rows() == [email]
    assert json.loads(suppress(f"email:{ANN}", "--reason", "asked again").output) == {"identifiers": 0}
    assert json.loads(suppress("email:nobody@example.org", "--reason", "not here yet").output) == {"identifiers": 1}
    assert json.loads(suppress("ann", "--undo").output) == {"identifiers": 1}
    assert email not in suppressions.read(home.ledger).rows()
    assert suppress("ann").exit_code == 1, "without a reason"
    assert suppress("tim", "--reason", "unknown").exit_code == 1
