"""Braze: the complete set as an array attribute of the user with that external id.

An array that is sent replaces the one that stands there, so a call may be made again. Whoever leaves keeps an empty
array, and is not created for that. Attributes stand beside it under their own names; null takes one away.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import HttpUrl, SecretStr
from pydantic_settings import SettingsConfigDict

from reverse_etl.connector import (
    ACCEPTED,
    BatchRefused,
    Conversation,
    Outcome,
    Reading,
    Record,
    Request,
    Traits,
    Unreadable,
)
from reverse_etl.options import Options, load
from reverse_etl.payload import attributes, batch, body, code, content, is_success, listed, parts

ATTRIBUTE = "smalti_segments"
# custom ones: what Braze knows people and their subscriptions by is not ours to write
ATTRIBUTE_NAMES = re.compile(
    "(?!smalti_segments$|external_id$|braze_id$|user_alias$|email|phone$|first_name$|last_name$|dob$|gender$|push_"
    "|subscription_)[a-z][a-z0-9_]{0,99}"
)
_READ = 50  # external ids an export takes
_REFUSED = Outcome("rejected", "attribute_refused")


class BrazeOptions(Options):
    """The workspace: the REST endpoint of its instance, a key, and which of our ids is its external id."""

    model_config = SettingsConfigDict(env_prefix="SMALTI_BRAZE_")

    url: HttpUrl
    api_key: SecretStr
    key: Literal["customer_id", "contact_id_crm"] = "contact_id_crm"


@dataclass(frozen=True)
class Braze:
    """One workspace."""

    options: BrazeOptions
    name: str = "braze"

    @property
    def traits(self) -> Traits:
        """75 attribute objects a call; calls are bounded by the 2,500 a minute of reading."""
        return Traits(
            key=self.options.key,
            mode="mirror",
            on_exit="clear",
            batch_records=75,
            batch_bytes=1_000_000,
            calls_per_second=40,
            burst=10,
            concurrency=4,
        )

    @batch
    def write(self, records: Sequence[Record], key: str) -> Conversation:
        """`POST /users/track`."""
        answer = yield self._post("/users/track", {"attributes": [_attributes(record) for record in records]})
        told = content(answer, "message")
        if not is_success(answer):
            raise BatchRefused(code(told.get("message"), answer))
        if told["message"] != "success":
            raise Unreadable
        refused = {_index(error, len(records)) for error in listed({"errors": []} | told, "errors")}
        return [_REFUSED if at in refused else ACCEPTED for at in range(len(records))]

    def read(self, records: Sequence[Record]) -> Reading:
        """`POST /users/export/ids`, 50 at a time."""
        standing: dict[str, tuple[str, ...]] = {}
        for part in parts(records, _READ):
            ids = [record.key for record in part]
            told = {"external_ids": ids, "fields_to_export": ["external_id", "custom_attributes"]}
            answer = yield self._post("/users/export/ids", told)
            for user in listed(content(answer, "users"), "users"):
                held = (user.get("custom_attributes") or {}).get(ATTRIBUTE) or ()
                standing[str(user.get("external_id"))] = tuple(sorted(map(str, held)))
        return [standing.get(record.key) for record in records]

    def _post(self, path: str, told: dict[str, Any]) -> Request:
        headers = {
            "Authorization": f"Bearer {self.options.api_key.get_secret_value()}",
            "Content-Type": "application/json",
        }
        url = str(self.options.url).rstrip("/") + path
        return Request("POST", url, headers, body(told, self.traits.batch_bytes))


def connect() -> Braze:
    """By the environment."""
    return Braze(load(BrazeOptions))


def _attributes(record: Record) -> dict[str, Any]:
    left = {} if record.segment_ids else {"_update_existing_only": True}
    return {"external_id": record.key, ATTRIBUTE: list(record.segment_ids)} | attributes(record) | left


def _index(error: dict[str, Any], count: int) -> int:
    """Which attribute object an error is about; one about something unnamed leaves everything open."""
    at = error.get("index")
    if error.get("input_array") != "attributes" or not isinstance(at, int) or not 0 <= at < count:
        raise Unreadable
    return at
