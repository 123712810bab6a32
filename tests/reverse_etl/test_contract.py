"""What every connector must do, whatever its vendor does: one suite, and whoever writes a connector is in it."""

import dataclasses
import re
from collections.abc import Iterator

import pytest

from reverse_etl.connector import ACCEPTED, Connector, Renewing, Request
from reverse_etl.destination import Refused, attribute_names
from reverse_etl.payload import DUPLICATE
from tests.reverse_etl.vendors import description
from tests.reverse_etl.vendors.account import Account, connectors, module, modules, opened, person, vendor
from tests.reverse_etl.vendors.server import Fault

SECRET = re.compile("secret-of-this-test")
BEFORE = [Fault.THROTTLED, Fault.PAGE_BEFORE, Fault.ERROR_BEFORE]
ONCE = [*BEFORE, Fault.ERROR_AFTER, Fault.PAGE_AFTER, Fault.BROKEN_AFTER]
SEVEN = [person(f"p{number}", "high_value", "lapsed") for number in range(7)]


@pytest.fixture(params=connectors())
def account(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    with opened(request.param, monkeypatch) as found:
        yield found


def test_every_destination_is_in_this_suite_or_handed_files():
    """A connector without a fake vendor ends here with the module that is missing."""
    assert {name for name in modules() if not hasattr(module(name), "DESTINATION")} == set(connectors())
    assert {vendor(name).name for name in connectors()} == set(connectors())


def rendered(connector: Connector, records: list) -> Request:
    """The first request of a batch."""
    return next(connector.write(records, "a" * 32))


def test_it_is_called_as_its_module(account: Account):
    assert account.connector.name == account.server.vendor.name


def test_a_batch_of_nobody_makes_no_request(account: Account):
    with pytest.raises(StopIteration) as done:
        next(account.connector.write([], "a" * 32))
    assert list(done.value.value) == []
    assert account.read([]) == []
    assert account.server.calls == []


def test_who_enters_stands_there_with_the_complete_set(account: Account):
    assert account.send(SEVEN) == [ACCEPTED] * 7
    assert account.server.vendor.standing() == {one.key: ("high_value", "lapsed") for one in SEVEN}
    assert account.server.changes == 2 * 7


def test_who_leaves_one_segment_keeps_the_others(account: Account):
    account.send(SEVEN)
    assert account.send([person("p0", "lapsed", left=["high_value"])], "plan-2") == [ACCEPTED]
    assert account.holds("p0@example.test") == ("lapsed",)
    assert account.holds("p1@example.test") == ("high_value", "lapsed")


def test_who_leaves_everything_has_an_empty_set(account: Account):
    account.send(SEVEN)
    assert account.send([person("p0", left=["high_value", "lapsed"])], "plan-2") == [ACCEPTED]
    assert account.holds("p0@example.test") == ()
    assert account.read(SEVEN) == [(), *[("high_value", "lapsed")] * 6]


def test_who_never_stood_there_may_leave(account: Account):
    assert account.send([person("p0", left=["high_value"])]) == [ACCEPTED]
    assert account.server.changes == 0


def test_what_others_put_there_stays(account: Account):
    if not hasattr(account.server.vendor, "put_others"):
        pytest.skip("nobody else writes there")
    account.send(SEVEN)
    account.server.vendor.put_others("p0@example.test")
    before = account.server.vendor.others()
    assert before
    account.send([person("p0", left=["high_value", "lapsed"]), person("new", "high_value")], "plan-2")
    assert account.server.vendor.others() == before
    assert account.holds("p0@example.test") == ()


@pytest.fixture
def told(account: Account) -> Account:
    """An account that can be told attributes."""
    if attribute_names(account.connector.name) is None:
        pytest.skip("can be told no attributes")
    return account


def test_attributes_stand_there_beside_the_segments(told: Account):
    told.send([*SEVEN, person("plain", "lapsed")])
    known = SEVEN[0]._replace(attributes='{"stage":"lapsed","tier":"high"}')
    assert told.send([known, SEVEN[1]], "plan-2") == [ACCEPTED] * 2
    assert told.attributes("p0@example.test") == {"stage": "lapsed", "tier": "high"}
    assert told.attributes("p1@example.test") == told.attributes("plain@example.test") == {}
    assert told.read([known]) == [("high_value", "lapsed")]


def test_an_attribute_that_is_not_known_or_no_longer_told_does_not_stay(told: Account):
    one = person("p0", "lapsed")
    told.send([one._replace(attributes='{"stage":"lapsed","tier":"high"}')])
    told.send([one._replace(attributes='{"stage":null,"tier":"low"}')], "plan-2")
    assert told.attributes(one.key) == {"tier": "low"}
    told.send([one._replace(cleared=("stage", "tier"))], "plan-3")
    assert told.attributes(one.key) == {}
    assert told.holds(one.key) == ("lapsed",)


def test_who_leaves_everything_leaves_no_attributes(told: Account):
    if hasattr(told.server.vendor, "put_others"):
        told.server.vendor.put_others("p0@example.test")
    others = told.server.vendor.others()
    told.send([SEVEN[0]._replace(attributes='{"stage":"lapsed","tier":"high"}')])
    gone = person("p0", left=["high_value", "lapsed"])._replace(cleared=("stage", "tier"))
    assert told.send([gone], "plan-2") == [ACCEPTED]
    assert (told.attributes(gone.key), told.holds(gone.key)) == ({}, ())
    assert told.server.vendor.others() == others


def test_who_has_become_another_keeps_what_is_told_of_that_one(told: Account):
    was = person("p0", left=["lapsed"])._replace(cleared=("stage", "tier"))
    now = person("p0", "lapsed")._replace(customer_id="id-other", attributes='{"stage":"loyal"}')
    for records in ([was, now], [now, was]):
        told.send([person("p0", "lapsed")._replace(attributes='{"stage":"lapsed","tier":"high"}')])
        assert told.send(records, "plan-2") == [ACCEPTED] * 2
        assert told.attributes("p0@example.test") == {"stage": "loyal"}


def test_what_must_be_read_before_it_is_sent_again_is_told_no_attributes(told: Account):
    """Segments alone are read back: whether attributes arrived nobody could say."""
    assert told.connector.traits.replay != "read"


def test_the_same_batch_again_changes_nothing(account: Account):
    for plan_id in ("plan-1", "plan-1", "plan-2"):
        assert account.send(SEVEN, plan_id) == [ACCEPTED] * 7
    assert account.server.changes == 2 * 7


def test_more_than_the_limit_is_refused_before_any_request(account: Account):
    limit = account.connector.traits.batch_records
    with pytest.raises(ValueError, match=f"{limit + 1} records .* allowed are {limit} a batch"):
        rendered(account.connector, [person(str(number), "lapsed") for number in range(limit + 1)])


def test_a_full_batch_is_taken(account: Account):
    limit = min(account.connector.traits.batch_records, 2_000)
    many = [person(str(number), "lapsed") for number in range(limit)]
    assert set(account.send(many)) == {ACCEPTED}
    assert account.server.changes == limit


def test_a_batch_of_too_many_bytes_is_taken_apart(account: Account, monkeypatch: pytest.MonkeyPatch):
    small = dataclasses.replace(account.connector.traits, batch_bytes=450)
    monkeypatch.setattr(type(account.connector), "traits", small)
    many = [person(str(number), "lapsed") for number in range(12)]
    assert account.send(many) == [ACCEPTED] * 12
    assert max(len(call.body) for call in account.server.calls) <= 450
    assert account.server.changes == 12


def test_who_has_become_another_leaves_what_that_one_is_not_in(account: Account):
    account.send(SEVEN)
    was = SEVEN[0]._replace(segment_ids=(), entered=(), left=("high_value", "lapsed"))
    now = person("p0", "lapsed", "likely_buyers")._replace(customer_id="id-other")
    for records in ([was, now], [now, was]):
        assert account.send(records, "plan-2") == [ACCEPTED] * 2
        assert account.holds("p0@example.test") == ("lapsed", "likely_buyers")


def test_two_people_with_one_key_are_both_rejected(account: Account):
    twice = SEVEN[0]._replace(customer_id="id-other", segment_ids=("lapsed",))
    assert account.send([*SEVEN, twice]) == [DUPLICATE, *[ACCEPTED] * 6, DUPLICATE]
    assert account.holds(twice.key) == ()


def test_who_is_refused_does_not_keep_the_others_from_it(account: Account):
    account.server.vendor.refuses = {"p4@example.test"}
    outcomes = account.send(SEVEN)
    assert [one.outcome for one in outcomes] == ["accepted"] * 4 + ["rejected"] + ["accepted"] * 2
    assert outcomes[4].code
    assert "p4" not in outcomes[4].code
    assert account.server.vendor.standing() == {
        one.key: ("high_value", "lapsed") for one in SEVEN if one.key != "p4@example.test"
    }


@pytest.mark.parametrize("fault", ONCE, ids=lambda fault: fault.name.lower())
def test_a_fault_is_survived_and_takes_effect_once(account: Account, fault: Fault):
    account.server.faults = [fault]
    assert account.send(SEVEN) == [ACCEPTED] * 7
    assert account.server.changes == 2 * 7
    assert account.read(SEVEN) == [("high_value", "lapsed")] * 7


def test_an_answer_that_never_comes_is_given_up_and_takes_effect_once(account: Account):
    account.server.faults = [Fault.HANG_AFTER]
    assert account.send(SEVEN, seconds=0.5) == [ACCEPTED] * 7
    assert account.server.changes == 2 * 7


def test_the_vendor_is_waited_for_as_long_as_it_says(account: Account):
    account.server.faults = [Fault.THROTTLED]
    account.send(SEVEN)
    assert account.clock.slept >= 7


@pytest.mark.parametrize("fault", [Fault.PAGE_BEFORE, Fault.ERROR_BEFORE], ids=["page", "error"])
def test_what_is_never_confirmed_is_never_accepted(account: Account, fault: Fault):
    account.server.always = fault
    assert {one.outcome for one in account.send(SEVEN[:2])} == {"unknown"}


def test_a_success_without_what_it_should_say_is_not_believed(account: Account):
    """Where nothing is to be said, the status is all there is to believe."""
    account.server.always = Fault.EMPTY_AFTER
    first = account.send(SEVEN[:1])[0]
    assert first.outcome == ("accepted" if account.server.vendor.is_silent else "unknown")


def test_an_expired_credential_is_renewed_once_or_stops_the_delivery(account: Account):
    account.server.always = Fault.EXPIRED
    with pytest.raises(Refused, match=f"{account.connector.name} answers 401") as refused:
        account.send(SEVEN)
    assert len(account.server.written) == (2 if isinstance(account.connector, Renewing) else 1)
    assert not SECRET.search(str(refused.value))


def test_keys_of_any_script_arrive_as_they_are(account: Account):
    names = ["zoë", "ключ", "例え", "👟", "o'neil+tag", 'quo"te']
    people = [person(name, "high_value") for name in names]
    assert account.send(people) == [ACCEPTED] * len(names)
    assert account.server.vendor.standing() == {one.key: ("high_value",) for one in people}
    assert account.read(people) == [("high_value",)] * len(names)


def test_what_stands_there_is_read_back(account: Account):
    many = [person(f"p{number}", *["high_value", "lapsed"][: number % 2 + 1]) for number in range(130)]
    for at in range(0, 130, 65):
        account.send(many[at : at + 65])
    strangers = [person("stranger", "lapsed"), person("other", "high_value")]
    assert account.read([*many, *strangers]) == [*[one.segment_ids for one in many], (), ()]
    assert account.read(strangers) == [(), ()]


def test_the_same_batch_is_rendered_the_same(account: Account):
    connector = account.connector
    if hasattr(connector, "now"):
        connector = dataclasses.replace(connector, now=lambda: 1_790_000_000.0)
    assert rendered(connector, SEVEN) == rendered(connector, SEVEN)


def test_nothing_that_is_printed_holds_a_secret_or_a_key(account: Account):
    shown = f"{account.connector!r} {rendered(account.connector, SEVEN)!r} {account.connector.traits!r}"
    assert not SECRET.search(shown)
    assert SEVEN[0].key not in shown


def test_an_option_that_is_missing_is_named(account: Account, monkeypatch: pytest.MonkeyPatch):
    name = account.connector.name
    options = account.server.vendor.environment("https://vendor.example")
    for variable in options:
        monkeypatch.delenv(variable)
    with pytest.raises(Refused, match=f"SMALTI_{name.upper()}_[A-Z_]+: Field required") as refused:
        module(name).connect()
    assert not SECRET.search(str(refused.value))


def test_its_requests_are_as_the_vendor_describes_them(account: Account):
    if reason := description.missing(account.server.vendor):
        pytest.skip(reason)
    account.send(SEVEN)
    account.send([person("p0", left=["high_value", "lapsed"])], "plan-2")
    account.read(SEVEN)
    assert {call.method for call in account.server.calls}
    for call in account.server.calls:
        description.check(account.server.vendor, call)


def test_a_request_that_is_not_as_described_is_noticed(account: Account):
    if reason := description.missing(account.server.vendor):
        pytest.skip(reason)
    account.send(SEVEN)
    [call, *_] = account.server.written
    for wrong in (dataclasses.replace(call, path="/elsewhere"), dataclasses.replace(call, body=b"[]")):
        with pytest.raises(Exception, match=r"."):
            description.check(account.server.vendor, wrong)
