"""What is particular to one connector, beside what the contract asks of all."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from reverse_etl.connector import ACCEPTED, Answer, Conversation, Outcome, Request, Unreadable
from reverse_etl.destination import Refused
from tests.reverse_etl.vendors.account import Account, module, opened, person
from tests.reverse_etl.vendors.server import Fault
from tests.reverse_etl.vendors.webhook import signed

Open = Callable[..., Account]
FOUR = [person(f"p{number}", "high_value") for number in range(4)]


@pytest.fixture(name="account")
def _account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens an account of that connector, with options beside those of its fake."""
    with ExitStack() as stack:

        def open_one(name: str, **options: object) -> Account:
            for option, value in options.items():
                monkeypatch.setenv(f"SMALTI_{name.upper()}_{option.upper()}", str(value))
            return stack.enter_context(opened(name, monkeypatch))

        yield open_one


def answered(account: Account, status: int, body: bytes) -> Any:
    """The end of a conversation whose first answer is this one."""
    conversation = account.connector.write(FOUR, "a" * 32)
    next(conversation)
    with pytest.raises(StopIteration) as done:
        conversation.send(Answer(status, {}, body))
    return done.value.value


def converse(conversation: Conversation, told: Callable[[Request], Answer]) -> None:
    """Hold it with answers that are made up one by one."""
    request = next(conversation)
    while True:
        request = conversation.send(told(request))


# webhook


def test_a_webhook_is_signed_with_the_moment_of_each_try_and_keeps_its_key(account: Open):
    webhook = account("webhook")
    moments = iter(range(1_790_000_000, 1_790_000_100))
    object.__setattr__(webhook.connector, "now", lambda: next(moments))
    webhook.server.faults = [Fault.ERROR_BEFORE]
    webhook.send(FOUR)
    first, second = webhook.server.written
    assert signed(first)
    assert signed(second)
    assert first.headers["Smalti-Signature"].startswith("t=1790000000,v1=")
    assert second.headers["Smalti-Signature"].startswith("t=1790000001,v1=")
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert first.body == second.body


def test_a_webhook_receives_ids_and_segments_and_nothing_else(account: Open):
    webhook = account("webhook")
    webhook.send([person("p", "high_value"), person("q", left=["lapsed"])])
    assert webhook.server.written[0].content == {
        "records": [
            {"id": "p@example.test", "segment_ids": ["high_value"]},
            {"id": "q@example.test", "segment_ids": []},
        ]
    }


def test_a_webhook_that_is_not_there_stops_the_delivery_at_the_first_call(account: Open):
    with pytest.raises(Refused, match="webhook answers 404; allowed in SMALTI_WEBHOOK_URL is an address"):
        answered(account("webhook"), 404, b"not here")


def test_a_webhook_must_name_each_record_once(account: Open):
    short = b'{"results":[{"index":0,"outcome":"accepted"}]}'
    with pytest.raises(Unreadable):
        answered(account("webhook"), 207, short)


def test_a_code_of_a_webhook_that_is_a_sentence_is_not_kept(account: Open):
    refused = b'{"index":%d,"outcome":"rejected","code":"p0@example.test is not a customer"}'
    body = b'{"results":[' + b",".join(refused % at for at in range(4)) + b"]}"
    assert set(answered(account("webhook"), 207, body)) == {Outcome("rejected", "http_207")}


def test_a_webhook_with_a_short_secret_is_refused(account: Open, monkeypatch: pytest.MonkeyPatch):
    account("webhook")
    monkeypatch.setenv("SMALTI_WEBHOOK_SECRET", "tooshort")
    with pytest.raises(Refused, match=r"SMALTI_WEBHOOK_SECRET: .*at least 32") as refused:
        module("webhook").connect()
    assert "tooshort" not in str(refused.value)


def test_a_webhook_that_takes_more_is_told_more_at_once(account: Open, monkeypatch: pytest.MonkeyPatch):
    told = {"BATCH_RECORDS": "2000", "BATCH_BYTES": "5000000", "CALLS_PER_SECOND": "40", "CONCURRENCY": "8"}
    account("webhook")
    for name, value in told.items():
        monkeypatch.setenv(f"SMALTI_WEBHOOK_{name}", value)
    traits = module("webhook").connect().traits
    assert (traits.batch_records, traits.batch_bytes, traits.concurrency) == (2_000, 5_000_000, 8)
    assert (traits.calls_per_second, traits.burst) == (40.0, 40)


