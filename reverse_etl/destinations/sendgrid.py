"""SendGrid Marketing: the complete set as text in a custom field of the contact with that e-mail address.

Contacts are taken by a job: its end is asked for. The ids stand between bars (`|high_value|lapsed|`), so that a search
for `|high_value|` finds no other segment, and the set of somebody who left is one bar: a field is never unset, which
SendGrid's upsert does not promise to do.
"""

import re
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field, HttpUrl, SecretStr
from pydantic_settings import SettingsConfigDict

from reverse_etl.connector import (
    ACCEPTED,
    Answer,
    BatchRefused,
    Conversation,
    Reading,
    Record,
    Request,
    Traits,
    Unreadable,
)
from reverse_etl.destination import Refused
from reverse_etl.options import Options, load
from reverse_etl.payload import attributes, batch, body, code, content, is_success, listed, parts

ATTRIBUTE_NAMES = re.compile("(?!smalti_segments$)[A-Za-z_][A-Za-z0-9_]{0,99}")
_READ = 100  # addresses that a search takes
_POLLS, _LONGEST_SECONDS = 20, 30.0
_NOBODY = 404
_CONTACTS, _FIELDS = "/v3/marketing/contacts", "/v3/marketing/field_definitions"


class SendgridOptions(Options):
    """The account; the custom field must be there, of type Text."""

    model_config = SettingsConfigDict(env_prefix="SMALTI_SENDGRID_")

    api_key: SecretStr
    url: HttpUrl = HttpUrl("https://api.sendgrid.com")
    field: str = Field(default="smalti_segments", pattern="^[A-Za-z_][A-Za-z0-9_]{0,99}$")


@dataclass(frozen=True)
class Sendgrid:
    """One account."""

    options: SendgridOptions
    name: str = "sendgrid"

    @property
    def traits(self) -> Traits:
        """30,000 contacts or 6 MB a call."""
        return Traits(
            key="email",
            mode="mirror",
            on_exit="clear",
            batch_records=30_000,
            batch_bytes=6_000_000,
            calls_per_second=3,
            burst=3,
        )

    @batch
    def write(self, records: Sequence[Record], key: str) -> Conversation:
        """`PUT /v3/marketing/contacts`, then its job until that has ended."""
        ids = yield from self._field_ids({name for one in records for name in attributes(one)})
        contacts = [{"email": one.key, "custom_fields": self._fields(one, ids)} for one in records]
        answer = yield self._call("PUT", _CONTACTS, {"contacts": contacts})
        told = content(answer, "job_id")
        if not is_success(answer):
            raise BatchRefused(code(None, answer))
        yield from self._ended(str(told["job_id"]))
        return [ACCEPTED] * len(records)

    def read(self, records: Sequence[Record]) -> Reading:
        """`POST /v3/marketing/contacts/search/emails`, 100 at a time; addresses come back in lower case."""
        standing: dict[str, tuple[str, ...]] = {}
        for part in parts(records, _READ):
            emails = [record.key for record in part]
            answer = yield self._call("POST", f"{_CONTACTS}/search/emails", {"emails": emails})
            told = content(answer, "result")
            standing |= self._found(told) if answer.status != _NOBODY else {}
        return [standing.get(record.key.lower()) for record in records]

    def _found(self, told: dict[str, Any]) -> dict[str, tuple[str, ...]]:
        """By address; one that nobody has comes with an error in place of the contact."""
        if not isinstance(result := told.get("result"), dict):
            raise Unreadable
        contacts = {email.lower(): one["contact"] for email, one in result.items() if "contact" in one}
        held = {email: (one.get("custom_fields") or {}).get(self.options.field, "") for email, one in contacts.items()}
        return {email: tuple(filter(None, str(text).split("|"))) for email, text in held.items()}

    def _fields(self, record: Record, ids: Mapping[str, str]) -> dict[str, str]:
        """An attribute that is not known is an empty text: a field is never unset."""
        told = {ids[name]: value or "" for name, value in attributes(record).items()}
        return {ids[self.options.field]: _text(record.segment_ids)} | told

    def _field_ids(self, names: set[str]) -> Generator[Request, Answer, dict[str, str]]:
        """Contacts name a custom field by its id, searches by its name."""
        answer = yield self._call("GET", _FIELDS)
        found = listed(content(answer, "custom_fields"), "custom_fields")
        ids = {str(one.get("name")): str(one.get("id")) for one in found}
        if missing := {self.options.field, *names} - ids.keys():
            told = ", ".join(map(repr, sorted(missing)))
            raise Refused(f"sendgrid has no custom field {told}; allowed is one of type Text")
        return ids

    def _ended(self, job_id: str) -> Generator[Request, Answer, None]:
        """Nothing, once the job has taken every contact.

        Raises:
            BatchRefused: it has not; which it has not taken stands in a file elsewhere.
            Unreadable: it goes on for longer than anybody waits.
        """
        for poll in range(_POLLS):
            after = min(2.0**poll, _LONGEST_SECONDS)
            answer = yield self._call("GET", f"{_CONTACTS}/imports/{job_id}", after_seconds=after)
            told = content(answer, "status")
            if told.get("status") in ("errored", "failed") or (told.get("results") or {}).get("errored_count"):
                raise BatchRefused(f"import_{told['status']}")
            if told.get("status") == "completed":
                return
        raise Unreadable

    def _call(self, method: Any, path: str, told: dict[str, Any] | None = None, after_seconds: float = 0.0) -> Request:
        headers = {
            "Authorization": f"Bearer {self.options.api_key.get_secret_value()}",
            "Content-Type": "application/json",
        }
        rendered = body(told, self.traits.batch_bytes) if told else b""
        return Request(method, str(self.options.url).rstrip("/") + path, headers, rendered, after_seconds)


def connect() -> Sendgrid:
    """By the environment."""
    return Sendgrid(load(SendgridOptions))


def _text(segment_ids: Sequence[str]) -> str:
    return "|".join(("", *segment_ids, ""))
