"""Webhook: signed JSON to an address of the shop's own.

The signature covers the moment and the body, so that a receiver can tell who sent it and refuse an old copy; the key of
the batch lets it know one that it has taken already.
"""

import hashlib
import hmac
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, HttpUrl, SecretStr
from pydantic_settings import SettingsConfigDict

from reverse_etl.connector import (
    ACCEPTED,
    Answer,
    BatchRefused,
    Conversation,
    Outcome,
    Reading,
    Record,
    Request,
    Traits,
    Unreadable,
)
from reverse_etl.destination import Refused
from reverse_etl.options import Options, load
from reverse_etl.payload import attributes, batch, body, code, content, is_success, listed, not_markup, parts

TAKES_MESSAGES = True
ATTRIBUTE_NAMES = re.compile("[A-Za-z_][A-Za-z0-9_]{0,62}")
_EACH = 207
_OF_THE_BATCH = (400, 409, 422)  # others are about the address


class WebhookOptions(Options):
    """The receiver: where it takes batches, the secret that it shares, and where it says what it holds."""

    model_config = SettingsConfigDict(env_prefix="SMALTI_WEBHOOK_")

    url: HttpUrl
    secret: Annotated[SecretStr, Field(min_length=32)]
    read_url: HttpUrl | None = None
    messages_url: HttpUrl | None = None
    key: Literal["customer_id", "contact_id_crm"] = "customer_id"
    batch_records: Annotated[int, Field(ge=1, le=100_000)] = 500
    batch_bytes: Annotated[int, Field(ge=1_000)] = 1_000_000
    calls_per_second: Annotated[float, Field(gt=0)] = 5.0
    concurrency: Annotated[int, Field(ge=1, le=64)] = 2


@dataclass(frozen=True)
class Webhook:
    """One receiver; `now` is the moment of signing, in seconds since 1970."""

    options: WebhookOptions
    now: Callable[[], float] = time.time
    name: str = "webhook"

    @property
    def traits(self) -> Traits:
        """What a small service of a shop can be asked to take, unless it is said to take more."""
        calls = self.options.calls_per_second
        return Traits(
            key=self.options.key,
            mode="mirror",
            on_exit="remove",
            batch_records=self.options.batch_records,
            batch_bytes=self.options.batch_bytes,
            calls_per_second=calls,
            burst=max(1, int(calls)),  # a second's worth
            concurrency=self.options.concurrency,
            replay="keyed",
        )

    @batch
    def write(self, records: Sequence[Record], key: str) -> Conversation:
        """The complete set of each record, an empty one for who leaves."""
        told = {"records": _told(records)}
        answer = yield self._signed(self.options.url, told, {"Idempotency-Key": key})
        not_markup(answer)
        if answer.status == _EACH:
            return _results(content(answer), answer, len(records))
        if is_success(answer):
            return [ACCEPTED] * len(records)
        if answer.status in _OF_THE_BATCH:
            raise BatchRefused(code(None, answer))
        raise Refused(f"webhook answers {answer.status}; allowed in SMALTI_WEBHOOK_URL is an address that takes POST")

    def notify(self, record: Record) -> Conversation:
        """One message by itself; its id is the key of the call."""
        if self.options.messages_url is None:
            raise Refused("webhook takes no messages; SMALTI_WEBHOOK_MESSAGES_URL says where the receiver does")
        [segment_id] = record.entered
        told = {"id": record.customer_id, "person": record.key, "segment_id": segment_id, **attributes(record)}
        key = {"Idempotency-Key": record.customer_id}
        answer = yield self._signed(self.options.messages_url, {"message": told}, key)
        not_markup(answer)
        if is_success(answer):
            return [ACCEPTED]
        if answer.status in _OF_THE_BATCH:
            raise BatchRefused(code(None, answer))
        raise Refused(
            f"webhook answers {answer.status}; allowed in SMALTI_WEBHOOK_MESSAGES_URL is an address that takes POST"
        )

    def read(self, records: Sequence[Record]) -> Reading:
        """Asks the receiver, where it has an address for that; of an id that it does not name, nothing stands there."""
        if self.options.read_url is None:
            raise Refused("webhook cannot be read; SMALTI_WEBHOOK_READ_URL says where the receiver can be asked")
        standing: dict[str, tuple[str, ...]] = {}
        for part in parts(records, self.traits.batch_records):
            answer = yield self._signed(self.options.read_url, {"ids": [record.key for record in part]}, {})
            for one in listed(content(answer, "records"), "records"):
                standing[str(one.get("id"))] = tuple(sorted(map(str, one.get("segment_ids") or ())))
        return [standing.get(record.key) for record in records]

    def _signed(self, url: HttpUrl, told: dict[str, Any], headers: dict[str, str]) -> Request:
        rendered, moment = body(told, self.traits.batch_bytes), int(self.now())
        secret = self.options.secret.get_secret_value().encode()
        digest = hmac.new(secret, b"%d." % moment + rendered, hashlib.sha256).hexdigest()
        signed = {"Content-Type": "application/json", "Smalti-Signature": f"t={moment},v1={digest}"}
        return Request("POST", str(url), signed | headers, rendered)


def connect() -> Webhook:
    """By the environment."""
    return Webhook(load(WebhookOptions))


def _told(records: Sequence[Record]) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = [{"id": one.key, "segment_ids": one.segment_ids} for one in records]
    for record, one in zip(records, told, strict=True):
        if named := (record.attributes or record.cleared) and attributes(record):
            one["attributes"] = named
    return told


def _results(told: dict[str, Any], answer: Answer, count: int) -> list[Outcome]:
    """One for each record, by its place in the batch; each must be named once."""
    results = {one.get("index"): one for one in listed(told, "results")}
    if set(results) != set(range(count)):
        raise Unreadable
    return [_outcome(results[at], answer) for at in range(count)]


def _outcome(result: dict[str, Any], answer: Answer) -> Outcome:
    told = result.get("outcome")
    if told == "accepted":
        return ACCEPTED
    if told in ("rejected", "retry"):
        return Outcome(told, code(result.get("code"), answer))
    raise Unreadable