def test_a_webhook_that_cannot_be_asked_says_so(account: Open):
    webhook = account("webhook")
    options = webhook.connector.options.model_copy(update={"read_url": None})
    object.__setattr__(webhook.connector, "options", options)
    with pytest.raises(Refused, match="SMALTI_WEBHOOK_READ_URL"):
        webhook.read(FOUR)


# sendgrid


def test_sendgrid_stores_ids_between_bars_and_never_nothing(account: Open):
    sendgrid = account("sendgrid")
    sendgrid.send([person("p", "high_value", "lapsed"), person("q", left=["lapsed"])])
    fields = {email: held["smalti_segments"] for email, held in sendgrid.server.vendor.contacts.items()}
    assert fields == {"p@example.test": "|high_value|lapsed|", "q@example.test": "|"}


def test_sendgrid_is_asked_for_its_job_less_and_less_often_and_not_for_ever(account: Open):
    sendgrid = account("sendgrid")
    waits: list[float] = []

    def told(request: Request) -> Answer:
        waits.append(request.after_seconds)
        fields = b'{"custom_fields":[{"id":"e2_T","name":"smalti_segments"}]}'
        return Answer(200, {}, {1: fields, 2: b'{"job_id":"j"}'}.get(len(waits), b'{"status":"pending"}'))

    with pytest.raises(Unreadable):
        converse(sendgrid.connector.write(FOUR, "a" * 32), told)
    assert waits[:8] == [0, 0, 1, 2, 4, 8, 16, 30]
    assert len(waits) == 22
    assert sum(waits) < 600


def test_an_address_is_the_same_in_capitals(account: Open):
    sendgrid = account("sendgrid")
    people = [person("Ann", "high_value"), person("bob", "lapsed")]
    sendgrid.send(people)
    assert sendgrid.read(people) == [("high_value",), ("lapsed",)]


@pytest.mark.parametrize("end", ["errored", "failed"])
def test_contacts_of_a_job_that_failed_are_not_accepted(account: Open, end: str):
    sendgrid = account("sendgrid")
    sendgrid.server.vendor.ends = end
    assert sendgrid.send(FOUR[:1]) == [Outcome("rejected", f"import_{end}")]


def test_sendgrid_without_the_custom_field_is_not_written_to(account: Open):
    sendgrid = account("sendgrid")
    del sendgrid.server.vendor.names["e2_T"]
    with pytest.raises(Refused, match="sendgrid has no custom field 'smalti_segments'; allowed is one of type Text"):
        sendgrid.send(FOUR)
    assert sendgrid.server.written == []


# braze


def test_braze_does_not_create_who_leaves(account: Open):
    braze = account("braze")
    assert braze.send([person("p", left=["lapsed"])]) == [ACCEPTED]
    assert braze.server.vendor.users == {}


@pytest.mark.parametrize(
    "body",
    [
        b'{"message":"success","errors":["something"]}',
        b'{"message":"success","errors":[{"type":"x","input_array":"attributes","index":4}]}',
        b'{"message":"success","errors":[{"type":"x","input_array":"events","index":0}]}',
        b'{"message":"queued"}',
    ],
)
def test_a_success_of_braze_with_an_error_of_nobody_leaves_all_open(account: Open, body: bytes):
    with pytest.raises(Unreadable):
        answered(account("braze"), 201, body)


# launchdarkly


def test_launchdarkly_is_called_once_a_segment_and_direction(account: Open):
    launchdarkly = account("launchdarkly")
    people = [person(f"p{number}", "high_value", "lapsed", left=["likely_buyers"]) for number in range(300)]
    assert set(launchdarkly.send(people)) == {ACCEPTED}
    told = [(call.path.rpartition("/")[2], call.content["instructions"]) for call in launchdarkly.server.calls]
    assert [(name, one["kind"], len(one["values"])) for name, [one] in told] == [
        ("high-value", "addIncludedTargets", 300),
        ("lapsed", "addIncludedTargets", 300),
        ("likely-buyers", "removeIncludedTargets", 300),
    ]


def test_a_segment_that_launchdarkly_lacks_concerns_its_people_only(account: Open):
    launchdarkly = account("launchdarkly")
    del launchdarkly.server.vendor.segments["lapsed"]
    outcomes = launchdarkly.send([person("p", "high_value"), person("q", "high_value", "lapsed")])
    assert outcomes == [ACCEPTED, Outcome("rejected", "segment_missing")]


def test_a_big_segment_of_launchdarkly_is_not_taken_for_an_empty_one(account: Open):
    reading = account("launchdarkly").connector.read(FOUR)
    next(reading)
    with pytest.raises(Unreadable):
        reading.send(Answer(200, {}, b'{"key":"high-value","unbounded":true,"included":[]}'))


def test_targets_of_another_kind_of_context_are_read_where_they_stand(account: Open):
    reading = account("launchdarkly", context_kind="customer").connector.read(FOUR[:1])
    next(reading)
    contexts = b'[{"contextKind":"customer","values":["p0@example.test"]},{"contextKind":"user","values":["x"]}]'
    with pytest.raises(StopIteration) as done:
        reading.send(Answer(200, {}, b'{"key":"high-value","included":["y"],"includedContexts":%s}' % contexts))
    assert done.value.value == [("high_value",)]


# unleash


def test_unleash_spreads_a_segment_over_shards(account: Open):
    unleash = account("unleash")
    many = [person(f"p{number}", "high_value") for number in range(1_000)]
    assert set(unleash.send(many)) == {ACCEPTED}
    sizes = {one["name"]: len(one["constraints"][0]["values"]) for one in unleash.server.vendor.segments.values()}
    assert sorted(sizes) == [f"smalti-high_value-{number:02d}" for number in range(4)]
    assert sum(sizes.values()) == 1_000
    assert all(200 < size < 300 for size in sizes.values())


def test_a_shard_of_unleash_that_would_be_too_long_is_an_error_before_anything_is_written(account: Open):
    unleash = account("unleash", shards=1)
    unleash.send([person(f"p{number}", "high_value") for number in range(1_000)])
    before = len(unleash.server.written)
    with pytest.raises(Refused, match="smalti-high_value-00 would hold 1001 values; allowed are 1000: more shards"):
        unleash.send([person("one", "high_value", "lapsed")], "plan-2")
    assert len(unleash.server.written) == before


def test_unleash_writes_only_lists_that_change(account: Open):
    unleash = account("unleash")
    unleash.send(FOUR)
    before = len(unleash.server.written)
    unleash.send(FOUR, "plan-2")
    assert len(unleash.server.written) == before
    unleash.send([person("p0", left=["high_value"])], "plan-3")
    assert len(unleash.server.written) == before + 1


def test_what_somebody_added_to_a_segment_of_unleash_is_kept(account: Open):
    unleash = account("unleash", shards=1)
    unleash.send(FOUR)
    [segment] = unleash.server.vendor.segments.values()
    added = {"contextName": "appName", "operator": "IN", "values": ["shop"]}
    segment["constraints"].append(added)
    segment["description"] = "For the spring campaign."
    unleash.send([person("p9", "high_value")], "plan-2")
    [segment] = unleash.server.vendor.segments.values()
    assert segment["constraints"][1] == added
    assert segment["description"] == "For the spring campaign."
    assert len(segment["constraints"][0]["values"]) == 5


def test_with_another_number_of_shards_a_person_stands_in_one_of_them(account: Open):
    unleash = account("unleash", shards=1)
    unleash.send(FOUR)
    options = unleash.connector.options.model_copy(update={"shards": 7})
    object.__setattr__(unleash.connector, "options", options)
    unleash.send(FOUR, "plan-2")
    held = [value for one in unleash.server.vendor.segments.values() for value in one["constraints"][0]["values"]]
    assert sorted(held) == [one.key for one in FOUR]
    unleash.send([person("p0", left=["high_value"])], "plan-3")
    assert unleash.holds("p0@example.test") == ()


def test_a_segment_of_unleash_that_is_deleted_meanwhile_is_made_again(account: Open):
    unleash = account("unleash", shards=1)
    unleash.send(FOUR)
    vendor = unleash.server.vendor
    answer, gone = vendor.answer, []

    def answer_late(call: Any) -> tuple[int, Any]:
        if call.method == "PUT" and not gone:
            gone.append(vendor.segments.popitem())
        return answer(call)

    vendor.answer = answer_late
    assert unleash.send([person("p9", "high_value")], "plan-2") == [ACCEPTED]
    assert unleash.holds("p9@example.test") == ("high_value",)
